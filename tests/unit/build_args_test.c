/* What the options of build become, and what is refused before anything is built. */
#include <check.h>

#include "src/cli/build_args.h"
#include "src/cli/build_out.h"
#include "src/cli/work.h"

static const struct command sample_command = {.name = "build", .usage = "[OPTIONS] CONTEXT"};

struct sample {
	struct cli cli;
	struct build_args a;
	struct build_opts o;
	struct err e;
};

static void begin(struct sample *s, const char *path)
{
	*s = (struct sample){.cli.command = &sample_command};
	if (path)
		strv_add(&s->cli.args.operands, path);
	build_opts_init(&s->o);
	unsetenv("SOURCE_DATE_EPOCH");
}

static void end(struct sample *s)
{
	opt_result_release(&s->cli.args);
	strv_release(&s->a.goals);
	strv_release(&s->a.tags);
	strv_release(&s->a.args);
	strv_release(&s->a.labels);
	strv_release(&s->a.cache_from);
	strv_release(&s->a.cache_to);
	strv_release(&s->a.cache_ttl);
	strv_release(&s->a.force_from);
	strv_release(&s->a.add_hosts);
	strv_release(&s->a.flavor_paths);
	build_opts_release(&s->o);
	err_release(&s->e);
}

static int fill(struct sample *s)
{
	return build_args_fill(&s->cli, &s->a, &s->o, &s->e);
}

START_TEST(values_reach_the_build)
{
	struct sample s;

	begin(&s, "dir");
	strv_add(&s.a.args, "A=1=2");
	setenv("SLCT_TEST_ARG", "from outside", 1);
	unsetenv("SLCT_TEST_NO_ARG");
	strv_add(&s.a.args, "SLCT_TEST_ARG");
	strv_add(&s.a.args, "SLCT_TEST_NO_ARG");
	strv_add(&s.a.args, "C=");
	strv_add(&s.a.labels, "l=x");
	strv_add(&s.a.flavor_paths, "flavor");
	s.a.pull = "missing";
	s.a.timestamps = "real";
	s.a.network = "none";
	s.a.platform = "linux/arm64";
	s.a.jobs = 3;
	ck_assert_msg(fill(&s) == 0, "%s", s.e.msg);
	ck_assert_uint_eq(s.o.paths.n, 2);
	ck_assert_str_eq(s.o.paths.v[1], "flavor");
	ck_assert_str_eq(smap_get(&s.o.args, "A"), "1=2");
	ck_assert_str_eq(smap_get(&s.o.args, "SLCT_TEST_ARG"), "from outside");
	ck_assert(!smap_has(&s.o.args, "SLCT_TEST_NO_ARG"));
	ck_assert_str_eq(smap_get(&s.o.args, "C"), "");
	ck_assert_str_eq(smap_get(&s.o.labels, "l"), "x");
	ck_assert_int_eq(s.o.pull, BUILD_PULL_MISSING);
	ck_assert(s.o.timestamps_real);
	ck_assert(s.o.network_none);
	ck_assert_str_eq(s.o.platform.arch, "arm64");
	ck_assert_uint_eq(s.o.jobs, 3);
	ck_assert_int_eq(s.o.source_date_epoch, -1);
	end(&s);
}
END_TEST

START_TEST(defaults)
{
	struct sample s;

	begin(&s, ".");
	setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
	ck_assert_int_eq(fill(&s), 0);
	ck_assert_int_eq(s.o.pull, BUILD_PULL_AUTO);
	ck_assert(!s.o.timestamps_real && !s.o.network_none && !s.o.offline);
	ck_assert_uint_ge(s.o.jobs, 1);
	ck_assert_int_eq(s.o.source_date_epoch, 1700000000);
	end(&s);
}
END_TEST

