/* dlex: physical lines to logical lines. */
#include "src/dockerfile/dlex.h"
#include "src/dockerfile/dlimit.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

/* All logical lines, each as "FIRST-LAST:text|". */
static char *lines_of(const char *text, struct dlex *l, struct err *e)
{
	struct buf out = BUF_INIT(BUF_TEXT_MAX);
	struct dlex_line line = {0};
	int rc = dlex_init(l, "f", sv_from(text), e);

	while (!rc && (rc = dlex_next(l, &line, e)) > 0) {
		buf_printf(&out, "%u-%u:%s|", line.first, line.last, buf_str(&line.text));
		rc = 0;
	}
	dlex_line_release(&line);
	return buf_steal(&out);
}

static const struct {
	const char *in, *want;
} lines[] = {
	{"", ""},
	{"\n\n", ""},
	{"A b", "1-1:A b|"},
	{"  \tA b  \n", "1-1:A b  |"},
	{"A\r\nB\r\n", "1-1:A|2-2:B|"},
	{"\xef\xbb\xbf"
	 "A\n",
	 "1-1:A|"},
	{"A\\\nb\n", "1-2:Ab|"},
	{"A \\  \t\n  b\n", "1-2:A   b|"},
	{"A \\\r\n  b\r\nC\r\n", "1-2:A   b|3-3:C|"},
	/* twice the escape character is no continuation */
	{"A \\\\\nB\n", "1-1:A \\\\|2-2:B|"},
	/* comments and empty lines between */
	{"A \\\n# no\n  # no\n\n b\nC\n", "1-5:A  b|6-6:C|"},
	{"A \\\n\n\n", "1-3:A |"},
	{"A \\", "1-1:A |"},
	{"\\\nA\n", "1-2:A|"},
	{"A # kept\n", "1-1:A # kept|"},
	{"# c\n\tA\n#d\n", "2-2:A|"},
	/* directives */
	{"# escape=`\nA `\nb\\\nC\n", "2-3:A b\\|4-4:C|"},
	{"#ESCAPE = `  \nA `\nb\n", "2-3:A b|"},
	{"# other=1\n# escape=`\nA `\nb\n", "3-3:A `|4-4:b|"},
	{"\n# escape=`\nA `\nb\n", "3-3:A `|4-4:b|"},
	{"# syntax=x/y:1\n# escape=`\nA `\nb\n", "3-4:A b|"},
	{"#!/bin/x\n# escape=`\nA `\nb\n", "3-3:A `|4-4:b|"},
	{"\xc2\xa0 A\n", "1-1:A|"},
};

static void check_lines(size_t i)
{
	struct err e = ERR_INIT;
	struct dlex l;
	char *got = lines_of(lines[i].in, &l, &e);

	ck_assert_msg(!err_is_set(&e), "%s", e.msg);
	ck_assert_str_eq(got, lines[i].want);
	free(got);
	dlex_release(&l);
}

START_TEST(test_lines)
{
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		check_lines(i);
}
END_TEST

START_TEST(test_directives)
{
	struct err e = ERR_INIT;
	struct dlex l;
	char *got =
		lines_of("# syntax = docker/dockerfile:1 \n# check=skip=all;error=true\nA\n# syntax=late\n", &l, &e);

	ck_assert_str_eq(got, "3-3:A|");
	ck_assert_str_eq(l.syntax, "docker/dockerfile:1");
	ck_assert_str_eq(l.check, "skip=all;error=true");
	ck_assert_int_eq(l.escape, '\\');
	free(got);
	dlex_release(&l);
}
END_TEST

static const struct {
	const char *in;
	unsigned line, col;
	const char *part;
} bad[] = {
	{"# escape=x\nA\n", 1, 1, "escape"},
	{"# escape=``\nA\n", 1, 1, "escape"},
	{"# escape=`\n# escape=`\nA\n", 2, 1, "twice"},
	{"# check=a\n#check=b\nA\n", 2, 1, "twice"},
	{"A\nB \xff x\n", 2, 3, "0xff"},
	{"A \\\n  \xc0\x80\n", 2, 3, "0xc0"},
};

static void check_bad(size_t i)
{
	struct err e = ERR_INIT;
	struct dlex l;
	char *got = lines_of(bad[i].in, &l, &e);

	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_msg(strstr(e.msg, bad[i].part) != NULL, "%s", e.msg);
	ck_assert_str_eq(e.place.file, "f");
	ck_assert_uint_eq(e.place.line, bad[i].line);
	ck_assert_uint_eq(e.place.col, bad[i].col);
	ck_assert_ptr_nonnull(e.excerpt);
	err_release(&e);
	free(got);
	dlex_release(&l);
}

START_TEST(test_bad)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_bad(i);
}
END_TEST

