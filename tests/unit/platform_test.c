/* Platforms and media types. */
#include "oci/mediatype.h"
#include "oci/platform.h"
#include "tests/unit/oci_util.h"

static const struct {
	const char *text, *full; /* full NULL: refused */
} texts[] = {
	{"linux/amd64", "linux/amd64"},
	{"amd64", "linux/amd64"},
	{"x86_64", "linux/amd64"},
	{"linux/x86_64", "linux/amd64"},
	{"aarch64", "linux/arm64"},
	{"linux/arm64/v8", "linux/arm64"},
	{"arm", "linux/arm/v7"},
	{"arm/v6", "linux/arm/v6"},
	{"armhf", "linux/arm/v7"},
	{"linux/arm/v5", "linux/arm/v5"},
	{"i686", "linux/386"},
	{"windows/amd64", "windows/amd64"},
	{"freebsd/riscv64", "freebsd/riscv64"},
	{"amd64/v3", "linux/amd64/v3"},
	{"plan9/mips/x", "plan9/mips/x"},
	{"", NULL},
	{"linux", NULL},
	{"linux/", NULL},
	{"/amd64", NULL},
	{"linux/amd64/v1/x", NULL},
	{"Linux/amd64", NULL},
	{"linux/am d64", NULL},
	{"linux/../amd64", NULL},
	{"plan9/mips", "plan9/mips"},
	{"linux/abcdefghijklmnopqrstuvwxyz0123456789", NULL},
};

START_TEST(parses)
{
	struct platform p;
	struct err e = ERR_INIT;
	char text[100];

	if (texts[_i].full) {
		ck_assert_int_eq(platform_parse(texts[_i].text, &p, &e), 0);
		ck_assert_str_eq(platform_format(&p, text), texts[_i].full);
		return;
	}
	ck_assert_int_eq(platform_parse(texts[_i].text, &p, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_ptr_nonnull(e.hint);
	err_release(&e);
}
END_TEST

/* want, then what is offered from best to worst; the ones after "|" do not match. */
static const char *const orders[] = {
	"linux/arm/v7 linux/arm/v7 linux/arm/v6 linux/arm/v5 | linux/arm/v8 linux/arm64 windows/arm/v7",
	"linux/amd64/v3 linux/amd64/v3 linux/amd64/v2 linux/amd64 | linux/amd64/v4 linux/386",
	"linux/amd64 linux/amd64 | linux/amd64/v2 windows/amd64",
	"linux/arm64 linux/arm64 | linux/arm64/v9 linux/arm/v7 linux/arm64/sve",
	"linux/ppc64le linux/ppc64le linux/ppc64le/power8 | linux/ppc64",
	"linux/mips/a linux/mips/a linux/mips | linux/mips/b",
};

START_TEST(matches)
{
	AUTO_FREE char *copy = mem_strdup(orders[_i]);
	struct sv rest = sv_from(copy);
	struct platform want, have;
	struct err e = ERR_INIT;
	int last = INT32_MAX;
	bool fit = true;
	AUTO_FREE char *first = sv_dup(sv_cut(&rest, ' '));

	ck_assert_int_eq(platform_parse(first, &want, &e), 0);
	while (rest.p) {
		AUTO_FREE char *text = sv_dup(sv_cut(&rest, ' '));
		int score;

		if (strcmp(text, "|") == 0) {
			fit = false;
			continue;
		}
		ck_assert_int_eq(platform_parse(text, &have, &e), 0);
		score = platform_match(&want, &have);
		if (!fit) {
			ck_assert_msg(score == 0, "%s matches %s", first, text);
			continue;
		}
		ck_assert_msg(score > 0 && score < last, "%s for %s: %d after %d", text, first, score, last);
		last = score;
	}
}
END_TEST

START_TEST(json)
{
	struct platform p = {.os = "linux", .arch = "arm", .variant = "v6"}, q;
	AUTO_JSON struct json *j = platform_to_json(&p);

	platform_from_json(j, &q);
	ck_assert_mem_eq(&p, &q, sizeof(p));
	platform_from_json(NULL, &q);
	ck_assert_int_eq(platform_match(&p, &q), 0);
	ck_assert_int_eq(platform_match(&q, &q), 0);
	platform_host(&q);
	ck_assert_str_eq(q.os, "linux");
	ck_assert_int_gt(platform_match(&q, &q), 0);
}
END_TEST

START_TEST(media_types)
{
	ck_assert_int_eq(mediatype_kind_of(MEDIATYPE_OCI_INDEX), MEDIATYPE_INDEX);
	ck_assert_int_eq(mediatype_kind_of(MEDIATYPE_DOCKER_MANIFEST "; charset=utf-8"), MEDIATYPE_MANIFEST);
	ck_assert_int_eq(mediatype_kind_of("Application/vnd.OCI.image.config.v1+json"), MEDIATYPE_CONFIG);
	ck_assert_int_eq(mediatype_kind_of("application/vnd.docker.distribution.manifest.v1+prettyjws"),
			 MEDIATYPE_SCHEMA1);
	ck_assert_int_eq(mediatype_kind_of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
			 MEDIATYPE_FOREIGN_LAYER);
	ck_assert_int_eq(mediatype_kind_of("application/json"), MEDIATYPE_OTHER);
	ck_assert_int_eq(mediatype_kind_of(NULL), MEDIATYPE_OTHER);
	for (int c = CODEC_NONE; c <= CODEC_ZSTD; c++)
		ck_assert_int_eq(mediatype_kind_of(mediatype_for_layer((enum mediatype_codec)c)), MEDIATYPE_LAYER);
	ck_assert_ptr_null(mediatype_for_layer(CODEC_XZ));
	ck_assert_str_eq(mediatype_codec_name(CODEC_XZ), "xz");
	ck_assert(mediatype_is_valid(MEDIATYPE_OCI_LAYER_ZSTD));
	ck_assert(!mediatype_is_valid("tar"));
	ck_assert(!mediatype_is_valid("a/"));
	ck_assert(!mediatype_is_valid("a/b/c"));
	ck_assert(!mediatype_is_valid(".a/b"));
	ck_assert(!mediatype_is_valid(""));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("platform");
	TCase *t = tcase_create("platform");

	tcase_add_loop_test(t, parses, 0, (int)ARRAY_LEN(texts));
	tcase_add_loop_test(t, matches, 0, (int)ARRAY_LEN(orders));
	tcase_add_test(t, json);
	tcase_add_test(t, media_types);
	suite_add_tcase(s, t);
	return oci_util_run(s);
}