/* One value for one list, and a part of the refusal; NULL: it is fine. */
static const struct {
	size_t list;
	const char *value, *msg;
} list_cases[] = {
#define LIST(member) offsetof(struct build_args, member)
	{LIST(cache_to), "localhost:5000/cache", NULL},
	{LIST(cache_to), "localhost:5000/cache,mode=stages,required", NULL},
	{LIST(cache_to), "./dir,mode=steps", NULL},
	{LIST(cache_to), "oci:dir", NULL},
	{LIST(cache_to), "localhost:5000/cache,mode=all", "\"mode=all\" is not understood"},
	{LIST(cache_to), ",required", "a repository or directory is missing"},
	{LIST(cache_to), "host/cache:tag", "--cache-to: "},
	{LIST(cache_from), "/srv/cache", NULL},
	{LIST(cache_from), "host/cache,required,stage=deps", NULL},
	{LIST(cache_from), "host/cache,mode=stages", "\"mode=stages\" is not understood"},
	{LIST(cache_ttl), "1h30m", NULL},
	{LIST(cache_ttl), "flavor/deps=0s", NULL},
	{LIST(cache_ttl), "=1h", "\"=1h\" is not [STAGE=]D"},
	{LIST(cache_ttl), "deps=", "\"deps=\" is not [STAGE=]D"},
	{LIST(cache_ttl), "soon", "is not [STAGE=]D"},
	{LIST(args), "=x", "\"=x\" has no name"},
	{LIST(args), "", "has no name"},
	{LIST(labels), "=x", "--label"},
	{LIST(tags), "a/b:1", NULL},
	{LIST(tags), "A/b", "--tag"},
	{LIST(tags), "a@sha256:0000000000000000000000000000000000000000000000000000000000000000", "has a digest"},
	{LIST(add_hosts), "db", "\"db\" is not HOST:IP"},
	{LIST(add_hosts), "db:10.0.0.1", NULL},
	{LIST(flavor_paths), "-", "is not a directory"},
	{LIST(flavor_paths), "https://x/y.git", "is not a directory"},
};

START_TEST(lists_are_checked)
{
	for (size_t i = 0; i < ARRAY_LEN(list_cases); i++) {
		struct sample s;

		begin(&s, "dir");
		strv_add((struct strv *)(void *)((char *)&s.a + list_cases[i].list), list_cases[i].value);
		if (!list_cases[i].msg) {
			ck_assert_msg(fill(&s) == 0, "case %zu: %s", i, s.e.msg);
		} else {
			ck_assert_msg(fill(&s) == -1, "case %zu is accepted", i);
			ck_assert_int_eq(s.e.code, ERR_USAGE);
			ck_assert_msg(strstr(s.e.msg, list_cases[i].msg) != NULL, "case %zu: %s", i, s.e.msg);
		}
		end(&s);
	}
}
END_TEST

START_TEST(combinations_are_checked)
{
	struct sample s;

	begin(&s, NULL);
	ck_assert_int_eq(fill(&s), -1);
	ck_assert_ptr_nonnull(strstr(s.e.msg, "a context or flavor is missing"));
	end(&s);

	begin(&s, "a");
	strv_add(&s.cli.args.operands, "b");
	s.a.file = "Dockerfile";
	ck_assert_int_eq(fill(&s), -1);
	ck_assert_ptr_nonnull(strstr(s.e.msg, "--file is for one context"));
	end(&s);

	begin(&s, "a");
	strv_add(&s.a.tags, "x:1");
	strv_add(&s.a.goals, "one");
	strv_add(&s.a.goals, "two");
	ck_assert_int_eq(fill(&s), -1);
	ck_assert_ptr_nonnull(strstr(s.e.msg, "2 goals"));
	end(&s);

	begin(&s, "a");
	setenv("SOURCE_DATE_EPOCH", "yesterday", 1);
	ck_assert_int_eq(fill(&s), -1);
	ck_assert_int_eq(s.e.code, ERR_INPUT);
	end(&s);
}
END_TEST