START_TEST(test_nul)
{
	struct err e = ERR_INIT;
	struct dlex l;

	ck_assert_int_eq(dlex_init(&l, "f", SV("A\nB\0c\n"), &e), -1);
	ck_assert_uint_eq(e.place.line, 2);
	ck_assert_uint_eq(e.place.col, 2);
	err_release(&e);
	dlex_release(&l);
}
END_TEST

START_TEST(test_limits)
{
	size_t n = DFILE_MAX_BYTES + 1;
	char *text = mem_alloc(n);
	struct dlex_line line = {0};
	struct err e = ERR_INIT;
	struct dlex l;

	memset(text, 'x', n);
	ck_assert_int_eq(dlex_init(&l, "f", sv_of(text, n), &e), -1);
	err_release(&e);
	ck_assert_int_eq(dlex_init(&l, "f", sv_of(text, DLINE_MAX_BYTES + 1), &e), 0);
	ck_assert_int_eq(dlex_next(&l, &line, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "bytes"));
	err_release(&e);
	ck_assert_int_eq(dlex_init(&l, "f", sv_of(text, DLINE_MAX_BYTES), &e), 0);
	ck_assert_int_eq(dlex_next(&l, &line, &e), 1);
	dlex_line_release(&line);
	free(text);
}
END_TEST

START_TEST(test_heredoc)
{
	static const char text[] = "RUN <<A\n\tone\nA\n\nRUN <<-B\n\ttwo\n\tB\nC\r\nx\n";
	struct dast_heredoc a = {.name = mem_strdup("A")}, b = {.name = mem_strdup("B"), .chomp = true};
	struct dast_heredoc c = {.name = mem_strdup("D"), .pos = {8, 1}};
	struct dlex_line line = {0};
	struct err e = ERR_INIT;
	struct dlex l;

	ck_assert_int_eq(dlex_init(&l, "f", sv_from(text), &e), 0);
	ck_assert_int_eq(dlex_next(&l, &line, &e), 1);
	ck_assert_int_eq(dlex_heredoc(&l, &a, &e), 0);
	ck_assert_str_eq(a.content, "\tone\n");
	ck_assert_int_eq(dlex_next(&l, &line, &e), 1);
	ck_assert_uint_eq(line.first, 5);
	ck_assert_int_eq(dlex_heredoc(&l, &b, &e), 0);
	ck_assert_str_eq(b.content, "\ttwo\n");
	ck_assert_int_eq(dlex_next(&l, &line, &e), 1);
	ck_assert_str_eq(buf_str(&line.text), "C");
	ck_assert_int_eq(dlex_heredoc(&l, &c, &e), -1);
	ck_assert_uint_eq(e.place.line, 8);
	ck_assert_ptr_nonnull(e.hint);
	err_release(&e);
	free(a.name);
	free(a.content);
	free(b.name);
	free(b.content);
	free(c.name);
	dlex_line_release(&line);
	dlex_release(&l);
}
END_TEST

START_TEST(test_pos)
{
	struct dlex_line line = {0};
	struct err e = ERR_INIT;
	struct dast_pos pos;
	struct dlex l;

	ck_assert_int_eq(dlex_init(&l, "f", SV("\n  RUN a \\\n# c\n   b c\n"), &e), 0);
	ck_assert_int_eq(dlex_next(&l, &line, &e), 1);
	ck_assert_str_eq(buf_str(&line.text), "RUN a    b c");
	pos = dlex_pos(&line, 4);
	ck_assert_uint_eq(pos.line, 2);
	ck_assert_uint_eq(pos.col, 7);
	pos = dlex_pos(&line, 9);
	ck_assert_uint_eq(pos.line, 4);
	ck_assert_uint_eq(pos.col, 4);
	dlex_line_release(&line);
	dlex_release(&l);
}
END_TEST

START_TEST(test_excerpt)
{
	struct err e = ERR_INIT;
	char *wide = mem_alloc(1001);

	err_set(&e, ERR_INPUT, "x");
	dlex_err_at("f", SV("one\n\ttwo \xc3\xa4 \x1b[31m\n"), (struct dast_pos){2, 9}, &e);
	ck_assert_str_eq(e.excerpt, "   2 | \ttwo \xc3\xa4 ?[31m\n     | \t      ^\n");
	memset(wide, 'w', 1000);
	wide[1000] = 0;
	dlex_err_at("f", sv_from(wide), (struct dast_pos){1, 900}, &e);
	ck_assert_uint_lt(strlen(e.excerpt), 400);
	/* a place beyond the file does not read beyond it */
	dlex_err_at("f", SV("one"), (struct dast_pos){9, 9}, &e);
	err_release(&e);
	free(wide);
}
END_TEST

UNIT_MAIN("dlex", test_lines, test_bad, test_directives, test_nul, test_limits, test_heredoc, test_pos, test_excerpt)
