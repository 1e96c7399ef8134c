/* dexpand: variables, quotes, escapes, word splitting. */
#include "src/dockerfile/dexpand.h"
#include "src/dockerfile/dlimit.h"
#include "src/util/buf.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static const char *env_get(void *ctx, struct sv name)
{
	static const struct {
		const char *name, *value;
	} vars[] = {{"A", "one"},	 {"EMPTY", ""},	  {"SP", " a  b "},	     {"P", "usr/lib/x.tar.gz"},
		    {"Q", "it's \"q\""}, {"ST", "a*b*c"}, {"U", "\xc3\xa4\xc3\xb6"}, {"D", "$A"},
		    {"ÜB", "umlaut"}};

	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(vars); i++)
		if (sv_eq_str(name, vars[i].name))
			return vars[i].value;
	return NULL;
}

static const struct dexpand_env env = {env_get, NULL};

static const struct {
	const char *in, *want; /* NULL: an error */
	char escape;
	unsigned flags;
} words[] = {
	{"", "", 0, 0},
	{"plain", "plain", 0, 0},
	{"$A", "one", 0, 0},
	{"x${A}y", "xoney", 0, 0},
	{"$A/$NONE/", "one//", 0, 0},
	{"$", "$", 0, 0},
	{"a$ b", "a$ b", 0, 0},
	{"$.", "$.", 0, 0},
	{"$12", "", 0, 0},
	{"$?x", "x", 0, 0},
	{"$D", "$A", 0, 0}, /* values are not expanded again */
	{"$ÜB", "umlaut", 0, 0},
	{"${A:-x}${NONE:-x}${EMPTY:-x}${EMPTY-x}", "onexx", 0, 0},
	{"${A:+x}${NONE:+x}${EMPTY:+x}${EMPTY+x}", "xx", 0, 0},
	{"${A?no}${EMPTY?no}", "one", 0, 0},
	{"${NONE?no}", NULL, 0, 0},
	{"${EMPTY:?no}", NULL, 0, 0},
	{"${NONE:-${EMPTY:-${A}}}", "one", 0, 0},
	{"${NONE:-\"a } b\"}", "a } b", 0, 0},
	{"${NONE:-a\\}b}", "a}b", 0, 0},
	{"${NONE:-'$A'}", "$A", 0, 0},
	{"${P#*/}", "lib/x.tar.gz", 0, 0},
	{"${P##*/}", "x.tar.gz", 0, 0},
	{"${P%.*}", "usr/lib/x.tar", 0, 0},
	{"${P%%.*}", "usr/lib/x", 0, 0},
	{"${P%nothing}", "usr/lib/x.tar.gz", 0, 0},
	{"${P#usr}${P#lib}", "/lib/x.tar.gzusr/lib/x.tar.gz", 0, 0},
	{"${ST#*\\*}", "b*c", 0, 0},
	{"${ST##*\\*}", "c", 0, 0},
	{"${ST%\\**}", "a*b", 0, 0},
	{"${U#?}", "\xc3\xb6", 0, 0},
	{"${U%?}", "\xc3\xa4", 0, 0},
	{"${NONE#x}", "", 0, 0},
	{"${P/lib/LIB}", "usr/LIB/x.tar.gz", 0, 0},
	{"${P//[.]/_}", "usr/lib/x.tar.gz", 0, 0},
	{"${P//./_}", "usr/lib/x_tar_gz", 0, 0},
	{"${P//\\//:}", "usr:lib:x.tar.gz", 0, 0},
	{"${P/r*a/X}", "usXr.gz", 0, 0},
	{"${P/?/X}", "Xsr/lib/x.tar.gz", 0, 0},
	{"${A//x*/y}${A//*/y}", "oney", 0, 0},
	{"${A//$A/$P}", "usr/lib/x.tar.gz", 0, 0},
	{"${A/n/}", "oe", 0, 0},
	{"${A//\\q/}", NULL, 0, 0},
	{"${A#a\\}", NULL, 0, 0},
	{"'$A'\"$A\"$A", "$Aoneone", 0, 0},
	{"\"$Q\"$Q", "it's \"q\"it's \"q\"", 0, 0},
	{"\\$A\\a\\\\", "$Aa\\", 0, 0},
	{"\"\\$A\\a\\\\\\\"\"", "$A\\a\\\"", 0, 0},
	{"`$A\\", "$A\\", '`', 0},
	{"\\$A`", "\\one", '`', 0},
	{"x\\", "x", 0, 0},
	{"a << b", "a << b", 0, 0},
	/* errors */
	{"'x", NULL, 0, 0},
	{"\"x", NULL, 0, 0},
	{"\"${A\"", NULL, 0, 0},
	{"${", NULL, 0, 0},
	{"${}", NULL, 0, 0},
	{"${:-x}", NULL, 0, 0},
	{"${A", NULL, 0, 0},
	{"${A:", NULL, 0, 0},
	{"${A:-", NULL, 0, 0},
	{"${A:=x}", NULL, 0, 0},
	{"${A:#x}", NULL, 0, 0},
	{"${A^}", NULL, 0, 0},
	{"${A/x}", NULL, 0, 0},
	{"${A/x/y", NULL, 0, 0},
	{"${{A}}", NULL, 0, 0},
	/* flags */
	{"'a' \"b\"", "'a' \"b\"", 0, DEXPAND_RAW_QUOTES},
	{"'a\\", "'a", 0, DEXPAND_NO_QUOTES},
	{"it's \"$A\"", "it's \"one\"", 0, DEXPAND_NO_QUOTES},
	{"\\a\\\\", "\\a\\\\", 0, DEXPAND_RAW_ESCAPES},
	{"$A $NONE ${NONE} ${NONE:-x} ${NONE/a/b}", "one $NONE ${NONE} ${NONE:-x} ${NONE/a/b}", 0, DEXPAND_KEEP_UNSET},
};

