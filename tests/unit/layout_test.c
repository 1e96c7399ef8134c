/* Layout directories and archives: what is written is read back, foreign and hostile ones get a clear answer. */
#include <sys/wait.h>

#include "oci/compress.h"
#include "oci/layout.h"
#include "oci/limits.h"
#include "oci/store_gc.h"
#include "oci/tar_write.h"
#include "src/util/json.h"
#include "tests/unit/oci_util.h"

static char *base, *dir, *file;
static struct store *s, *other;
static const struct platform amd64 = {.os = "linux", .arch = "amd64"};

static struct store *open_store(const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/%s", base, name);
	struct err e = ERR_INIT;
	struct store *st = store_open(path, &e);

	ck_assert_msg(st != NULL, "%s", e.msg);
	return st;
}

static void setup(void)
{
	base = oci_util_mkdir();
	dir = mem_printf("%s/out", base);
	file = mem_printf("%s/out.tar", base);
	s = open_store("store");
	other = open_store("other");
}

static void teardown(void)
{
	store_close(s);
	store_close(other);
	oci_util_rmdir(base);
	free(dir);
	free(file);
}

/* A layer of one file; its blob and diff id. */
static void put_layer(const char *text, enum mediatype_codec codec, struct descriptor *blob, struct digest *diff_id)
{
	AUTO_HASH struct hash *outer = hash_new(HASH_SHA256), *inner = hash_new(HASH_SHA256);
	struct layer_codec c = {.codec = codec};
	struct store_blob_writer w;
	struct err e = ERR_INIT;
	struct wstream *out;
	struct tar_write *t;
	struct digest d;
	uint64_t size = 0;

	ck_assert_int_eq(store_blob_begin(s, &w, &e), 0);
	out = stream_hash_w(stream_to_fd(w.fd, false, "layer"), outer, &size);
	out = stream_hash_w(compress_writer(out, &c, &e), inner, NULL);
	t = tar_write_new(out);
	ck_assert_int_eq(tar_write_file(t, "etc/name", 0644, 1, text, strlen(text), &e), 0);
	ck_assert_int_eq(tar_write_end(t, &e), 0);
	tar_write_free(t);
	ck_assert_int_eq(stream_finish(out, &e), 0);
	stream_wclose(out);
	digest_from_hash(HASH_SHA256, outer, &d);
	digest_from_hash(HASH_SHA256, inner, diff_id);
	ck_assert_int_eq(store_blob_commit(s, &w, &d, size, NULL, &e), 0);
	*blob = (struct descriptor){0};
	descriptor_set(blob, mediatype_for_layer(codec), &d, size);
}

/* An image of two layers, the second one its own. */
static void put_image(const char *text, struct descriptor *manifest)
{
	AUTO_IMGCONFIG struct imgconfig c;
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_BUF struct buf b = BUF_INIT(100000), mb = BUF_INIT(100000);
	struct err e = ERR_INIT;

	imgconfig_init(&c, &amd64);
	for (int i = 0; i < 2; i++) {
		AUTO_DESCRIPTOR struct descriptor blob = {0};
		struct digest diff;

		put_layer(i ? text : "base", i ? CODEC_ZSTD : CODEC_GZIP, &blob, &diff);
		manifest_add_layer(&m, &blob);
		vec_push(&c.diff_ids, diff);
		imgconfig_add_history(&c, NULL, "COPY", NULL, false);
	}
	imgconfig_write(&c, &b);
	ck_assert_int_eq(store_blob_put(s, b.p, b.n, MEDIATYPE_OCI_CONFIG, &m.config, &e), 0);
	manifest_write(&m, &mb);
	ck_assert_int_eq(store_blob_put(s, mb.p, mb.n, MEDIATYPE_OCI_MANIFEST, manifest, &e), 0);
}

static struct layout_image image(const char *name, const char *text)
{
	struct layout_image i = {.name = mem_strdup_opt(name)};

	put_image(text, &i.manifest);
	return i;
}

static void free_images(struct layout_image *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].name);
		descriptor_release(&v[i].manifest);
	}
}

static void ok(int r, struct err *e)
{
	ck_assert_msg(r == 0, "%s", e->msg ? e->msg : "no message");
}

