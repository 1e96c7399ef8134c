/* The store: opening, crash leftovers, blobs, layers, names, concurrent writers. */
#include <errno.h>
#include <sys/wait.h>

#include "oci/limits.h"
#include "oci/store.h"
#include "src/util/json.h"
#include "tests/unit/oci_util.h"

static char *base, *root;

static void setup(void)
{
	base = oci_util_mkdir();
	root = mem_printf("%s/a/store", base);
}

static void teardown(void)
{
	oci_util_rmdir(base);
	free(root);
}

static struct store *opened(void)
{
	struct err e = ERR_INIT;
	struct store *s = store_open(root, &e);

	ck_assert_msg(s != NULL, "%s", e.msg);
	return s;
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

static void put_file(const char *rel, const char *text)
{
	AUTO_FREE char *path = mem_printf("%s/%s", root, rel);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void make_dir(const char *rel)
{
	AUTO_FREE char *path = mem_printf("%s/%s", root, rel);

	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void expect_refused(enum err_code code, const char *why)
{
	struct err e = ERR_INIT;

	ck_assert_ptr_null(store_open(root, &e));
	ck_assert_int_eq(e.code, code);
	ck_assert_msg(strstr(e.msg, why) != NULL, "%s", e.msg);
	ck_assert_ptr_nonnull(e.hint);
	err_release(&e);
}

START_TEST(opens)
{
	struct store *s = opened();
	struct stat st;

	ck_assert_int_eq(stat(root, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_str_eq(store_root(s), root);
	store_close(s);
	ck_assert_uint_eq(entries("tmp"), 0);
	s = opened(); /* again, as it is now */
	store_close(s);
	put_file("slct-store.json", "{\"version\":2}");
	expect_refused(ERR_HOST, "format version 2");
	put_file("slct-store.json", "{}");
	{
		struct err e = ERR_INIT;

		ck_assert_ptr_null(store_open(root, &e));
		ck_assert_int_eq(e.code, ERR_INTEGRITY);
		err_release(&e);
	}
}
END_TEST

START_TEST(refuses_directories)
{
	AUTO_FREE char *parent = mem_printf("%s/a", base), *file = mem_printf("%s/lock/x", root);

	mkdir(parent, 0700);
	mkdir(root, 0700);
	put_file("somebody's", "data");
	expect_refused(ERR_HOST, "neither empty nor a store");
	ck_assert_uint_eq(entries("."), 1); /* nothing was added to it */
	oci_util_rmdir(mem_strdup(root));
	/* a creation that was cut off before the format file was written goes on */
	mkdir(root, 0700);
	make_dir("lock");
	make_dir("tmp");
	put_file("lock/x", "");
	store_close(opened());
	chmod(root, 0750);
	expect_refused(ERR_HOST, "open to other users (mode 0750)");
	chmod(root, 0700);
	ck_assert_int_eq(access(file, F_OK), 0);
}
END_TEST

START_TEST(refuses_other_owner)
{
	if (geteuid() != 0)
		return; /* needs to give a directory away */
	store_close(opened());
	ck_assert_int_eq(chown(root, 12345, 0), 0);
	expect_refused(ERR_HOST, "belongs to user 12345");
}
END_TEST

START_TEST(locks)
{
	struct err e = ERR_INIT;
	struct store *a = opened(), *b = opened();

	ck_assert_ptr_null(store_open_exclusive(root, &e));
	ck_assert_int_eq(e.code, ERR_TEMP);
	err_release(&e);
	store_close(a);
	store_close(b);
	a = store_open_exclusive(root, &e);
	ck_assert_ptr_nonnull(a);
	store_close(a);
}
END_TEST

/* What a killed process left is swept; what a living one has is not. */
START_TEST(sweeps)
{
	struct err e = ERR_INIT;
	struct store *alive = opened(), *s;
	AUTO_FREE char *mine = NULL, *path = NULL;
	int status;
	pid_t pid;

	ck_assert_int_eq(store_tmp_dir(alive, "tree", &mine, &e), 0);
	pid = fork();
	if (pid == 0) {
		struct store_blob_writer w;
		char *rel;
		struct store *dead = store_open(root, &e);

		if (!dead || store_tmp_dir(dead, "tree", &rel, &e) < 0 || store_blob_begin(dead, &w, &e) < 0)
			_exit(1);
		_exit(write(w.fd, "half", 4) == 4 ? 0 : 1); /* no store_close: as if killed */
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(entries("tmp"), 2);
	s = opened();
	ck_assert_uint_eq(entries("tmp"), 2); /* alive's and ours */
	ck_assert_uint_eq(entries("trash"), 1);
	path = mem_printf("%s/%s", root, mine);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(store_empty_trash(s), 0);
	ck_assert_uint_eq(entries("trash"), 0);
	store_close(s);
	store_close(alive); /* with its directory still there: that goes to the trash */
	ck_assert_uint_eq(entries("tmp"), 0);
	ck_assert_uint_eq(entries("trash"), 1);
}
END_TEST

/* A worker drops its copies; the opener's locks stay. */
START_TEST(forgets)
{
	struct err e = ERR_INIT;
	struct store *s = opened();
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		store_forget_lock(s);
		store_close(s);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_ptr_null(store_open_exclusive(root, &e));
	ck_assert_int_eq(e.code, ERR_TEMP);
	err_release(&e);
	ck_assert_uint_eq(entries("tmp"), 1);
	store_close(s);
}
END_TEST

START_TEST(blobs)
{
	AUTO_BUF struct buf b = BUF_INIT(100);
	AUTO_DESCRIPTOR struct descriptor d = {0};
	struct err e = ERR_INIT;
	struct store *s = opened();
	struct digest other;
	uint64_t size;
	AUTO_FREE char *rel = NULL, *path = NULL;

	ck_assert_int_eq(store_blob_put(s, "hello", 5, "text/plain", &d, &e), 0);
	ck_assert_str_eq(d.media_type, "text/plain");
	ck_assert_uint_eq(d.size, 5);
	ck_assert(store_blob_has(s, &d.digest, &size) && size == 5);
	ck_assert_int_eq(store_blob_read(s, &d.digest, 100, &b, &e), 0);
	ck_assert_str_eq(buf_str(&b), "hello");
	ck_assert_int_eq(store_blob_read(s, &d.digest, 4, &b, &e), -1);
	digest_of_bytes("x", 1, &other);
	ck_assert(!store_blob_has(s, &other, NULL));
	ck_assert_int_eq(store_blob_open(s, &other, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	/* a damaged blob is seen when read and healed when put again */
	rel = mem_printf("blobs/sha256/%s", digest_hex(&d.digest));
	path = mem_printf("%s/%s", root, rel);
	chmod(path, 0600);
	put_file(rel, "hellO");
	buf_clear(&b);
	ck_assert_int_eq(store_blob_read(s, &d.digest, 100, &b, &e), -1);
	ck_assert_int_eq(e.code, ERR_INTEGRITY);
	ck_assert_uint_eq(b.n, 0);
	ck_assert_int_eq(store_blob_put(s, "hello", 5, NULL, NULL, &e), 0);
	ck_assert_int_eq(store_blob_read(s, &d.digest, 100, &b, &e), 0);
	ck_assert_int_eq(store_blob_delete(s, &d.digest, &e), 0);
	ck_assert(!store_blob_has(s, &d.digest, NULL));
	ck_assert_int_eq(store_blob_delete(s, &d.digest, &e), 0);
	store_close(s);
	err_release(&e);
}
END_TEST

START_TEST(commits)
{
	static const struct {
		const char *text, *wanted;
		uint64_t summed, size; /* bytes that the caller says, bytes of the descriptor */
		enum err_code code;
	} rows[] = {
		{"data", "data", 4, 4, ERR_NONE},      {"data", "data", 4, 4, ERR_NONE}, /* once more */
		{"data", NULL, 4, 0, ERR_NONE},	       {"data", "other", 4, 4, ERR_INTEGRITY},
		{"data", "data", 4, 5, ERR_INTEGRITY}, {"data", NULL, 5, 0, ERR_INTEGRITY},
	};
	struct store *s = opened();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_DESCRIPTOR struct descriptor want = {0};
		struct err e = ERR_INIT;
		struct store_blob_writer w;
		struct digest d;

		digest_of_bytes(rows[i].text, 4, &d);
		if (rows[i].wanted) {
			digest_of_bytes(rows[i].wanted, strlen(rows[i].wanted), &want.digest);
			want.size = rows[i].size;
		}
		ck_assert_int_eq(store_blob_begin(s, &w, &e), 0);
		ck_assert_int_eq(write(w.fd, rows[i].text, 4), 4);
		ck_assert_int_eq(store_blob_commit(s, &w, &d, rows[i].summed, rows[i].wanted ? &want : NULL, &e),
				 rows[i].code ? -1 : 0);
		ck_assert_int_eq(e.code, rows[i].code);
		ck_assert_ptr_null(w.name);
		if (i == 3)
			ck_assert(strstr(e.msg, d.text) && strstr(e.msg, want.digest.text));
		err_release(&e);
	}
	store_close(s);
	ck_assert_uint_eq(entries("tmp"), 0);
	ck_assert_uint_eq(entries("blobs/sha256"), 1);
}
END_TEST

START_TEST(layers)
{
	AUTO_LAYER_REC struct store_layer_rec r = {0};
	AUTO_DESCRIPTOR struct descriptor blob = {0};
	AUTO_FREE char *one = NULL, *two = NULL, *three = NULL, *inner = NULL, *record = NULL;
	struct err e = ERR_INIT;
	struct store *s = opened();
	struct digest d;

	digest_of_bytes("tar", 3, &d);
	ck_assert_int_eq(store_layer_rec_get(s, &d, &r, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	descriptor_set(&blob, MEDIATYPE_OCI_LAYER_GZIP, &d, 77);
	ck_assert_int_eq(store_layer_rec_add_blob(s, &d, 0, &blob, "gzip:isal:1", &e), 0);
	ck_assert_int_eq(store_layer_rec_add_blob(s, &d, 10240, &blob, "pulled", &e), 0);
	ck_assert_int_eq(store_layer_rec_get(s, &d, &r, &e), 0);
	ck_assert_uint_eq(r.nblobs, 1);
	ck_assert_uint_eq(r.size, 10240);
	ck_assert_str_eq(r.blobs[0].codec, "gzip:isal:1");
	ck_assert_uint_eq(r.blobs[0].desc.size, 77);
	/* trees */
	ck_assert(!store_layer_has(s, "real", &d));
	ck_assert_int_eq(store_tmp_dir(s, "tree", &one, &e), 0);
	ck_assert_int_eq(store_tmp_dir(s, "tree", &two, &e), 0);
	ck_assert_int_eq(store_tmp_dir(s, "tree", &three, &e), 0);
	inner = mem_printf("%s/x", one);
	make_dir(inner);
	ck_assert_int_eq(store_layer_publish(s, one, "real", &d, &e), 0);
	ck_assert(store_layer_has(s, "real", &d));
	ck_assert_int_eq(store_layer_publish(s, two, "real", &d, &e), 0);
	ck_assert_uint_eq(entries("trash"), 1);
	ck_assert_uint_eq(entries("layers"), 2);
	ck_assert_int_eq(store_layer_publish(s, three, "../x", &d, &e), -1);
	ck_assert_int_eq(store_sync(s, &e), 0);
	/* a record that a power cut left empty is as none */
	record = mem_printf("layers/%s.json", digest_hex(&d));
	put_file(record, "");
	store_layer_rec_release(&r);
	ck_assert_int_eq(store_layer_rec_get(s, &d, &r, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	ck_assert_int_eq(store_layer_rec_add_blob(s, &d, 1, &blob, "zstd:3", &e), 0);
	store_close(s);
	err_release(&e);
}
END_TEST

static void put_image(struct store *s, const char *name, const char *config)
{
	struct err e = ERR_INIT;
	AUTO_DESCRIPTOR struct descriptor d = {0};
	struct store_image i = {.updated = 5};
	AUTO_FREE char *copy = mem_strdup(name);

	ck_assert_int_eq(store_blob_put(s, config, strlen(config), MEDIATYPE_OCI_CONFIG, &d, &e), 0);
	i.name = copy;
	i.config = d.digest;
	ck_assert_msg(store_image_put(s, &i, &e) == 0, "%s", e.msg);
}

START_TEST(image_names)
{
	static const char *const names[] = {
		"docker.io/library/demo:1",
		"localhost/debian:12",
		"..",
		"../../etc/passwd",
		".hidden",
		"a%2Fb",
		"a/b",
		"\xc3\xa4\x01 x",
		"%h",
		"A",
		"a",
	};
	AUTO_FREE char *longest = mem_alloc(3000);
	struct store *s = opened();
	struct err e = ERR_INIT;
	AUTO(store_image_list_release) struct store_image_list l = {0};

	memset(longest, 'x', 2999);
	longest[2999] = '\0';
	put_image(s, longest, "long");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put_image(s, names[i], names[i]);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_STORE_IMAGE struct store_image image = {0};
		struct digest d;

		ck_assert_int_eq(store_image_get(s, names[i], &image, &e), 0);
		ck_assert_str_eq(image.name, names[i]);
		digest_of_bytes(names[i], strlen(names[i]), &d);
		ck_assert(digest_eq(&d, &image.config));
	}
	ck_assert_int_eq(store_image_list(s, &l, &e), 0);
	ck_assert_uint_eq(l.n, ARRAY_LEN(names) + 1);
	ck_assert_str_eq(l.v[0].name, "%h");
	ck_assert_uint_eq(entries("images"), ARRAY_LEN(names) + 1);
	ck_assert_uint_eq(entries("."), 12);
	for (size_t i = 0; i < l.n; i++)
		ck_assert_int_eq(store_image_delete(s, l.v[i].name, &e), 0);
	ck_assert_uint_eq(entries("images"), 0);
	store_close(s);
}
END_TEST

START_TEST(image_look_up)
{
	static const struct {
		const char *text, *name; /* NULL: not found */
		enum err_code code;
	} rows[] = {
		{"docker.io/library/demo:1", "docker.io/library/demo:1", ERR_NONE},
		{"demo:1", "docker.io/library/demo:1", ERR_NONE},
		{"docker.io/demo:1", "docker.io/library/demo:1", ERR_NONE},
		{"demo", NULL, ERR_NOT_FOUND},
		{"Demo:1", NULL, ERR_NOT_FOUND},
		/* sha256 of "one" */
		{"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed", "docker.io/library/demo:1",
		 ERR_NONE},
		{"7692c3", "docker.io/library/demo:1", ERR_NONE},
		{"7692c", NULL, ERR_NOT_FOUND},
		{"7692c4", NULL, ERR_NOT_FOUND},
		{"", NULL, ERR_NOT_FOUND},
	};
	struct store *s = opened();
	struct err e = ERR_INIT;

	put_image(s, "docker.io/library/demo:1", "one");
	put_image(s, "localhost/demo:1", "two");
	put_image(s, "localhost/same:1", "one");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STORE_IMAGE struct store_image image = {0};
		int r = store_image_get(s, rows[i].text, &image, &e);

		ck_assert_msg(r == (rows[i].name ? 0 : -1), "%s", rows[i].text);
		ck_assert_int_eq(e.code, rows[i].code);
		ck_assert_pstr_eq(image.name, rows[i].name);
		err_release(&e);
	}
	ck_assert_int_eq(store_image_delete(s, "7692c3", &e), -1); /* two names */
	ck_assert_int_eq(e.code, ERR_USAGE);
	ck_assert_int_eq(store_image_delete(s, "demo:1", &e), 0);
	ck_assert_int_eq(store_image_delete(s, "7692c3", &e), 0);
	ck_assert_int_eq(store_image_delete(s, "demo:1", &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	err_release(&e);
	store_close(s);
}
END_TEST

START_TEST(image_round_trip)
{
	AUTO_STORE_IMAGE struct store_image i = {.updated = 1234567}, got = {0};
	AUTO_IMGCONFIG struct imgconfig c, read;
	AUTO_BUF struct buf b = BUF_INIT(10000);
	AUTO_DESCRIPTOR struct descriptor config = {0};
	struct platform p = {.os = "linux", .arch = "amd64"};
	struct err e = ERR_INIT;
	struct store *s = opened();
	struct digest d;

	imgconfig_init(&c, &p);
	digest_of_bytes("layer", 5, &d);
	vec_push(&c.diff_ids, d);
	imgconfig_write(&c, &b);
	ck_assert_int_eq(store_blob_put(s, b.p, b.n, MEDIATYPE_OCI_CONFIG, &config, &e), 0);
	i.name = mem_strdup("localhost/x:1");
	i.config = config.digest;
	digest_list_copy(&i.diff_ids, &c.diff_ids);
	descriptor_set(&i.manifest, MEDIATYPE_OCI_MANIFEST, &d, 9);
	ck_assert_int_eq(store_image_put(s, &i, &e), 0);
	ck_assert_int_eq(store_image_get(s, "localhost/x:1", &got, &e), 0);
	ck_assert(digest_list_eq(&got.diff_ids, &i.diff_ids));
	ck_assert_str_eq(got.manifest.digest.text, d.text);
	ck_assert_int_eq(got.updated, 1234567);
	ck_assert_int_eq(store_image_config(s, &got, &read, &e), 0);
	ck_assert(digest_list_eq(&read.diff_ids, &i.diff_ids));
	/* a damaged record does not hide the others */
	put_image(s, "localhost/y:1", "y");
	put_file("images/localhost%2Fy%3A1.json", "{\"version\":1");
	{
		AUTO(store_image_list_release) struct store_image_list l = {0};

		ck_assert_int_eq(store_image_list(s, &l, &e), 0);
		ck_assert_uint_eq(l.n, 1);
	}
	store_image_release(&i);
	ck_assert_int_eq(store_image_get(s, "localhost/y:1", &i, &e), -1);
	ck_assert_int_eq(e.code, ERR_INTEGRITY);
	err_release(&e);
	store_close(s);
}
END_TEST

START_TEST(records)
{
	AUTO_BUF struct buf b = BUF_INIT(100);
	struct store *s = opened();
	struct err e = ERR_INIT;
	static const char *const bad[] = {"../x", "/etc/x", "a/../../x", "a//b", "", "a/."};

	ck_assert_int_eq(store_record_put(s, "cache/k/1", "one", 3, false, &e), 0);
	ck_assert_int_eq(store_record_put(s, "cache/k/1", "two", 3, true, &e), 0);
	ck_assert_int_eq(store_record_get(s, "cache/k/1", 3, &b, &e), 0);
	ck_assert_str_eq(buf_str(&b), "two");
	ck_assert_int_eq(store_record_get(s, "cache/k/1", 2, &b, &e), -1);
	ck_assert_int_eq(store_record_get(s, "cache/none", 2, &b, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_int_eq(store_record_put(s, bad[i], "x", 1, false, &e), -1);
		ck_assert_int_eq(store_record_get(s, bad[i], 10, &b, &e), -1);
	}
	err_release(&e);
	store_close(s);
	ck_assert_uint_eq(entries("tmp"), 0);
}
END_TEST

static size_t index_count(const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/index.json", root);
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_INDEX struct index x = {0};
	struct err e = ERR_INIT;
	size_t n = 0;

	oci_util_read(path, &b);
	ck_assert_msg(index_parse(b.p, b.n, MEDIATYPE_OCI_INDEX, &x, ERR_INPUT, &e) == 0, "%s", e.msg);
	for (size_t i = 0; i < x.n; i++) {
		const char *own = json_get_str(x.manifests[i].annotations, "org.opencontainers.image.ref.name");

		n += !name || (own && strcmp(own, name) == 0);
	}
	return n;
}

/* Two processes put the same blobs, tags and layer records: nothing is lost, nothing is torn. */
START_TEST(concurrent)
{
	enum { LOOPS = 25 };
	struct store *s;
	pid_t pid[2];

	for (int k = 0; k < 2; k++) {
		pid[k] = fork();
		for (int i = 0; pid[k] == 0; i++) {
			AUTO_DESCRIPTOR struct descriptor d = {0};
			AUTO_FREE char *text = mem_printf("blob %d", i), *tag = mem_printf("tag%d-%d", k, i);
			struct err e = ERR_INIT;
			struct digest layer;

			s = store_open(root, &e);
			digest_of_bytes("layer", 5, &layer);
			if (i == LOOPS)
				_exit(0);
			if (!s || store_blob_put(s, text, strlen(text), MEDIATYPE_OCI_MANIFEST, &d, &e) < 0 ||
			    store_index_set(s, tag, &d, &e) < 0 || store_index_set(s, "same", &d, &e) < 0 ||
			    store_layer_rec_add_blob(s, &layer, 1, &d, "none", &e) < 0)
				_exit(1);
			store_close(s);
		}
	}
	for (int k = 0; k < 2; k++) {
		int status;

		ck_assert_int_eq(waitpid(pid[k], &status, 0), pid[k]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(index_count(NULL), 2 * LOOPS + 1);
	ck_assert_uint_eq(index_count("same"), 1);
	ck_assert_uint_eq(entries("blobs/sha256"), LOOPS);
	s = opened();
	{
		AUTO_LAYER_REC struct store_layer_rec r = {0};
		struct err e = ERR_INIT;
		struct digest layer;

		digest_of_bytes("layer", 5, &layer);
		ck_assert_int_eq(store_layer_rec_get(s, &layer, &r, &e), 0);
		ck_assert_uint_eq(r.nblobs, LOOPS);
		ck_assert_int_eq(store_index_del(s, "same", &e), 0);
		ck_assert_int_eq(store_index_del(s, "same", &e), 0);
	}
	ck_assert_uint_eq(index_count(NULL), 2 * LOOPS);
	store_close(s);
}
END_TEST

START_TEST(default_root)
{
	AUTO_FREE char *a = NULL, *b = NULL;

	setenv("SLCT_ROOT", "/x/y", 1);
	a = store_default_root();
	ck_assert_str_eq(a, "/x/y");
	unsetenv("SLCT_ROOT");
	setenv("XDG_DATA_HOME", "/data", 1);
	b = store_default_root();
	ck_assert_str_eq(b, geteuid() == 0 ? "/var/lib/slct" : "/data/slct");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("store");
	const TTest *const tests[] = {
		opens,
		refuses_directories,
		refuses_other_owner,
		locks,
		sweeps,
		forgets,
		blobs,
		commits,
		layers,
		image_names,
		image_look_up,
		image_round_trip,
		records,
		concurrent,
		default_root,
	};

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return oci_util_run(s);
}
