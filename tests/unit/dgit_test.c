/* References to git repositories. */
#include "src/dockerfile/dgit.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static const struct {
	const char *text, *remote, *ref, *subdir, *checksum;
} good[] = {
	{"https://h/a.git", "https://h/a.git", NULL, NULL, NULL},
	{"https://h/a.git#", "https://h/a.git", NULL, NULL, NULL},
	{"https://h/a.git#b", "https://h/a.git", "b", NULL, NULL},
	{"https://h/a.git#b:/d//e/", "https://h/a.git", "b", "d/e", NULL},
	{"https://h/a.git#:d", "https://h/a.git", NULL, "d", NULL},
	{"https://h/a.git#:", "https://h/a.git", NULL, NULL, NULL},
	{"https://h/a.git?ref=b&subdir=d%2Fe", "https://h/a.git", "b", "d/e", NULL},
	{"https://h/a.git?&ref=b&", "https://h/a.git", "b", NULL, NULL},
	{"https://h/a.git?ref=b#b", "https://h/a.git", "b", NULL, NULL},
	{"https://h/a.git?tag=v1#refs/tags/v1", "https://h/a.git", "refs/tags/v1", NULL, NULL},
	{"https://h/a.git?branch=refs/heads/x", "https://h/a.git", "refs/heads/x", NULL, NULL},
	{"https://h/a.git?commit=abcdef0&fetch-by-commit=1", "https://h/a.git", NULL, NULL, "abcdef0"},
	{"git@h:o/a?subdir=s", "git@h:o/a", NULL, "s", NULL},
	{"me_2-x@h-1.example:p", "me_2-x@h-1.example:p", NULL, NULL, NULL},
	{"git://h/a", "git://h/a", NULL, NULL, NULL},
	{"ssh://git@h:22/a#b", "ssh://git@h:22/a", "b", NULL, NULL},
	{"file:///a.git", "file:///a.git", NULL, NULL, NULL},
	{"github.com/o/a#b", "https://github.com/o/a", "b", NULL, NULL},
	{"https://h/a.git#%zz%4", "https://h/a.git", "%zz%4", NULL, NULL},
	{"https://h/a.git#a%00b", "https://h/a.git", "a%00b", NULL, NULL},
};

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

START_TEST(test_good)
{
	AUTO_DGIT struct dgit g = {0};
	struct err e = ERR_INIT;

	ck_assert(dgit_is(good[_i].text) || dgit_is_short(good[_i].text));
	ck_assert_msg(dgit_parse(good[_i].text, &g, &e) == 0, "%s: %s", good[_i].text, e.msg);
	ck_assert_str_eq(g.remote, good[_i].remote);
	ck_assert_msg(same(g.ref, good[_i].ref) && same(g.subdir, good[_i].subdir) &&
			      same(g.checksum, good[_i].checksum),
		      "%s: %s %s %s", good[_i].text, g.ref ? g.ref : "-", g.subdir ? g.subdir : "-",
		      g.checksum ? g.checksum : "-");
}
END_TEST

/* clang-format off */
static const char *const none[] = {
	"", "a", "./a.git", "a.git", "/x/a.git", "https://h/a", "https://h/a.gitx", "http://h/a#x.git", "@h:p", "a@:p",
	"a b@h:p", "a@h/p", "a@h", "github.com", "ftp://h/a.git",
};
/* clang-format on */

START_TEST(test_none)
{
	ck_assert_msg(!dgit_is(none[_i]) && !dgit_is_short(none[_i]), "%s", none[_i]);
}
END_TEST

static const struct {
	const char *text, *says;
} bad[] = {
	{"https://h/a.git?ref=a#b", "two references"},
	{"https://h/a.git?tag=a&branch=a", "two references"},
	{"https://h/a.git?ref=a&ref=a", "stands twice"},
	{"https://h/a.git?subdir=a#:b", "two directories"},
	{"https://h/a.git?checksum=a&commit=b", "two commits"},
	{"https://h/a.git?ref", "needs a value"},
	{"https://h/a.git?subdir=", "needs a value"},
	{"https://h/a.git?x", "unknown parameter \"x\""},
	{"https://h/a.git?submodules=no", "submodules=no"},
	{"https://h/a.git?mtime=now", "mtime=now"},
	{"https://h/a.git#:../x", "leads out"},
};

START_TEST(test_bad)
{
	struct err e = ERR_INIT;
	struct dgit g;

	ck_assert(dgit_is(bad[_i].text));
	ck_assert_int_eq(dgit_parse(bad[_i].text, &g, &e), -1);
	ck_assert_msg(strstr(e.msg, bad[_i].says), "%s: %s", bad[_i].text, e.msg);
	dgit_release(&g);
	err_release(&e);
}
END_TEST

START_TEST(test_switches)
{
	AUTO_DGIT struct dgit g = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(dgit_parse("https://h/a.git?keep-git-dir&submodules=false&mtime=commit", &g, &e), 0);
	ck_assert(g.keep_git_dir == DGIT_YES && g.submodules == DGIT_NO && g.mtime_commit && !g.fetch_by_commit);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dgit");
	TCase *t = tcase_create("dgit");
	SRunner *r = srunner_create(s);

	tcase_add_loop_test(t, test_good, 0, ARRAY_LEN(good));
	tcase_add_loop_test(t, test_none, 0, ARRAY_LEN(none));
	tcase_add_loop_test(t, test_bad, 0, ARRAY_LEN(bad));
	tcase_add_test(t, test_switches);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
