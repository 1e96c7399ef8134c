/* gc keeps what is referenced and nothing else; fsck names every kind of damage and nothing in a good store. */
#include "oci/store_gc.h"
#include "src/util/clock.h"
#include "tests/unit/oci_util.h"

static char *base, *root;
static struct store *s;

static void setup(void)
{
	struct err e = ERR_INIT;

	base = oci_util_mkdir();
	root = mem_printf("%s/store", base);
	s = store_open_exclusive(root, &e);
	ck_assert_msg(s != NULL, "%s", e.msg);
}

static void teardown(void)
{
	store_close(s);
	oci_util_rmdir(base);
	free(root);
}

static struct digest digest_of(const char *text)
{
	struct digest d;

	digest_of_bytes(text, strlen(text), &d);
	return d;
}

/* A tree for the layer named by the text, with a record and (blob) its compressed form. */
static struct descriptor put_layer(const char *text, bool blob)
{
	struct digest diff = digest_of(text);
	AUTO_FREE char *rel = NULL, *etc = NULL, *packed = mem_printf("packed %s", text);
	struct descriptor d = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(store_tmp_dir(s, "tree", &rel, &e), 0);
	etc = mem_printf("%s/etc", rel);
	ck_assert_int_eq(mkdirat(store_fd(s), etc, 0755), 0);
	ck_assert_int_eq(store_layer_publish(s, rel, "real", &diff, &e), 0);
	if (!blob)
		return d;
	ck_assert_int_eq(store_blob_put(s, packed, strlen(packed), MEDIATYPE_OCI_LAYER_GZIP, &d, &e), 0);
	ck_assert_int_eq(store_layer_rec_add_blob(s, &diff, 1000, &d, "gzip:isal:1", &e), 0);
	return d;
}

static void release_layer(struct descriptor d)
{
	descriptor_release(&d);
}

/* An image of one layer; with a name: an image record, with a tag: an entry of index.json. */
static void put_image(const char *name, const char *tag, const char *layer, bool blobs)
{
	AUTO_IMGCONFIG struct imgconfig c;
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_STORE_IMAGE struct store_image i = {0};
	AUTO_DESCRIPTOR struct descriptor l = put_layer(layer, blobs);
	AUTO_BUF struct buf b = BUF_INIT(10000), mb = BUF_INIT(10000);
	struct platform p = {.os = "linux", .arch = "amd64"};
	struct digest diff = digest_of(layer);
	struct err e = ERR_INIT;

	imgconfig_init(&c, &p);
	vec_push(&c.diff_ids, diff);
	imgconfig_write(&c, &b);
	ck_assert_int_eq(store_blob_put(s, b.p, b.n, MEDIATYPE_OCI_CONFIG, &m.config, &e), 0);
	i.config = m.config.digest;
	digest_list_copy(&i.diff_ids, &c.diff_ids);
	if (blobs) {
		manifest_add_layer(&m, &l);
		manifest_write(&m, &mb);
		ck_assert_int_eq(store_blob_put(s, mb.p, mb.n, MEDIATYPE_OCI_MANIFEST, &i.manifest, &e), 0);
	}
	i.name = mem_strdup_opt(name);
	if (name)
		ck_assert_int_eq(store_image_put(s, &i, &e), 0);
	if (tag)
		ck_assert_int_eq(store_index_set(s, tag, &i.manifest, &e), 0);
}

static void put_cache(const char *name, const char *layer, int64_t age)
{
	struct digest d = digest_of(layer);
	AUTO_FREE char *text = mem_printf("{\"diff_ids\":[\"%s\"],\"used\":%lld}", d.text,
					  (long long)(clock_wall() / CLOCK_NS_PER_S - age));
	AUTO_FREE char *rel = mem_printf("cache/%s", name);
	struct err e = ERR_INIT;

	ck_assert_int_eq(store_record_put(s, rel, text, strlen(text), false, &e), 0);
}

static void put_origin(const char *layer)
{
	struct digest d = digest_of(layer);
	AUTO_FREE char *rel = mem_printf("origins/%s.json", digest_hex(&d));
	struct err e = ERR_INIT;

	ck_assert_int_eq(store_record_put(s, rel, "{}", 2, false, &e), 0);
}

