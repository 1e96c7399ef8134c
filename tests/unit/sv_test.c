/* Slices. */
#include <check.h>

#include "src/util/cleanup.h"
#include "src/util/sv.h"
#include "tests/unit/unit.h"

START_TEST(test_compare)
{
	ck_assert(sv_eq(SV("ab"), SV("ab")));
	ck_assert(!sv_eq(SV("ab"), SV("abc")));
	ck_assert(sv_eq(SV_NULL, SV("")));
	ck_assert(sv_eq_str(SV("ab"), "ab"));
	ck_assert(sv_ieq_str(SV("FroM"), "from"));
	ck_assert(!sv_ieq_str(SV("fro"), "from"));
	ck_assert(!sv_ieq_str(SV("@"), "`")); /* differ in the bit of the case only */
}
END_TEST

START_TEST(test_ends)
{
	ck_assert(sv_starts(SV("sha256:ab"), "sha256:"));
	ck_assert(!sv_starts(SV("sha"), "sha256:"));
	ck_assert(sv_starts(SV_NULL, ""));
	ck_assert(sv_ends(SV("a.tar"), ".tar"));
	ck_assert(!sv_ends(SV("tar"), ".tar"));
	ck_assert(sv_ends(SV_NULL, ""));
}
END_TEST

START_TEST(test_find)
{
	ck_assert_int_eq(sv_find(SV("a:b:c"), ':'), 1);
	ck_assert_int_eq(sv_rfind(SV("a:b:c"), ':'), 3);
	ck_assert_int_eq(sv_find(SV("abc"), ':'), -1);
	ck_assert_int_eq(sv_rfind(SV_NULL, ':'), -1);
}
END_TEST

START_TEST(test_sub_trim)
{
	ck_assert(sv_eq_str(sv_sub(SV("abcdef"), 2, 3), "cde"));
	ck_assert(sv_eq_str(sv_sub(SV("abc"), 1, SIZE_MAX), "bc"));
	ck_assert(sv_eq_str(sv_sub(SV("abc"), 9, 1), ""));
	ck_assert(sv_eq_str(sv_trim(SV(" \t\r\n\v\f a b \n")), "a b"));
	ck_assert(sv_eq_str(sv_trim(SV("   ")), ""));
}
END_TEST

static void check_cut(const char *text, const char *want)
{
	struct sv rest = sv_from(text);
	char got[64] = "";
	size_t n = 0;

	while (rest.p) {
		struct sv part = sv_cut(&rest, ',');

		n += (size_t)snprintf(got + n, sizeof(got) - n, "[%.*s]", SV_ARG(part));
	}
	ck_assert_str_eq(got, want);
}

START_TEST(test_cut)
{
	check_cut("a,b,c", "[a][b][c]");
	check_cut("", "[]");
	check_cut(",", "[][]");
	check_cut("a,", "[a][]");
	check_cut(",,a", "[][][a]");
}
END_TEST

START_TEST(test_dup)
{
	AUTO_FREE char *s = sv_dup(sv_sub(SV("abcdef"), 1, 2));
	AUTO_FREE char *none = sv_dup(SV_NULL);

	ck_assert_str_eq(s, "bc");
	ck_assert_str_eq(none, "");
}
END_TEST

UNIT_MAIN("sv", test_compare, test_ends, test_find, test_sub_trim, test_cut, test_dup)