START_TEST(outputs)
{
	static const struct {
		const char *text;
		int type; /* -1: refused */
		const char *dest;
	} cases[] = {
		{"type=oci,dest=a.tar", BUILD_OUT_OCI, "a.tar"},
		{"dest=d,tar=false,type=oci", BUILD_OUT_OCI_DIR, "d"},
		{"type=docker,dest=a.tar", BUILD_OUT_DOCKER, "a.tar"},
		{"type=tar,dest=-", BUILD_OUT_TAR, "-"},
		{"type=local,dest=d", BUILD_OUT_LOCAL, "d"},
		{"dest=d", BUILD_OUT_LOCAL, "d"},
		{"some/dir", BUILD_OUT_LOCAL, "some/dir"},
		{"type=image", BUILD_OUT_IMAGE, NULL},
		{"type=oci", -1, NULL},
		{"type=zip,dest=x", -1, NULL},
		{"-", BUILD_OUT_TAR, "-"},
		{"type=image,name=a:1,name=b:2,push=true", BUILD_OUT_IMAGE, NULL},
		{"name=a:1,type=registry", BUILD_OUT_IMAGE, NULL},
		{"type=oci,dest=-,compression=zstd,compression-level=3", BUILD_OUT_OCI, "-"},
		{"tar=false,dest=d,type=oci", BUILD_OUT_OCI_DIR, "d"},
		{"type=oci,dest=-,tar=false", -1, NULL},
		{"type=local,dest=-", -1, NULL},
		{"type=tar,dest=x,push=true", -1, NULL},
		{"type=image,dest=x", -1, NULL},
		{"type=oci,dest=x,compression-level=3", -1, NULL},
		{"type=image,push=yes", -1, NULL},
		{"type=oci,dest=x,tar=maybe", -1, NULL},
		{"type=oci,dest=x,y", -1, NULL},
		{"", -1, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct build_out out;
		struct err e = ERR_INIT;
		int rc = build_out_parse(cases[i].text, &out, &e);

		ck_assert_msg(rc == (cases[i].type < 0 ? -1 : 0), "case %zu: %s", i, e.msg ? e.msg : "accepted");
		if (!rc) {
			ck_assert_int_eq((int)out.type, cases[i].type);
			ck_assert_pstr_eq(out.dest, cases[i].dest);
			build_out_release(&out);
		} else {
			ck_assert_int_eq(e.code, ERR_USAGE);
		}
		err_release(&e);
	}
}
END_TEST

START_TEST(codecs)
{
	static const struct {
		const char *text;
		int codec, level; /* codec -1: refused */
	} cases[] = {
		{NULL, CODEC_GZIP, 0},	   {"gzip", CODEC_GZIP, 0},
		{"gzip:9", CODEC_GZIP, 9}, {"zstd:19", CODEC_ZSTD, 19},
		{"none", CODEC_NONE, 0},   {"gzip:10", -1, 0},
		{"gzip:0", -1, 0},	   {"gzip:", -1, 0},
		{"none:1", -1, 0},	   {"lzma", -1, 0},
		{"zstd:x", -1, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct layer_codec c;
		struct err e = ERR_INIT;
		int rc = work_codec(cases[i].text, &c, &e);

		ck_assert_msg(rc == (cases[i].codec < 0 ? -1 : 0), "case %zu", i);
		if (!rc) {
			ck_assert_int_eq((int)c.codec, cases[i].codec);
			ck_assert_int_eq(c.level, cases[i].level);
		}
		err_release(&e);
	}
}
END_TEST

static const struct {
	const char *text, *key, *says; /* key NULL: refused with `says` */
} annotation_cases[] = {
	{"a.b=c", "a.b", NULL},
	{"a=", "a", NULL},
	{"manifest:a=c", "a", NULL},
	{"a:b=c", "a:b", NULL},
	{"a", NULL, "is not KEY=VALUE"},
	{"=c", NULL, "has no key"},
	{"manifest:=c", NULL, "has no key"},
	{"a b=c", NULL, "with spaces"},
	{"index:a=c", NULL, "no index"},
	{"index[linux/amd64]:a=c", NULL, "no index"},
	{"manifest-descriptor:a=c", NULL, "no manifest-descriptor"},
	{"manifest[linux/amd64]:a=c", NULL, "not built yet"},
};

START_TEST(annotations)
{
	for (size_t i = 0; i < ARRAY_LEN(annotation_cases); i++) {
		AUTO_STRV struct strv list = {0};
		struct build_opts o;
		struct err e = ERR_INIT;

		build_opts_init(&o);
		strv_add(&list, annotation_cases[i].text);
		ck_assert_msg((build_args_annotations(&list, &o, &e) == 0) == (annotation_cases[i].key != NULL),
			      "case %zu", i);
		if (annotation_cases[i].key)
			ck_assert_msg(smap_has(&o.annotations, annotation_cases[i].key), "case %zu", i);
		else
			ck_assert_msg(e.code == ERR_USAGE && strstr(e.msg, annotation_cases[i].says), "case %zu: %s", i,
				      e.msg);
		err_release(&e);
		build_opts_release(&o);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("build_args");
	TCase *t = tcase_create("build_args");
	SRunner *r;
	int failed;

	tcase_add_test(t, values_reach_the_build);
	tcase_add_test(t, defaults);
	tcase_add_test(t, lists_are_checked);
	tcase_add_test(t, combinations_are_checked);
	tcase_add_test(t, outputs);
	tcase_add_test(t, codecs);
	tcase_add_test(t, annotations);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
