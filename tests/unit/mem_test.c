/* Allocation. */
#include <check.h>
#include <signal.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

START_TEST(test_copies)
{
	AUTO_FREE char *a = mem_strdup("abc");
	AUTO_FREE char *b = mem_strndup("abcdef", 3);
	AUTO_FREE char *c = mem_strndup("ab", 10);
	AUTO_FREE char *d = mem_strndup(NULL, 0);
	AUTO_FREE char *f = mem_printf("%s-%d", "x", 7);
	AUTO_FREE char *g = mem_dup("a\0b", 3);

	ck_assert_str_eq(a, "abc");
	ck_assert_str_eq(b, "abc");
	ck_assert_str_eq(c, "ab");
	ck_assert_str_eq(d, "");
	ck_assert_str_eq(f, "x-7");
	ck_assert_mem_eq(g, "a\0b", 3);
	ck_assert_ptr_null(mem_strdup_opt(NULL));
}
END_TEST

START_TEST(test_zeroed)
{
	struct pair {
		int a;
		void *b;
	};
	AUTO_FREE struct pair *p = mem_new(struct pair);
	AUTO_FREE void *none = mem_alloc(0);

	ck_assert_int_eq(p->a, 0);
	ck_assert_ptr_null(p->b);
	ck_assert_ptr_nonnull(none);
}
END_TEST

START_TEST(test_overflow_aborts)
{
	volatile size_t huge = SIZE_MAX / 2;

	free(mem_array(huge, 3));
}
END_TEST

START_TEST(test_steal)
{
	AUTO_FREE char *p = mem_strdup("x");
	AUTO_FREE char *q = STEAL_PTR(p);

	ck_assert_ptr_null(p);
	ck_assert_str_eq(q, "x");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mem");
	TCase *tc = tcase_create("mem");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, test_copies);
	tcase_add_test(tc, test_zeroed);
	tcase_add_test(tc, test_steal);
	tcase_add_test_raise_signal(tc, test_overflow_aborts, SIGABRT);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
