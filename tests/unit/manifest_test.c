/* Manifests and indexes: hostile documents, contradictions of types, canonical output. */
#include "oci/limits.h"
#include "oci/manifest.h"
#include "tests/unit/oci_util.h"

#define DATA	   "tests/data/manifest/"
#define INDEX_DATA "tests/data/index/"

static int parse_file(const char *path, const char *type, bool index, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_INDEX struct index x = {0};

	oci_util_read(path, &b);
	return index ? index_parse(b.p, b.n, type, &x, ERR_REGISTRY, e)
		     : manifest_parse(b.p, b.n, type, &m, ERR_REGISTRY, e);
}

static void check_dir(const char *dir, bool index, bool good)
{
	AUTO_STRV struct strv files = {0};

	oci_util_list(dir, &files);
	for (size_t i = 0; i < files.n; i++) {
		struct err e = ERR_INIT;
		int r = parse_file(files.v[i], NULL, index, &e);

		ck_assert_msg(r == (good ? 0 : -1), "%s: %s", files.v[i], e.msg ? e.msg : "accepted");
		ck_assert_int_eq(err_is_set(&e), !good);
		ck_assert_msg(good || (e.code == ERR_REGISTRY && strstr(e.msg, "image ")), "%s: %s", files.v[i], e.msg);
		err_release(&e);
	}
}

START_TEST(manifests)
{
	check_dir(DATA "reject", false, false);
	check_dir(DATA "accept", false, true);
}
END_TEST

START_TEST(indexes)
{
	check_dir(INDEX_DATA "reject", true, false);
	check_dir(INDEX_DATA "accept", true, true);
}
END_TEST

static const struct {
	const char *file, *type;
	bool index;
	const char *why; /* NULL: accepted */
} typed[] = {
	{DATA "accept/oci.json", MEDIATYPE_OCI_MANIFEST, false, NULL},
	{DATA "accept/oci.json", MEDIATYPE_OCI_MANIFEST ";charset=utf-8", false, NULL},
	{DATA "accept/oci.json", "application/json", false, NULL},
	{DATA "accept/oci.json", "", false, NULL},
	{DATA "accept/no-type.json", MEDIATYPE_DOCKER_MANIFEST, false, NULL},
	{DATA "accept/oci.json", MEDIATYPE_DOCKER_MANIFEST, false, "but the content type is"},
	{DATA "accept/oci.json", MEDIATYPE_OCI_INDEX, false, "the content type is"},
	{DATA "accept/no-type.json", MEDIATYPE_OCI_INDEX, false, "the content type is"},
	{DATA "accept/oci.json", "application/vnd.example", false, "the content type is"},
	{DATA "reject/index.json", MEDIATYPE_OCI_INDEX, false, "image index (a list of platforms)"},
	{DATA "reject/schema1.json", NULL, false, "schema 1"},
	{DATA "reject/both-lists.json", NULL, false, "in one document"},
	{DATA "reject/duplicate-key.json", NULL, false, "uplicate"},
	{DATA "reject/size-negative.json", NULL, false, "layers[0]: \"size\" is -1"},
	{DATA "reject/digest-short.json", NULL, false, "layers[0]: digest"},
	{INDEX_DATA "accept/oci.json", MEDIATYPE_OCI_INDEX, true, NULL},
	{INDEX_DATA "accept/oci.json", MEDIATYPE_DOCKER_LIST, true, "but the content type is"},
	{INDEX_DATA "accept/no-type.json", MEDIATYPE_OCI_MANIFEST, true, "the content type is"},
	{INDEX_DATA "reject/manifest.json", NULL, true, "this is an image manifest"},
};

START_TEST(content_types)
{
	struct err e = ERR_INIT;
	int r = parse_file(typed[_i].file, typed[_i].type, typed[_i].index, &e);

	ck_assert_int_eq(r, typed[_i].why ? -1 : 0);
	ck_assert_msg(!typed[_i].why || strstr(e.msg, typed[_i].why), "%s", e.msg);
	err_release(&e);
}
END_TEST

START_TEST(too_many_layers)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);
	struct err e = ERR_INIT;

	for (int n = LAYERS_MAX; n <= LAYERS_MAX + 1; n++) {
		AUTO_MANIFEST struct manifest m = {0}, again = {0};
		struct digest d;

		digest_of_bytes("", 0, &d);
		descriptor_set(&m.config, MEDIATYPE_OCI_CONFIG, &d, 1);
		for (int i = 0; i < n; i++)
			manifest_add_layer(&m, &m.config);
		buf_clear(&b);
		manifest_write(&m, &b);
		ck_assert_int_eq(manifest_parse(b.p, b.n, NULL, &again, ERR_INPUT, &e), n > LAYERS_MAX ? -1 : 0);
	}
	ck_assert_ptr_nonnull(strstr(e.msg, "4097 entries, at most 4096"));
	err_release(&e);
}
END_TEST