static size_t entries(const char *dir)
{
	AUTO_FREE char *path = mem_printf("%s/%s", root, dir);
	DIR *d = opendir(path);
	size_t n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static bool has_layer(const char *text)
{
	struct digest d = digest_of(text);

	return store_layer_has(s, "real", &d);
}

static struct store_gc_stats run_gc(int64_t keep_ns, bool dry)
{
	struct store_gc_stats st;
	struct err e = ERR_INIT;

	ck_assert_msg(store_gc(s, keep_ns, dry, &st, &e) == 0, "%s", e.msg);
	return st;
}

static void collect(void *arg, const char *text)
{
	buf_printf(arg, "%s\n", text);
}

/* Number of problems; their texts in out. */
static int run_fsck(struct buf *out)
{
	struct err e = ERR_INIT;
	int n = store_fsck(s, NULL, collect, out, &e);

	ck_assert_int_ge(n, 0);
	return n;
}

#define HOUR_NS (INT64_C(3600) * CLOCK_NS_PER_S)

START_TEST(keeps)
{
	AUTO_BUF struct buf b = BUF_INIT(100000);
	struct store_gc_stats st, dry;
	struct err e = ERR_INIT;

	put_image("localhost/built:1", NULL, "built", false);
	put_image("docker.io/library/pulled:1", "docker.io/library/pulled:1", "pulled", true);
	put_image(NULL, "tagged:1", "tagged", true);
	put_image(NULL, NULL, "lost", true);
	release_layer(put_layer("recent", true));
	release_layer(put_layer("old", true));
	put_cache("recent", "recent", 60);
	put_cache("old", "old", 7200);
	ck_assert_int_eq(store_record_put(s, "cache/strange", "{\"x\":1}", 7, false, &e), 0);
	ck_assert_int_eq(store_record_put(s, "cache/torn", "{\"diff_", 7, false, &e), 0);
	ck_assert_int_eq(store_record_put(s, "stat/x", "s", 1, false, &e), 0);
	put_origin("built");
	put_origin("lost");
	dry = run_gc(HOUR_NS, true);
	ck_assert_uint_eq(entries("layers/real"), 6);
	ck_assert_uint_eq(entries("cache"), 4);
	st = run_gc(HOUR_NS, false);
	ck_assert_mem_eq(&st, &dry, sizeof(st));
	ck_assert(has_layer("built") && has_layer("pulled") && has_layer("tagged") && has_layer("recent"));
	ck_assert(!has_layer("lost") && !has_layer("old"));
	ck_assert_uint_eq(st.layers, 2);
	ck_assert_uint_eq(st.blobs, 4);	  /* lost: config, manifest, layer; old: layer */
	ck_assert_uint_eq(st.records, 6); /* three of the cache, two of layers, one origin */
	ck_assert_uint_eq(entries("origins"), 1);
	ck_assert_uint_gt(st.bytes, 2000);
	ck_assert_uint_eq(entries("blobs/sha256"), 1 + 3 + 3 + 1);
	ck_assert_uint_eq(entries("cache"), 1);
	ck_assert_uint_eq(entries("stat"), 1);
	ck_assert_uint_eq(entries("trash"), 2);
	ck_assert_int_eq(store_empty_trash(s), 0);
	ck_assert_uint_eq(entries("trash"), 0);
	ck_assert_msg(run_fsck(&b) == 0, "%s", buf_str(&b));
	/* a second time there is nothing left to do; without recent records one layer more goes */
	st = run_gc(HOUR_NS, false);
	ck_assert_uint_eq(st.layers + st.blobs + st.records, 0);
	st = run_gc(0, false);
	ck_assert_uint_eq(st.layers, 1);
	ck_assert(!has_layer("recent"));
	/* removing the name gives the image up, its tag too */
	ck_assert_int_eq(store_image_delete(s, "pulled:1", &e), 0);
	run_gc(0, false);
	ck_assert(!has_layer("pulled") && has_layer("built") && has_layer("tagged"));
	ck_assert_msg(run_fsck(&b) == 0, "%s", buf_str(&b));
}
END_TEST

START_TEST(keeps_nested_index)
{
	AUTO_INDEX struct index inner = {0}, outer = {0};
	AUTO_DESCRIPTOR struct descriptor d = {0}, di = {0}, dm = {0};
	AUTO_BUF struct buf a = BUF_INIT(10000), b = BUF_INIT(10000), c = BUF_INIT(10000);
	AUTO_MANIFEST struct manifest m = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(store_blob_put(s, "artifact", 8, "application/x", &m.config, &e), 0);
	manifest_add_layer(&m, &m.config);
	manifest_write(&m, &a);
	ck_assert_int_eq(store_blob_put(s, a.p, a.n, MEDIATYPE_OCI_MANIFEST, &dm, &e), 0);
	index_add(&inner, &dm);
	index_write(&inner, &b);
	ck_assert_int_eq(store_blob_put(s, b.p, b.n, MEDIATYPE_OCI_INDEX, &di, &e), 0);
	index_add(&outer, &di);
	index_write(&outer, &c);
	ck_assert_int_eq(store_blob_put(s, c.p, c.n, MEDIATYPE_OCI_INDEX, &d, &e), 0);
	ck_assert_int_eq(store_index_set(s, "nested", &d, &e), 0);
	run_gc(0, false);
	ck_assert_uint_eq(entries("blobs/sha256"), 4);
}
END_TEST

static void damage(const char *rel, const char *text)
{
	AUTO_FREE char *path = mem_printf("%s/%s", root, rel);
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* What is damaged must stop gc rather than cost an image its layers. */
START_TEST(stops_at_damage)
{
	struct store_gc_stats st;
	struct err e = ERR_INIT;
	AUTO_STORE_IMAGE struct store_image i = {0};
	AUTO_FREE char *blob = NULL;

	put_image("localhost/x:1", "localhost/x:1", "x", true);
	ck_assert_int_eq(store_image_get(s, "localhost/x:1", &i, &e), 0);
	blob = mem_printf("blobs/sha256/%s", digest_hex(&i.manifest.digest));
	damage(blob, "{}");
	ck_assert_int_eq(store_gc(s, 0, false, &st, &e), -1);
	ck_assert_int_eq(e.code, ERR_INTEGRITY);
	ck_assert(has_layer("x"));
	damage("images/localhost%2Fx%3A1.json", "");
	ck_assert_int_eq(store_gc(s, 0, false, &st, &e), -1);
	ck_assert(has_layer("x"));
	err_release(&e);
}
END_TEST

static const struct {
	const char *what, *problem;
} damages[] = {
	{"blob", "is damaged: its content has"},    {"no-blob", "is missing"},
	{"oci-layout", "imageLayoutVersion"},	    {"index.json", "index.json"},
	{"image", "images/localhost%2Fx%3A1.json"}, {"layer-record", "record of layer"},
	{"cache", "cache record cache/k"},	    {"built-layer", "localhost/built:1: layer"},
	{"stray-blob", "not the name of a blob"},   {"stray-layer", "not the name of a layer"},
};

static void break_store(const char *what)
{
	AUTO_STORE_IMAGE struct store_image i = {0};
	struct err e = ERR_INIT;
	AUTO_FREE char *blob = NULL, *rec = NULL, *layer = NULL;
	struct digest built = digest_of("built");

	ck_assert_int_eq(store_image_get(s, "localhost/x:1", &i, &e), 0);
	blob = mem_printf("blobs/sha256/%s", digest_hex(&i.config));
	rec = mem_printf("layers/%s.json", digest_hex(&i.diff_ids.v[0]));
	layer = store_layer_path("real", &built);
	if (strcmp(what, "blob") == 0)
		damage(blob, "{}");
	else if (strcmp(what, "no-blob") == 0)
		store_blob_delete(s, &i.config, &e);
	else if (strcmp(what, "oci-layout") == 0)
		damage("oci-layout", "{\"imageLayoutVersion\":\"9\"}");
	else if (strcmp(what, "index.json") == 0)
		damage("index.json", "{}");
	else if (strcmp(what, "image") == 0)
		damage("images/localhost%2Fx%3A1.json", "[]");
	else if (strcmp(what, "layer-record") == 0)
		damage(rec, "{\"version\":1}");
	else if (strcmp(what, "cache") == 0)
		damage("cache/k", "{");
	else if (strcmp(what, "built-layer") == 0)
		store_trash(s, layer, &e);
	else if (strcmp(what, "stray-blob") == 0)
		damage("blobs/sha256/readme", "x");
	else
		mkdirat(store_fd(s), "layers/real/readme", 0700);
}

START_TEST(fsck_finds)
{
	AUTO_BUF struct buf b = BUF_INIT(100000);

	put_image("localhost/x:1", "localhost/x:1", "x", true);
	put_image("localhost/built:1", NULL, "built", false);
	put_cache("k", "x", 0);
	ck_assert_msg(run_fsck(&b) == 0, "%s", buf_str(&b));
	break_store(damages[_i].what);
	ck_assert_int_ge(run_fsck(&b), 1);
	ck_assert_msg(strstr(buf_str(&b), damages[_i].problem), "%s", buf_str(&b));
}
END_TEST

struct verified {
	struct buf texts;
	unsigned calls;
};

static void verified_problem(void *arg, const char *text)
{
	struct verified *v = arg;

	buf_printf(&v->texts, "%s\n", text);
}

static int verify(void *arg, const char *form, const struct digest *diff_id, struct digest *found, struct err *e)
{
	struct verified *v = arg;

	ck_assert_str_eq(form, "real");
	v->calls++;
	*found = digest_of("good");
	if (strcmp(diff_id->text, digest_of("bad").text) == 0)
		return err_set(e, ERR_HOST, "cannot read it");
	return 0;
}

START_TEST(fsck_trees)
{
	struct verified v = {.texts = BUF_INIT(100000)};
	struct err e = ERR_INIT;

	put_layer("good", false);
	put_layer("changed", false);
	put_layer("bad", false);
	ck_assert_int_eq(store_fsck(s, verify, verified_problem, &v, &e), 2);
	ck_assert_uint_eq(v.calls, 3);
	ck_assert_ptr_nonnull(strstr(buf_str(&v.texts), "its tree gives"));
	ck_assert_ptr_nonnull(strstr(buf_str(&v.texts), "cannot read it"));
	buf_release(&v.texts);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_gc");
	TCase *t = tcase_create("store_gc");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, keeps);
	tcase_add_test(t, keeps_nested_index);
	tcase_add_test(t, stops_at_damage);
	tcase_add_loop_test(t, fsck_finds, 0, (int)ARRAY_LEN(damages));
	tcase_add_test(t, fsck_trees);
	suite_add_tcase(suite, t);
	return oci_util_run(suite);
}
