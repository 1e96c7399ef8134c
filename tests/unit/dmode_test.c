/* Modes of --chmod. */
#include "src/dockerfile/dmode.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *text;
	mode_t before, after;
} good[] = {
	{"0", S_IFREG | 0644, 0},
	{"755", S_IFREG | 0600, 0755},
	{"07755", S_IFDIR | 0700, 07755},
	{"u+x", S_IFREG | 0644, 0744},
	{"+x", S_IFREG | 0644, 0755},
	{"a-w", S_IFREG | 0666, 0444},
	{"go=", S_IFREG | 0777, 0700},
	{"go=r", S_IFREG | 0700, 0744},
	{"u=rwX,go=rX", S_IFREG | 0600, 0644},
	{"u=rwX,go=rX", S_IFDIR | 0700, 0755},
	{"go+X", S_IFREG | 0700, 0711},
	{"g=u", S_IFREG | 0750, 0770},
	{"u+s,+t", S_IFREG | 0755, 05755},
	{"g+s", S_IFDIR | 0755, 02755},
	{"o+s", S_IFREG | 0755, 0755},
	{"u+r-w", S_IFREG | 0200, 0400},
	{"u-s", S_IFREG | 04755, 0755},
};

START_TEST(test_good)
{
	struct dmode m;
	struct err e = ERR_INIT;

	ck_assert_int_eq(dmode_parse(good[_i].text, &m, &e), 0);
	ck_assert_msg(dmode_apply(&m, good[_i].before) == good[_i].after, "%s of %o gives %o", good[_i].text,
		      good[_i].before, dmode_apply(&m, good[_i].before));
}
END_TEST

static const char *const bad[] = {"", "8", "0789", "10000", "755x", "u", "u+z", "x", "u+x,", ",u+x", "-5", "u+x g+x"};

START_TEST(test_bad)
{
	struct dmode m;
	struct err e = ERR_INIT;

	ck_assert_msg(dmode_parse(bad[_i], &m, &e) < 0, "\"%s\" was taken", bad[_i]);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_ptr_nonnull(e.hint);
	err_release(&e);
}
END_TEST

START_TEST(test_too_many)
{
	struct dmode m;
	struct err e = ERR_INIT;
	char text[4 * DMODE_OPS_MAX + 8] = "";

	for (int i = 0; i < DMODE_OPS_MAX; i++)
		memcpy(text + (size_t)i * 4, "u+x,", 5);
	memcpy(text + (size_t)DMODE_OPS_MAX * 4, "u+x", 4);
	ck_assert_int_lt(dmode_parse(text, &m, &e), 0);
	err_release(&e);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dmode");
	TCase *t = tcase_create("modes");
	SRunner *r = srunner_create(s);

	tcase_add_loop_test(t, test_good, 0, ARRAY_LEN(good));
	tcase_add_loop_test(t, test_bad, 0, ARRAY_LEN(bad));
	tcase_add_test(t, test_too_many);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