/* The bytes are what digests are made of: a change here changes every image that slct has ever made. */
START_TEST(golden)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES), x = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_DESCRIPTOR struct descriptor layer = {0}, self = {0};
	AUTO_INDEX struct index index = {0};
	struct platform p = {.os = "linux", .arch = "amd64"};
	struct digest d;

	digest_of_bytes("config", 6, &d);
	descriptor_set(&m.config, MEDIATYPE_OCI_CONFIG, &d, 6);
	digest_of_bytes("layer", 5, &d);
	descriptor_set(&layer, MEDIATYPE_OCI_LAYER_GZIP, &d, 5);
	manifest_add_layer(&m, &layer);
	manifest_annotate(&m, "z", "last");
	manifest_annotate(&m, "a", "first \"quoted\"");
	manifest_write(&m, &b);
	ck_assert_str_eq(
		buf_str(&b),
		"{\"annotations\":{\"a\":\"first \\\"quoted\\\"\",\"z\":\"last\"},"
		"\"config\":{\"digest\":\"sha256:b79606fb3afea5bd1609ed40b622142f1c98125abcfe89a76a661b0e8e343910\","
		"\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"size\":6},"
		"\"layers\":[{\"digest\":\"sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85\","
		"\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"size\":5}],"
		"\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"schemaVersion\":2}");
	digest_of_bytes(b.p, b.n, &d);
	descriptor_set(&self, MEDIATYPE_OCI_MANIFEST, &d, b.n);
	self.platform = platform_to_json(&p);
	descriptor_annotate(&self, "org.opencontainers.image.ref.name", "demo:1");
	index_add(&index, &self);
	index_write(&index, &x);
	digest_of_bytes(x.p, x.n, &d);
	ck_assert_str_eq(d.text, "sha256:8bce7063df23033343d2597cc708e54acfc3fd2982f9cc68f2fbe0583c9ec005");
}
END_TEST

START_TEST(selects)
{
	static const char *const have[] = {"linux/arm/v6", "linux/arm/v7", "linux/amd64", "unknown/unknown",
					   "windows/amd64"};
	static const struct {
		const char *want;
		int at;
	} rows[] = {{"linux/amd64", 2},
		    {"linux/arm/v7", 1},
		    {"linux/arm/v6", 0},
		    {"linux/s390x", -1},
		    {"linux/arm/v5", -1}};
	AUTO_INDEX struct index x = {0};
	struct err e = ERR_INIT;
	struct platform p;

	for (size_t i = 0; i < ARRAY_LEN(have); i++) {
		AUTO_DESCRIPTOR struct descriptor d = {0};
		struct digest digest;

		digest_of_bytes(have[i], strlen(have[i]), &digest);
		descriptor_set(&d, MEDIATYPE_OCI_MANIFEST, &digest, i);
		ck_assert_int_eq(platform_parse(have[i], &p, &e), 0);
		d.platform = platform_to_json(&p);
		index_add(&x, &d);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct descriptor *d;

		ck_assert_int_eq(platform_parse(rows[i].want, &p, &e), 0);
		d = index_select(&x, &p, &e);
		if (rows[i].at >= 0) {
			ck_assert_ptr_eq(d, &x.manifests[rows[i].at]);
			continue;
		}
		ck_assert_ptr_null(d);
		ck_assert_int_eq(e.code, ERR_REGISTRY);
		ck_assert_ptr_nonnull(strstr(e.msg, "there is linux/amd64, linux/arm/v6, linux/arm/v7, windows/amd64"));
		err_release(&e);
	}
}
END_TEST

START_TEST(selects_unstated)
{
	AUTO_INDEX struct index x = {0};
	AUTO_DESCRIPTOR struct descriptor d = {0};
	struct platform p = {.os = "linux", .arch = "amd64"};
	struct err e = ERR_INIT;
	struct digest digest;

	digest_of_bytes("", 0, &digest);
	descriptor_set(&d, MEDIATYPE_OCI_MANIFEST, &digest, 0);
	index_add(&x, &d);
	ck_assert_ptr_eq(index_select(&x, &p, &e), &x.manifests[0]);
	index_add(&x, &d);
	ck_assert_ptr_null(index_select(&x, &p, &e));
	err_release(&e);
}
END_TEST

START_TEST(detects)
{
	static const struct {
		const char *text, *type;
		enum mediatype_kind kind;
	} rows[] = {
		{"{\"schemaVersion\":2,\"layers\":[],\"config\":{}}", NULL, MEDIATYPE_MANIFEST},
		{"{\"schemaVersion\":2,\"manifests\":[]}", NULL, MEDIATYPE_INDEX},
		{"{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, MEDIATYPE_SCHEMA1},
		{"{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", MEDIATYPE_SCHEMA1},
		{"{}", NULL, MEDIATYPE_OTHER},
		{"<html>", "text/html", MEDIATYPE_OTHER},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_int_eq(manifest_detect(rows[i].text, strlen(rows[i].text), rows[i].type), rows[i].kind);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("manifest");
	TCase *t = tcase_create("manifest");

	tcase_add_test(t, manifests);
	tcase_add_test(t, indexes);
	tcase_add_loop_test(t, content_types, 0, (int)ARRAY_LEN(typed));
	tcase_add_test(t, too_many_layers);
	tcase_add_test(t, golden);
	tcase_add_test(t, selects);
	tcase_add_test(t, selects_unstated);
	tcase_add_test(t, detects);
	suite_add_tcase(s, t);
	return oci_util_run(s);
}
