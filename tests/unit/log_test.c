/* Diagnostics. */
#include <check.h>

#include "src/util/cleanup.h"
#include "src/util/log.h"
#include "tests/unit/unit.h"

static void check_mask(const char *text, size_t n, bool colour, const char *want)
{
	AUTO_FREE char *got = log_mask(text, n, colour);

	ck_assert_str_eq(got, want);
}

START_TEST(test_control)
{
	static const struct {
		const char *text;
		size_t n;
		const char *plain, *coloured;
	} rows[] = {
		{"a\tb\n", 4, "a\tb\n", NULL},
		{"a\0b\x01\x7f\r\b", 7, "ab", NULL},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", NULL},
		{"\x1b[31mred\x1b[0m", 12, "red", "\x1b[31mred\x1b[0m"},
		{"\x1b[38;5;1mx", 10, "x", "\x1b[38;5;1mx"},
		{"\x1b[2Jx\x1b[1;1Hy\x1b[?25l", 18, "xy", NULL},
		{"\x1b[>4;2mx", 8, "x", NULL}, /* ends in m, but sets no colour */
		{"\x1b]0;title\ax", 11, "x", NULL},
		{"\x1b]8;;http://x\x1b\\link", 19, "link", NULL},
		{"\x1bP1;2|data\x1b\\x", 13, "x", NULL},
		{"\x1b]0;no end", 10, "0;no end", NULL},
		{"\x1b]0;no end\nmore\a", 16, "0;no end\nmore", NULL},
		{"a\x1b", 2, "a", NULL},
		{"a\x1b[", 3, "a", NULL},
		{"a\x1b[12", 5, "a", NULL},
		{"\x1b"
		 "cx",
		 3, "x", NULL},
		{"\x1b(Bx", 4, "x", NULL},
		{"\xc2\x9b"
		 "31mx",
		 6, "31mx", NULL},
		{"\x9bx\xffy", 4, "\xef\xbf\xbdx\xef\xbf\xbdy", NULL},
		{"\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd", NULL},
		{"", 0, "", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check_mask(rows[i].text, rows[i].n, false, rows[i].plain);
		check_mask(rows[i].text, rows[i].n, true, rows[i].coloured ? rows[i].coloured : rows[i].plain);
	}
}
END_TEST

static void check_secret(const char *text, const char *want)
{
	check_mask(text, strlen(text), true, want);
}

START_TEST(test_secrets)
{
	log_add_secret("abc");
	log_add_secret("");
	check_secret("abc", "abc");
	log_add_secret("hunter2\n");
	log_add_secret("hunter2-long");
	log_add_secret("aaaab");
	check_secret("hunter2", "***");
	check_secret("xhunter2hunter2y", "x******y");
	check_secret("hunter2-long hunter2-lon", "*** ***-lon");
	check_secret("hunter", "hunter");
	check_secret("aaaaaab", "aa***");
	check_secret("hun\x1b[1mter2", "***");
	check_secret("\x1b[1mhunter2\x1b[0m", "\x1b[1m***\x1b[0m");
	check_secret("hun\x01ter2", "***");
	check_secret("hunter\x1b]0;x\a"
		     "2",
		     "***");
	log_add_secret("-----KEY-----\nMIIEabcdefgh\nshort\n-----END-----\n");
	check_secret("line MIIEabcdefgh end", "line *** end");
	check_secret("short", "short");
}
END_TEST

struct lines {
	char text[512];
};

static void sink(void *arg, enum log_level level, const char *line)
{
	struct lines *l = arg;
	size_t n = strlen(l->text);

	snprintf(l->text + n, sizeof(l->text) - n, "%d[%s]", (int)level, line);
}

START_TEST(test_levels)
{
	struct lines l = {""};

	log_set_sink(sink, &l);
	log_add_secret("swordfish");
	log_msg(LOG_INFO, "not shown");
	log_msg(LOG_WARN, "a %s\x1b[2J", "swordfish");
	log_set_level(LOG_DEBUG);
	ck_assert(log_on(LOG_DEBUG));
	log_msg(LOG_DEBUG, "b");
	log_set_level(LOG_ERROR);
	ck_assert(!log_on(LOG_WARN));
	log_msg(LOG_WARN, "c");
	log_msg(LOG_ERROR, "d");
	log_set_sink(NULL, NULL);
	ck_assert_str_eq(l.text, "1[slct: warning: a ***]3[slct: debug: b]0[slct: error: d]");
}
END_TEST

START_TEST(test_standard_error)
{
	char text[64] = "";
	int p[2];

	ck_assert_int_eq(pipe(p), 0);
	ck_assert_int_eq(dup2(p[1], STDERR_FILENO), STDERR_FILENO);
	log_msg(LOG_ERROR, "line");
	ck_assert_int_gt(read(p[0], text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, "slct: error: line\n");
}
END_TEST

UNIT_MAIN("log", test_control, test_secrets, test_levels, test_standard_error)
