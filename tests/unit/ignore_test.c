/* ignore: reading, matching and pruning by .dockerignore. */
#include "src/dockerfile/dlimit.h"
#include "src/dockerfile/ignore.h"
#include "src/util/buf.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static struct ignore *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct ignore *ig = ignore_parse(".dockerignore", sv_from(text), &e);

	ck_assert_msg(ig != NULL, "%s", e.msg);
	return ig;
}

static const struct {
	const char *file, *path;
	bool out;
} matches[] = {
	{"", "a", false},
	{"a", "a", true},
	{"a", "a/b/c", true},
	{"a", "b/a", false},
	{"/a", "a", true},
	{"a/", "a", true},
	{"./a//b/", "a/b", true},
	{"../a", "a", false},
	{"*", "a/b", true},
	{"*.o", "x.o", true},
	{"*.o", "d/x.o", false},
	{"**/*.o", "d/e/x.o", true},
	{"**/*.o", "x.o", true},
	{"**/d", "a/d/x", true},
	{"a/**", "a", false},
	{"a/**", "a/b/c", true},
	{"a/**/z", "a/z", true},
	{"a/**/z", "a/b/c/z", true},
	{"a/**/z", "a/bz", false},
	{"a**z", "ab/z", true},
	{"a**z", "abz", false},
	{"**z", "abz", true},
	{"?", "ä", true},
	{"a?c", "a/c", false},
	{"[a-c]x", "bx", true},
	{"[^a-c]x", "bx", false},
	{"[\\]]", "]", true},
	{"\\*", "*", true},
	{"\\*", "x", false},
	{"a]", "a]", true},
	{"*\n!b", "b", false},
	{"*\n!b", "b/c", false},
	{"*\n!b\nb/c", "b/c", true},
	{"!b\nb", "b", true},
	{"a\n!a/b", "a/b", false},
	{"a\n!a/b", "a/c", true},
	{" a \n", "a", true},
	{"# a\n#b", "b", false},
	{" #b", "#b", true},
	{"! b\n*\n! b\r\n", "b", false},
	{"\xef\xbb\xbf"
	 "a",
	 "a", true},
};

static void check_match(size_t i)
{
	struct ignore *ig = parse(matches[i].file);

	ck_assert_msg(ignore_match(ig, matches[i].path) == matches[i].out, "%s with %s", matches[i].path,
		      matches[i].file);
	ignore_free(ig);
}

START_TEST(test_match)
{
	for (size_t i = 0; i < ARRAY_LEN(matches); i++)
		check_match(i);
}
END_TEST

static const struct {
	const char *file, *dir;
	bool prune;
} prunes[] = {
	{"a", "b", false},
	{"a", "a", true},
	{"*", "a/b", true},
	{"*\n!a/b/c", "a", false},
	{"*\n!a/b/c", "a/b", false},
	{"*\n!a/b/c", "a/x", true},
	{"*\n!a/b/c", "b", true},
	{"*\n!**/keep", "b", false},
	{"*\n!a*/keep", "ab", false},
	{"*\n!a*/keep", "b", true},
	{"!a/b\na", "a", true}, /* the exclusion comes after the exception */
	{"*\n!a\na/b", "a/b", true},
	{"*\n!a\na/b\n!a/b/c", "a/b", false},
	{"node_modules\n!src", "node_modules/x", true},
};

static void check_prune(size_t i)
{
	struct ignore *ig = parse(prunes[i].file);

	ck_assert_msg(ignore_prune(ig, prunes[i].dir) == prunes[i].prune, "%s with %s", prunes[i].dir, prunes[i].file);
	ignore_free(ig);
}

START_TEST(test_prune)
{
	for (size_t i = 0; i < ARRAY_LEN(prunes); i++)
		check_prune(i);
}
END_TEST