static size_t entries(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;

	ck_assert_msg(d != NULL, "%s", path);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static char *read_text(const char *path)
{
	struct buf b = BUF_INIT(10 << 20);

	oci_util_read(path, &b);
	return buf_steal(&b);
}

static void write_text(const char *path, const char *text)
{
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* All blobs of the manifest are in `other`, and it is the same manifest. */
static void check_loaded(const struct descriptor *got, const struct descriptor *want)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	struct err e = ERR_INIT;

	ck_assert_str_eq(got->digest.text, want->digest.text);
	ck_assert_uint_eq(got->size, want->size);
	ok(store_blob_read(other, &got->digest, MANIFEST_MAX_BYTES, &b, &e), &e);
	ok(manifest_parse(b.p, b.n, got->media_type, &m, ERR_INPUT, &e), &e);
	ck_assert(store_blob_has(other, &m.config.digest, NULL));
	ck_assert_uint_eq(m.nlayers, 2);
	for (size_t i = 0; i < m.nlayers; i++)
		ck_assert(store_blob_has(other, &m.layers[i].digest, NULL));
}

START_TEST(directory)
{
	struct layout_image v[] = {image("demo:1", "one"), image("demo:2", "two"), image("demo:1", "three"),
				   image(NULL, "four")};
	AUTO_FREE char *blobs = mem_printf("%s/blobs/sha256", dir);
	AUTO_FREE char *name = NULL;
	AUTO_DESCRIPTOR struct descriptor got = {0};
	struct err e = ERR_INIT;

	ok(layout_save_dir(s, dir, v, 2, &e), &e);
	ck_assert_uint_eq(entries(dir), 3);
	ck_assert_uint_eq(entries(blobs), 7); /* the base layer is shared */
	ok(layout_load_dir(other, dir, "demo:2", &amd64, &got, &name, &e), &e);
	check_loaded(&got, &v[1].manifest);
	ck_assert_str_eq(name, "demo:2");
	descriptor_release(&got);
	/* extended: one tag replaced, one image without name, twice */
	ok(layout_save_dir(s, dir, v + 2, 2, &e), &e);
	ok(layout_save_dir(s, dir, v + 3, 1, &e), &e);
	ck_assert_uint_eq(entries(blobs), 13);
	ok(layout_load_dir(other, dir, "demo:1", &amd64, &got, NULL, &e), &e);
	check_loaded(&got, &v[2].manifest);
	ck_assert_int_eq(layout_load_dir(other, dir, NULL, &amd64, &got, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "3 images"));
	ck_assert_int_eq(layout_load_dir(other, dir, "none", &amd64, &got, NULL, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(e.msg, "demo:2"));
	err_release(&e);
	free_images(v, ARRAY_LEN(v));
}
END_TEST

/* Entries and members of other tools stay as they are; leftovers of a killed save go. */
START_TEST(foreign_layout)
{
	struct layout_image v = image("mine", "one");
	AUTO_FREE char *index = mem_printf("%s/index.json", dir), *left = mem_printf("%s/.slct-tmp.0123", dir);
	AUTO_FREE char *layout = mem_printf("%s/oci-layout", dir), *text = NULL;
	struct err e = ERR_INIT;

	mkdir(dir, 0755);
	write_text(layout, "{\"imageLayoutVersion\": \"1.0.0\"}");
	write_text(left, "half a blob");
	write_text(index,
		   "{\"schemaVersion\":2,\"x-tool\":[1],\"manifests\":[{\"mediaType\":\"application/vnd.x+json\","
		   "\"digest\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":0,"
		   "\"artifactType\":\"a/b\",\"annotations\":{\"org.opencontainers.image.ref.name\":\"theirs\"}}]}");
	ok(layout_save_dir(s, dir, &v, 1, &e), &e);
	text = read_text(index);
	ck_assert(strstr(text, "\"x-tool\":[1]") && strstr(text, "\"artifactType\":\"a/b\"") && strstr(text, "theirs"));
	ck_assert_ptr_nonnull(strstr(text, "\"mine\""));
	ck_assert_int_ne(access(left, F_OK), 0);
	write_text(layout, "{\"imageLayoutVersion\": \"2.0.0\"}");
	ck_assert_int_eq(layout_save_dir(s, dir, &v, 1, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "version 1.0.0"));
	unlink(layout);
	ck_assert_int_eq(layout_save_dir(s, dir, &v, 1, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "neither empty nor an image layout"));
	err_release(&e);
	free_images(&v, 1);
}
END_TEST

START_TEST(concurrent_saves)
{
	pid_t pid[2];
	struct layout_image v[2] = {image("a", "one"), image("b", "two")};
	AUTO_FREE char *index = mem_printf("%s/index.json", dir), *text = NULL;

	for (int k = 0; k < 2; k++) {
		pid[k] = fork();
		if (pid[k] == 0) {
			struct err e = ERR_INIT;

			for (int i = 0; i < 10; i++) {
				if (layout_save_dir(s, dir, &v[k], 1, &e) < 0)
					_exit(1);
			}
			_exit(0);
		}
	}
	for (int k = 0; k < 2; k++) {
		int status;

		ck_assert_int_eq(waitpid(pid[k], &status, 0), pid[k]);
		ck_assert_int_eq(status, 0);
	}
	text = read_text(index);
	ck_assert(strstr(text, "\"a\"") && strstr(text, "\"b\""));
	free_images(v, 2);
}
END_TEST

START_TEST(oci_archive)
{
	struct layout_image v[] = {image("demo:1", "one"), image("demo:2", "two")};
	AUTO_DESCRIPTOR struct descriptor got = {0};
	AUTO_FREE char *again = mem_printf("%s/again.tar", base), *name = NULL;
	AUTO_BUF struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	ok(layout_save_archive(s, file, v, 2, &e), &e);
	ok(layout_save_archive(s, again, v, 2, &e), &e);
	oci_util_read(file, &a);
	oci_util_read(again, &b);
	ck_assert(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
	ok(layout_load_archive(other, file, "demo:2", &amd64, &got, &name, &e), &e);
	ck_assert_str_eq(name, "demo:2");
	check_loaded(&got, &v[1].manifest);
	free_images(v, 2);
}
END_TEST

START_TEST(docker_archive)
{
	struct layout_image v[] = {image("docker.io/library/demo:1", "one"), image("localhost/x:2", "two"),
				   image(NULL, "three")};
	AUTO_DESCRIPTOR struct descriptor got = {0};
	AUTO_FREE char *again = mem_printf("%s/again.tar", base), *name = NULL;
	AUTO_BUF struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20);
	AUTO_MANIFEST struct manifest m = {0}, was = {0};
	AUTO_LAYER_REC struct store_layer_rec rec = {0};
	struct err e = ERR_INIT;

	ok(layout_save_docker(s, file, v, 3, &e), &e);
	ok(layout_save_docker(s, again, v, 3, &e), &e);
	oci_util_read(file, &a);
	oci_util_read(again, &b);
	ck_assert(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
	ok(layout_load_archive(other, file, "demo:1", &amd64, &got, &name, &e), &e);
	ck_assert_str_eq(name, "docker.io/library/demo:1");
	/* the config is the same, the layers are not compressed */
	ok(store_blob_read(other, &got.digest, 1 << 20, &text, &e), &e);
	ok(manifest_parse(text.p, text.n, got.media_type, &m, ERR_INPUT, &e), &e);
	buf_clear(&text);
	ok(store_blob_read(s, &v[0].manifest.digest, 1 << 20, &text, &e), &e);
	ok(manifest_parse(text.p, text.n, NULL, &was, ERR_INPUT, &e), &e);
	ck_assert(digest_eq(&m.config.digest, &was.config.digest));
	ck_assert_str_eq(m.layers[1].media_type, MEDIATYPE_OCI_LAYER);
	ok(store_layer_rec_get(other, &m.layers[1].digest, &rec, &e), &e);
	ck_assert_str_eq(rec.blobs[0].codec, "none");
	ck_assert_uint_eq(rec.size, m.layers[1].size);
	ck_assert_int_eq(layout_load_archive(other, file, NULL, &amd64, &got, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "localhost/x:2"));
	err_release(&e);
	free_images(v, 3);
}
END_TEST

/* --- foreign and hostile archives --- */

#define EMPTY_SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define CONFIG(ids)                                                                                                    \
	"{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" ids "]}}"
#define INDEX(digest, size)                                                                                            \
	"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MEDIATYPE_OCI_MANIFEST "\",\"digest\":\"" digest       \
	"\",\"size\":" size "}]}"
#define LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

struct member {
	const char *name, *text, *link;
};

static const struct {
	const char *what;
	struct member m[6];
	const char *why; /* NULL: accepted */
	enum err_code code;
} archives[] = {
	{"empty layer by a link out of its directory, as docker save writes it",
	 {{"manifest.json", "[{\"Config\":\"c.json\",\"RepoTags\":[\"x:1\"],\"Layers\":[\"b/layer.tar\"]}]", NULL},
	  {"c.json", CONFIG("\"sha256:" EMPTY_SHA "\""), NULL},
	  {"a/layer.tar", "", NULL},
	  {"b/layer.tar", NULL, "../a/layer.tar"}},
	 NULL,
	 ERR_NONE},
	{"names with ./ before",
	 {{"./manifest.json", "[{\"Config\":\"c.json\",\"RepoTags\":null,\"Layers\":null}]", NULL},
	  {"./c.json", CONFIG(""), NULL}},
	 NULL,
	 ERR_NONE},
	{"nothing", {{"readme", "x", NULL}}, "neither an oci-archive", ERR_INPUT},
	{"wrong layer",
	 {{"manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"l\"]}]", NULL},
	  {"c.json", CONFIG("\"sha256:" EMPTY_SHA "\""), NULL},
	  {"l", "not empty", NULL}},
	 "has diff id",
	 ERR_INTEGRITY},
	{"missing layer",
	 {{"manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"/etc/passwd\"]}]", NULL},
	  {"c.json", CONFIG("\"sha256:" EMPTY_SHA "\""), NULL}},
	 "\"/etc/passwd\" is not in the archive",
	 ERR_NOT_FOUND},
	{"link to the host",
	 {{"manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[]}]", NULL}, {"c.json", NULL, "/etc/passwd"}},
	 "\"c.json\" is not in the archive",
	 ERR_NOT_FOUND},
	{"link to itself",
	 {{"manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[]}]", NULL}, {"c.json", NULL, "c.json"}},
	 "is not in the archive",
	 ERR_NOT_FOUND},
	{"too few layers",
	 {{"manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[]}]", NULL},
	  {"c.json", CONFIG("\"sha256:" EMPTY_SHA "\""), NULL}},
	 "names 0 layers, the config has 1",
	 ERR_INPUT},
	{"two of one name",
	 {{"manifest.json", "[]", NULL}, {"manifest.json", "[1]", NULL}},
	 "two different members of one name",
	 ERR_INPUT},
	{"manifest.json is an object", {{"manifest.json", "{}", NULL}}, "not an array", ERR_INPUT},
	{"no image", {{"manifest.json", "[]", NULL}}, "0 images", ERR_INPUT},
	{"entry is text", {{"manifest.json", "[\"x\"]", NULL}}, "manifest.json", ERR_INPUT},
	{"layout of another version",
	 {{"oci-layout", "{\"imageLayoutVersion\":\"1.1\"}", NULL},
	  {"index.json", INDEX("sha256:" EMPTY_SHA, "0"), NULL}},
	 "imageLayoutVersion",
	 ERR_INPUT},
	{"missing blob",
	 {{"oci-layout", LAYOUT, NULL}, {"index.json", INDEX("sha256:" EMPTY_SHA, "0"), NULL}},
	 "is not in the archive",
	 ERR_NOT_FOUND},
	{"wrong blob",
	 {{"oci-layout", LAYOUT, NULL},
	  {"index.json", INDEX("sha256:" EMPTY_SHA, "1"), NULL},
	  {"blobs/sha256/" EMPTY_SHA, "x", NULL}},
	 "expected were",
	 ERR_INTEGRITY},
	{"wrong size",
	 {{"oci-layout", LAYOUT, NULL},
	  {"index.json", INDEX("sha256:" EMPTY_SHA, "5"), NULL},
	  {"blobs/sha256/" EMPTY_SHA, "", NULL}},
	 "expected were",
	 ERR_INTEGRITY},
	{"manifest is no manifest",
	 {{"oci-layout", LAYOUT, NULL},
	  {"index.json", INDEX("sha256:" EMPTY_SHA, "0"), NULL},
	  {"blobs/sha256/" EMPTY_SHA, "", NULL}},
	 "image manifest",
	 ERR_INTEGRITY},
	{"huge manifest",
	 {{"oci-layout", LAYOUT, NULL}, {"index.json", INDEX("sha256:" EMPTY_SHA, "5000000"), NULL}},
	 "at most",
	 ERR_INPUT},
	{"digest that is a path",
	 {{"oci-layout", LAYOUT, NULL}, {"index.json", INDEX("sha256:../../../etc/passwd", "5"), NULL}},
	 "digest",
	 ERR_INPUT},
	{"index.json is a manifest",
	 {{"oci-layout", LAYOUT, NULL}, {"index.json", "{\"schemaVersion\":2,\"layers\":[],\"config\":{}}", NULL}},
	 "image index",
	 ERR_INPUT},
};

static void write_archive(const char *path, const struct member *m, size_t n)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	struct wstream *w = stream_to_fd(fd, true, path);
	struct tar_write *t = tar_write_new(w);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n && m[i].name; i++) {
		if (m[i].link) {
			AUTO_FREE char *name = mem_strdup(m[i].name), *link = mem_strdup(m[i].link);
			struct entry en = {.path = name, .link = link, .mode = S_IFLNK | 0777};

			ok(tar_write_entry(t, &en, &e), &e);
			continue;
		}
		ok(tar_write_file(t, m[i].name, 0644, 0, m[i].text, strlen(m[i].text), &e), &e);
	}
	ok(tar_write_end(t, &e), &e);
	tar_write_free(t);
	ok(stream_finish(w, &e), &e);
	stream_wclose(w);
}

START_TEST(foreign_archives)
{
	AUTO_DESCRIPTOR struct descriptor got = {0};
	AUTO_FREE char *tmp = mem_printf("%s/other/tmp", base);
	struct err e = ERR_INIT;
	int r;

	write_archive(file, archives[_i].m, ARRAY_LEN(archives[_i].m));
	r = layout_load_archive(other, file, NULL, &amd64, &got, NULL, &e);
	if (!archives[_i].why) {
		ck_assert_msg(r == 0, "%s: %s", archives[_i].what, e.msg);
	} else {
		ck_assert_msg(r == -1, "%s", archives[_i].what);
		ck_assert_msg(e.code == archives[_i].code && strstr(e.msg, archives[_i].why), "%s: %s (%s)",
			      archives[_i].what, e.msg, err_code_name(e.code));
		err_release(&e);
	}
	/* nothing is left of what was not needed */
	store_close(other);
	ck_assert_uint_eq(entries(tmp), 0);
	other = open_store("other");
}
END_TEST

START_TEST(not_archives)
{
	AUTO_DESCRIPTOR struct descriptor got = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(layout_load_archive(other, file, NULL, &amd64, &got, NULL, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	write_text(file, "#!/bin/sh\necho this is no tar\n");
	ck_assert_int_eq(layout_load_archive(other, file, NULL, &amd64, &got, NULL, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_int_eq(layout_load_dir(other, file, NULL, &amd64, &got, NULL, &e), -1);
	ck_assert_int_eq(layout_load_dir(other, base, NULL, &amd64, &got, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "oci-layout is missing"));
	err_release(&e);
}
END_TEST

/* Links and fifos in a foreign directory are neither followed nor waited for. */
START_TEST(hostile_directory)
{
	struct layout_image v = image("x", "one");
	AUTO_FREE char *blob = mem_printf("%s/blobs/sha256/%s", dir, digest_hex(&v.manifest.digest));
	AUTO_FREE char *moved = mem_printf("%s/moved", base), *index = mem_printf("%s/index.json", dir);
	AUTO_DESCRIPTOR struct descriptor got = {0};
	struct err e = ERR_INIT;

	ok(layout_save_dir(s, dir, &v, 1, &e), &e);
	ck_assert_int_eq(rename(blob, moved), 0);
	ck_assert_int_eq(symlink(moved, blob), 0);
	ck_assert_int_eq(layout_load_dir(other, dir, "x", &amd64, &got, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "symbolic link"));
	unlink(blob);
	ck_assert_int_eq(mkfifo(blob, 0600), 0);
	ck_assert_int_eq(layout_load_dir(other, dir, "x", &amd64, &got, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "not a regular file"));
	write_text(blob, "{}");
	ck_assert_int_eq(layout_load_dir(other, dir, "x", &amd64, &got, NULL, &e), -1);
	ck_assert_int_eq(e.code, ERR_INTEGRITY);
	unlink(index);
	ck_assert_int_eq(mkfifo(index, 0600), 0);
	ck_assert_int_eq(layout_load_dir(other, dir, "x", &amd64, &got, NULL, &e), -1);
	err_release(&e);
	free_images(&v, 1);
}
END_TEST

/* A damaged store is not exported under a good digest. */
START_TEST(damaged_store)
{
	struct layout_image v = image("x:1", "one");
	AUTO_FREE char *path = mem_printf("%s/store/blobs/sha256/%s", base, digest_hex(&v.manifest.digest));
	struct err e = ERR_INIT;

	write_text(path, "{}");
	ck_assert_int_eq(layout_save_dir(s, dir, &v, 1, &e), -1);
	ck_assert_int_eq(e.code, ERR_INTEGRITY);
	ck_assert_int_eq(layout_save_docker(s, file, &v, 1, &e), -1);
	ck_assert_int_ne(access(file, F_OK), 0);
	err_release(&e);
	free_images(&v, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("layout");
	TCase *t = tcase_create("layout");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, directory);
	tcase_add_test(t, foreign_layout);
	tcase_add_test(t, concurrent_saves);
	tcase_add_test(t, oci_archive);
	tcase_add_test(t, docker_archive);
	tcase_add_loop_test(t, foreign_archives, 0, (int)ARRAY_LEN(archives));
	tcase_add_test(t, not_archives);
	tcase_add_test(t, hostile_directory);
	tcase_add_test(t, damaged_store);
	suite_add_tcase(suite, t);
	return oci_util_run(suite);
}
