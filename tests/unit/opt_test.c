/* Option tables: forms, values, errors and hints. */
#include <check.h>

#include "src/util/nearest.h"
#include "src/cli/opt.h"

struct sample {
	bool push;
	enum opt_tri color;
	unsigned verbose;
	const char *file, *pull;
	struct strv args;
	uint64_t size;
	int64_t wait, jobs;
};

/* clang-format off */
static const struct opt sample_options[] = {
	{.name = "push", .kind = OPT_FLAG, .offset = offsetof(struct sample, push), .help = "h"},
	{.name = "color", .kind = OPT_TRI, .offset = offsetof(struct sample, color), .help = "h"},
	{.name = "verbose", .letter = 'v', .kind = OPT_COUNT, .offset = offsetof(struct sample, verbose), .help = "h"},
	{.name = "file", .letter = 'f', .arg = "FILE", .kind = OPT_STRING, .offset = offsetof(struct sample, file),
	 .help = "h"},
	{.name = "pull", .arg = "always|never", .kind = OPT_CHOICE, .offset = offsetof(struct sample, pull),
	 .help = "h"},
	{.name = "when", .arg = "auto|always|never", .kind = OPT_CHOICE, .offset = offsetof(struct sample, pull),
	 .dflt = "auto", .bare = "always", .help = "h"},
	{.name = "build-arg", .arg = "K=V", .kind = OPT_LIST, .offset = offsetof(struct sample, args), .help = "h"},
	{.name = "shm-size", .arg = "N", .kind = OPT_SIZE, .offset = offsetof(struct sample, size), .help = "h"},
	{.name = "cache-ttl", .arg = "D", .kind = OPT_DURATION, .offset = offsetof(struct sample, wait), .help = "h"},
	{.name = "jobs", .letter = 'j', .arg = "N", .kind = OPT_INT, .offset = offsetof(struct sample, jobs), .min = 1,
	 .max = 64, .help = "h"},
};
/* clang-format on */

#define ARGS_MAX 8

/* As main() would have them: not const. Returns their number. */
static size_t to_argv(const char *const *args, char *argv[ARGS_MAX])
{
	size_t n = 0;

	for (; n < ARGS_MAX && args[n]; n++)
		argv[n] = (char *)(uintptr_t)args[n];
	return n;
}

/* Parses up to the first NULL; returns opt_parse's result. */
static int parse(const char *const *args, struct sample *s, struct opt_result *r, struct err *e)
{
	struct opt_set set = {sample_options, ARRAY_LEN(sample_options), s};
	char *argv[ARGS_MAX];
	size_t n = to_argv(args, argv);

	return opt_parse(&set, 1, argv, n, false, r, NULL, e);
}

