/* Layout directories as caches: kept names, lost blobs, collection. */
#include "oci/layout_dir.h"

#include <sys/stat.h>

#include "oci/layout.h"
#include "oci/limits.h"
#include "tests/unit/oci_util.h"

static char *base, *dir;
static struct store *s;

static void setup(void)
{
	struct err e = ERR_INIT;

	base = oci_util_mkdir();
	dir = mem_printf("%s/out", base);
	AUTO_FREE char *root = mem_printf("%s/store", base);

	s = store_open(root, &e);
	ck_assert_msg(s != NULL, "%s", e.msg);
}

static void teardown(void)
{
	store_close(s);
	oci_util_rmdir(base);
	free(dir);
}

static void ok(int r, struct err *e)
{
	ck_assert_msg(r == 0, "%s", e->msg ? e->msg : "no message");
}

/* An image of one layer with these bytes; saved under the name. */
static struct digest save(const char *name, const char *layer, bool keep)
{
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_DESCRIPTOR struct descriptor d = {0};
	AUTO_BUF struct buf text = BUF_INIT(10000);
	struct layout_image im = {.name = mem_strdup(name)};
	struct err e = ERR_INIT;

	ok(store_blob_put(s, "{}", 2, MEDIATYPE_OCI_CONFIG, &m.config, &e), &e);
	ok(store_blob_put(s, layer, strlen(layer), MEDIATYPE_OCI_LAYER_GZIP, &d, &e), &e);
	manifest_add_layer(&m, &d);
	manifest_write(&m, &text);
	ok(store_blob_put(s, text.p, text.n, MEDIATYPE_OCI_MANIFEST, &im.manifest, &e), &e);
	struct digest made = im.manifest.digest;

	ok(layout_save_dir_with(s, dir, &im, 1, &(struct layout_save_opts){.keep = keep}, &e), &e);
	descriptor_release(&im.manifest);
	free(im.name);
	return made;
}

static void points_to(const char *name, const struct digest *want)
{
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;
	struct err e = ERR_INIT;
	const struct descriptor *found;

	ok(layout_dir_open(&d, dir, &e), &e);
	found = layout_dir_find(&d, name);
	if (!want) {
		ck_assert_ptr_null(found);
		return;
	}
	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found->digest.text, want->text);
	ck_assert(layout_dir_whole(&d, found));
}

static void drop_layer(const char *layer)
{
	AUTO_DESCRIPTOR struct descriptor d = {0};
	struct err e = ERR_INIT;

	ok(store_blob_put(s, layer, strlen(layer), MEDIATYPE_OCI_LAYER_GZIP, &d, &e), &e);
	AUTO_FREE char *name = layout_dir_blob_name(&d.digest), *path = mem_printf("%s/%s", dir, name);

	ck_assert_int_eq(unlink(path), 0);
}

START_TEST(names_are_kept_while_they_are_whole)
{
	struct digest first = save("a", "one", true), second;

	save("a", "two", true);
	points_to("a", &first);
	second = save("a", "two", false);
	points_to("a", &second);
	drop_layer("two");
	first = save("a", "one", true); /* what lost a blob is none */
	points_to("a", &first);
}
END_TEST

START_TEST(what_is_not_there)
{
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;
	struct err e = ERR_INIT;

	ck_assert_int_eq(layout_dir_open(&d, dir, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	err_release(&e);
	mkdir(dir, 0755); /* a first build is about to fill it */
	ck_assert_int_eq(layout_dir_open(&d, dir, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	err_release(&e);
}
END_TEST

START_TEST(documents_are_verified)
{
	struct digest made = save("a", "one", false);
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_FREE char *name = layout_dir_blob_name(&made), *path = mem_printf("%s/%s", dir, name);
	struct err e = ERR_INIT;
	FILE *f;

	chmod(path, 0644);
	f = fopen(path, "a");
	ck_assert_ptr_nonnull(f);
	fputs(" ", f);
	fclose(f);
	ok(layout_dir_open(&d, dir, &e), &e);
	ck_assert_int_eq(layout_dir_read(&d, layout_dir_find(&d, "a"), MANIFEST_MAX_BYTES, &text, &e), -1);
	ck_assert_int_eq(e.code, ERR_INTEGRITY);
	ck_assert_uint_eq(text.n, 0);
	ck_assert(!layout_dir_whole(&d, layout_dir_find(&d, "a")));
	err_release(&e);
}
END_TEST

static bool keep_b(void *arg, const struct layout_dir *d, const struct descriptor *entry)
{
	(void)arg;
	return layout_dir_find(d, "b") == entry;
}

START_TEST(collection)
{
	struct layout_gc_opts o = {.keep = keep_b, .dry_run = true};
	struct layout_gc_stats st;
	struct err e = ERR_INIT;
	struct digest a = save("a", "one", false), b = save("b", "two", false);

	ok(layout_gc(dir, &o, &st, &e), &e);
	ck_assert_uint_eq(st.entries, 1);
	ck_assert_uint_eq(st.blobs, 2); /* manifest and layer; the config is shared */
	points_to("a", &a);
	o.dry_run = false;
	ok(layout_gc(dir, &o, &st, &e), &e);
	ck_assert_uint_eq(st.blobs, 2);
	points_to("a", NULL);
	points_to("b", &b);
	ck_assert_int_eq(layout_gc("/nowhere/at/all", &o, &st, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	err_release(&e);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("layout_dir");
	TCase *t = tcase_create("layout_dir");
	SRunner *r;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, names_are_kept_while_they_are_whole);
	tcase_add_test(t, what_is_not_there);
	tcase_add_test(t, documents_are_verified);
	tcase_add_test(t, collection);
	suite_add_tcase(suite, t);
	r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed ? 1 : 0;
}