static void check_word(size_t i)
{
	struct dexpand_opts o = {.escape = words[i].escape, .flags = words[i].flags, .env = &env};
	struct err e = ERR_INIT;
	char *out = NULL;
	int rc = dexpand_word(sv_from(words[i].in), &o, &out, &e);

	if (!words[i].want) {
		ck_assert_msg(rc == -1, "%s gives %s", words[i].in, out);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_ptr_nonnull(e.msg);
	} else {
		ck_assert_msg(rc == 0, "%s: %s", words[i].in, e.msg);
		ck_assert_str_eq(out, words[i].want);
	}
	err_release(&e);
	free(out);
}

START_TEST(test_word)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		check_word(i);
}
END_TEST

static const struct {
	const char *in, *want; /* words joined by '|' */
} splits[] = {
	{"", ""},
	{"  ", ""},
	{"a b\tc", "a|b|c"},
	{"a\\ b 'c d' \"e f\"", "a b|c d|e f"},
	{"x${SP}y", "x|a|b|y"},
	{"x\"${SP}\"y", "x a  b y"},
	{"$EMPTY '' \"\"", ""},
	{"a\xc2\xa0"
	 "b",
	 "a|b"},
	{"80 ${NONE:-81}/udp", "80|81/udp"},
	/* the reference forgets what stands before a nested word */
	{"80${NONE:-81}/udp", "81/udp"},
	{"x <<  EOF y", "x|<<  EOF|y"},
	{"x <<- EOF", "x|<<-|EOF"},
};

static void check_split(size_t i)
{
	struct dexpand_opts o = {.env = &env};
	struct strv out = {0};
	struct err e = ERR_INIT;
	char *joined;

	ck_assert_int_eq(dexpand_words(sv_from(splits[i].in), &o, &out, &e), 0);
	joined = strv_join(&out, "|");
	ck_assert_str_eq(joined, splits[i].want);
	free(joined);
	strv_release(&out);
}

START_TEST(test_split)
{
	for (size_t i = 0; i < ARRAY_LEN(splits); i++)
		check_split(i);
}
END_TEST

START_TEST(test_names)
{
	struct strv yes = {0}, no = {0};
	struct dexpand_opts o = {.env = &env, .matched = &yes, .unmatched = &no};
	struct err e = ERR_INIT;
	char *out, *a, *b;

	ck_assert_int_eq(dexpand_word(SV("$A${NONE:-$EMPTY}$A$X1 '$Y'"), &o, &out, &e), 0);
	a = strv_join(&yes, " ");
	b = strv_join(&no, " ");
	ck_assert_str_eq(a, "A EMPTY");
	ck_assert_str_eq(b, "NONE X1");
	free(a);
	free(b);
	free(out);
	strv_release(&yes);
	strv_release(&no);
}
END_TEST

START_TEST(test_depth)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct dexpand_opts o = {.env = &env};
	struct err e = ERR_INIT;
	char *out = NULL;

	for (int i = 0; i < 100000; i++)
		buf_str_add(&b, "${x:-");
	ck_assert_int_eq(dexpand_word(buf_sv(&b), &o, &out, &e), -1);
	ck_assert_msg(strstr(e.msg, "deep") != NULL, "%s", e.msg);
	err_release(&e);
	buf_clear(&b);
	for (int i = 0; i < DEXPAND_DEPTH_MAX; i++)
		buf_str_add(&b, "${x:-");
	for (int i = 0; i < DEXPAND_DEPTH_MAX; i++)
		buf_str_add(&b, "}");
	ck_assert_int_eq(dexpand_word(buf_sv(&b), &o, &out, &e), 0);
	free(out);
	buf_release(&b);
}
END_TEST

static const char *big_get(void *ctx, struct sv name)
{
	(void)name;
	return ctx;
}

/* A pattern of many stars over a long value, and a result beyond the limit, end soon and with an error. */
START_TEST(test_cost)
{
	char *big = mem_alloc(((size_t)1 << 20) + 1);
	struct dexpand_env many = {big_get, big};
	struct dexpand_opts o = {.env = &many};
	struct err e = ERR_INIT;
	char *out = NULL;

	memset(big, 'a', (size_t)1 << 20);
	big[(size_t)1 << 20] = 0;
	ck_assert_int_eq(dexpand_word(SV("${X##*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b}"), &o, &out, &e), -1);
	ck_assert_msg(strstr(e.msg, "pattern") != NULL, "%s", e.msg);
	err_release(&e);
	ck_assert_int_eq(dexpand_word(SV("${X//*b/c}"), &o, &out, &e), -1);
	err_release(&e);
	ck_assert_int_eq(dexpand_word(SV("$X$X$X$X$X"), &o, &out, &e), -1);
	ck_assert_msg(strstr(e.msg, "bytes") != NULL, "%s", e.msg);
	err_release(&e);
	ck_assert_int_eq(dexpand_word(SV("${X##*a}"), &o, &out, &e), 0);
	ck_assert_str_eq(out, "");
	free(out);
	free(big);
}
END_TEST

UNIT_MAIN("dexpand", test_word, test_split, test_names, test_depth, test_cost)