static void sample_release(struct sample *s)
{
	struct opt_set set = {sample_options, ARRAY_LEN(sample_options), s};

	opt_set_release(&set);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(every_form_of_value)
{
	static const struct {
		const char *args[6];
		int64_t jobs;
		const char *file;
	} cases[] = {
		{{"-j4", "-fx"}, 4, "x"},	    {{"-j", "4", "-f", "x"}, 4, "x"},
		{{"--jobs=4", "--file=x"}, 4, "x"}, {{"--jobs", "4", "--file", "x"}, 4, "x"},
		{{"-j=4", "-f=x"}, 4, "x"},	    {{"--jobs", "4", "--file", "--push"}, 4, "--push"},
		{{"-vj4", "--file="}, 4, ""},	    {{"-j2", "-j4", "-f", "a", "-fx"}, 4, "x"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sample s = {0};
		struct opt_result r = {0};
		struct err e = ERR_INIT;

		ck_assert_msg(parse(cases[i].args, &s, &r, &e) == 0, "case %zu: %s", i, e.msg);
		ck_assert_int_eq(s.jobs, cases[i].jobs);
		ck_assert_str_eq(s.file, cases[i].file);
		ck_assert_uint_eq(r.operands.n, 0);
		ck_assert(!s.push);
		opt_result_release(&r);
		sample_release(&s);
	}
}
END_TEST

START_TEST(a_value_may_be_missing)
{
	static const struct {
		const char *args[4];
		const char *when; /* NULL: refused */
		size_t operands;
	} cases[] = {
		{{"--when", "."}, "always", 1},
		{{"--when", "a/b", "never"}, "always", 2},
		{{"--when"}, "always", 0},
		{{"--when", "--push", "x"}, "always", 1},
		{{"--when", "never"}, "never", 0},
		{{"--when=never", "."}, "never", 1},
		{{"--when=true", "."}, "always", 1},
		{{"--when=false", "."}, "auto", 1},
		{{"--when", "nevr", "."}, NULL, 0},
		{{"--when=./x"}, NULL, 0},
		{{"--pull"}, NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sample s = {0};
		struct opt_result r = {0};
		struct err e = ERR_INIT;
		int rc = parse(cases[i].args, &s, &r, &e);

		ck_assert_msg(rc == (cases[i].when ? 0 : -1), "case %zu: %s", i, e.msg);
		if (cases[i].when) {
			ck_assert_str_eq(s.pull, cases[i].when);
			ck_assert_uint_eq(r.operands.n, cases[i].operands);
		} else {
			ck_assert_int_eq(e.code, ERR_USAGE);
		}
		err_release(&e);
		opt_result_release(&r);
		sample_release(&s);
	}
}
END_TEST

START_TEST(operands_and_end_of_options)
{
	struct sample s = {0};
	struct opt_result r = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(parse(ARGS("dir", "--push", "-", "--", "-f", "--"), &s, &r, &e), 0);
	ck_assert(s.push);
	ck_assert_ptr_null(s.file);
	ck_assert_uint_eq(r.operands.n, 4);
	ck_assert_str_eq(r.operands.v[0], "dir");
	ck_assert_str_eq(r.operands.v[1], "-");
	ck_assert_str_eq(r.operands.v[2], "-f");
	ck_assert_str_eq(r.operands.v[3], "--");
	ck_assert(strv_has(&r.given, "push"));
	ck_assert(!strv_has(&r.given, "file"));
	opt_result_release(&r);
}
END_TEST

START_TEST(switches)
{
	struct sample s = {0};
	struct opt_result r = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(parse(ARGS("-vv", "-v", "--color", "--no-color", "--push", "--push=false"), &s, &r, &e), 0);
	ck_assert_uint_eq(s.verbose, 3);
	ck_assert_int_eq(s.color, OPT_NO);
	ck_assert(!s.push);
	opt_result_release(&r);
}
END_TEST

START_TEST(values_with_units)
{
	struct sample s = {0};
	struct opt_result r = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(parse(ARGS("--shm-size=64m", "--cache-ttl", "1h30m", "--build-arg", "A=1", "--build-arg=B=2,3",
				    "--pull=never"),
			       &s, &r, &e),
			 0);
	ck_assert_uint_eq(s.size, 64u << 20);
	ck_assert_int_eq(s.wait, INT64_C(5400) * 1000000000);
	ck_assert_uint_eq(s.args.n, 2);
	ck_assert_str_eq(s.args.v[1], "B=2,3");
	ck_assert_str_eq(s.pull, "never");
	opt_result_release(&r);
	sample_release(&s);
}
END_TEST

START_TEST(errors_name_the_option)
{
	static const struct {
		const char *args[3];
		const char *msg, *hint; /* parts */
	} cases[] = {
		{{"--fiel=x"}, "unknown option --fiel", "did you mean --file?"},
		{{"--pus"}, "unknown option --pus", "did you mean --push?"},
		{{"--zzzzzz"}, "unknown option --zzzzzz", "--help"},
		{{"--tls-verify=false"}, "unknown option --tls-verify", "--insecure-registry"},
		{{"-x"}, "unknown option -x", "--help"},
		{{"--no-push"}, "unknown option --no-push", "--"},
		{{"--file"}, "--file needs a value", NULL},
		{{"-j"}, "--jobs needs a value", NULL},
		{{"-j0"}, "a number from 1 to 64", NULL},
		{{"-j65"}, "a number from 1 to 64", NULL},
		{{"-j", "-4"}, "a number from 1 to 64", NULL},
		{{"-jx"}, "\"x\" is not a number", NULL},
		{{"--jobs="}, "is not a number", NULL},
		{{"--pull=sometimes"}, "\"sometimes\" is not always|never", NULL},
		{{"--pull="}, "is not always|never", NULL},
		{{"--shm-size=big"}, "is not a size", NULL},
		{{"--cache-ttl=soon"}, "is not a duration", NULL},
		{{"--push=maybe"}, "is not true or false", NULL},
		{{"--no-color=true"}, "--no-color takes no value", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sample s = {0};
		struct opt_result r = {0};
		struct err e = ERR_INIT;

		ck_assert_msg(parse(cases[i].args, &s, &r, &e) == -1, "case %zu is accepted", i);
		ck_assert_int_eq(e.code, ERR_USAGE);
		ck_assert_msg(strstr(e.msg, cases[i].msg) != NULL, "case %zu: %s", i, e.msg);
		if (cases[i].hint)
			ck_assert_msg(e.hint && strstr(e.hint, cases[i].hint), "case %zu: %s", i, e.hint);
		err_release(&e);
		opt_result_release(&r);
		sample_release(&s);
	}
}
END_TEST

START_TEST(stops_at_the_first_operand)
{
	struct sample s = {0};
	struct opt_set set = {sample_options, ARRAY_LEN(sample_options), &s};
	struct opt_result r = {0};
	struct err e = ERR_INIT;
	char *argv[ARGS_MAX];
	size_t used = 0, n = to_argv(ARGS("-j4", "build", "--push"), argv);

	ck_assert_int_eq(opt_parse(&set, 1, argv, n, true, &r, &used, &e), 0);
	ck_assert_uint_eq(used, 1);
	ck_assert(!s.push);
	opt_result_release(&r);
}
END_TEST

START_TEST(conflicts)
{
	static const struct opt_conflict pairs[] = {{"push", "file"}, {"push", "jobs"}};
	struct sample s = {0};
	struct opt_result r = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(parse(ARGS("--push", "--color"), &s, &r, &e), 0);
	ck_assert_int_eq(opt_check_conflicts(pairs, 2, &r, &e), 0);
	ck_assert_int_eq(parse(ARGS("-j1"), &s, &r, &e), 0);
	ck_assert_int_eq(opt_check_conflicts(pairs, 2, &r, &e), -1);
	ck_assert_str_eq(e.msg, "--push and --jobs exclude each other");
	err_release(&e);
	opt_result_release(&r);
}
END_TEST

START_TEST(nearest_names)
{
	static const struct {
		const char *want, *have[4], *best;
	} cases[] = {
		{"biuld", {"build", "pull", "push"}, "build"},
		{"imges", {"images", "inspect"}, "images"},
		{"hist", {"history", "help"}, "history"},
		{"xyz", {"images", "inspect"}, NULL},
		{"rn", {"rm", "tag"}, "rm"},
		{"q", {"gc"}, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct nearest n = NEAREST_INIT(cases[i].want);

		for (size_t k = 0; cases[i].have[k]; k++)
			nearest_offer(&n, cases[i].have[k]);
		if (cases[i].best)
			ck_assert_pstr_eq(n.best, cases[i].best);
		else
			ck_assert_ptr_null(n.best);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("opt");
	TCase *t = tcase_create("opt");
	SRunner *r;
	int failed;

	tcase_add_test(t, every_form_of_value);
	tcase_add_test(t, a_value_may_be_missing);
	tcase_add_test(t, operands_and_end_of_options);
	tcase_add_test(t, switches);
	tcase_add_test(t, values_with_units);
	tcase_add_test(t, errors_name_the_option);
	tcase_add_test(t, stops_at_the_first_operand);
	tcase_add_test(t, conflicts);
	tcase_add_test(t, nearest_names);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