/* Pruning never hides what matching would let in: all short paths over a small alphabet. */
START_TEST(test_prune_is_safe)
{
	static const char *const files[] = {"*\n!a/b", "**\n!**/b", "a\n!a/?/c", "*/a\n!b/a/c\nb/a/c/d",
					    "**/a\n!c\nc/b\n!c/b/a"};
	static const char *const names[] = {"a", "b", "c", "d"};

	for (size_t f = 0; f < ARRAY_LEN(files); f++) {
		struct ignore *ig = parse(files[f]);

		for (int n = 0; n < 4 * 4 * 4 * 4; n++) {
			char *dir = mem_printf("%s/%s", names[n & 3], names[n >> 2 & 3]);
			char *path = mem_printf("%s/%s/%s", dir, names[n >> 4 & 3], names[n >> 6 & 3]);

			ck_assert_msg(!ignore_prune(ig, dir) || ignore_match(ig, path), "%s in %s", path, files[f]);
			free(path);
			free(dir);
		}
		ignore_free(ig);
	}
}
END_TEST

static const struct {
	const char *file;
	unsigned line;
} bad[] = {{"a\n[", 2}, {"!", 1},     {"# x\n\n[]a]", 3}, {"[a", 1},  {"[^", 1},
	   {"a\\", 1},	{"[b-a]", 1}, {"[-x]", 1},	  {"[x-]", 1}};

static void check_bad(size_t i)
{
	struct err e = ERR_INIT;

	ck_assert_ptr_null(ignore_parse("ig", sv_from(bad[i].file), &e));
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_str_eq(e.place.file, "ig");
	ck_assert_uint_eq(e.place.line, bad[i].line);
	err_release(&e);
}

START_TEST(test_bad)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_bad(i);
}
END_TEST

START_TEST(test_read)
{
	struct strv out = {0};
	struct err e = ERR_INIT;
	char *joined;

	ck_assert_int_eq(ignore_read("ig", SV("#c\n\n a/../b \n! /c/\n/\n..\n.\n"), &out, &e), 0);
	joined = strv_join(&out, "|");
	ck_assert_str_eq(joined, "b|!c|/|..|.");
	free(joined);
	strv_release(&out);
	ck_assert_int_eq(ignore_read("ig", SV("a\nb\0"), &out, &e), -1);
	ck_assert_uint_eq(e.place.line, 2);
	err_release(&e);
	strv_release(&out);
}
END_TEST

START_TEST(test_limits)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;

	for (int i = 0; i <= DIGNORE_MAX_PATTERNS; i++)
		buf_str_add(&b, "a\n");
	ck_assert_ptr_null(ignore_parse("ig", buf_sv(&b), &e));
	err_release(&e);
	buf_clear(&b);
	for (size_t i = 0; i <= DIGNORE_MAX_BYTES; i++)
		buf_char_add(&b, '\n');
	ck_assert_ptr_null(ignore_parse("ig", buf_sv(&b), &e));
	err_release(&e);
	buf_clear(&b);
	for (int i = 0; i <= DIGNORE_PATTERN_MAX_BYTES; i++)
		buf_char_add(&b, 'x');
	ck_assert_ptr_null(ignore_parse("ig", buf_sv(&b), &e));
	err_release(&e);
	buf_release(&b);
}
END_TEST

/* A pattern that would take an exponential time with backtracking. */
START_TEST(test_cost)
{
	struct buf pattern = BUF_INIT(BUF_TEXT_MAX), path = BUF_INIT(BUF_TEXT_MAX);
	struct ignore *ig;

	for (int i = 0; i < 500; i++) {
		buf_str_add(&pattern, "**/*a*");
		buf_str_add(&path, "a/a");
	}
	buf_str_add(&pattern, "z");
	ig = parse(buf_str(&pattern));
	ck_assert(!ignore_match(ig, buf_str(&path)));
	ignore_free(ig);
	buf_release(&pattern);
	buf_release(&path);
}
END_TEST

START_TEST(test_glob)
{
	ck_assert_int_eq(ignore_glob("*.c", "x.c"), 1);
	ck_assert_int_eq(ignore_glob("d", "d/x"), 0);
	ck_assert_int_eq(ignore_glob("**/x", "a/b/x"), 1);
	ck_assert_int_eq(ignore_glob("[", "x"), -1);
}
END_TEST

UNIT_MAIN("ignore", test_match, test_prune, test_bad, test_prune_is_safe, test_read, test_limits, test_cost, test_glob)
