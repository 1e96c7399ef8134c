/* Vectors. */
#include <check.h>

#include "src/util/vec.h"
#include "tests/unit/unit.h"

START_TEST(test_vec)
{
	struct point {
		int x, y;
	};
	VEC_OF(struct point) v = {0};

	for (int i = 0; i < 1000; i++)
		vec_push(&v, (struct point){i, -i});
	ck_assert_uint_eq(v.n, 1000);
	for (int i = 0; i < 1000; i++)
		ck_assert(v.v[i].x == i && v.v[i].y == -i);
	vec_release(&v);
	ck_assert_uint_eq(v.n, 0);
	ck_assert_ptr_null(v.v);
}
END_TEST

START_TEST(test_strv)
{
	struct strv s AUTO_STRV = {0}, t AUTO_STRV = {0};
	char **argv;
	char *joined;

	ck_assert_ptr_null(strv_argv(&s)[0]);
	strv_add(&s, "b");
	strv_printf(&s, "%c%d", 'a', 1);
	strv_add(&s, "\xc3");
	strv_add(&s, "C");
	argv = strv_argv(&s);
	ck_assert_ptr_null(argv[4]);
	ck_assert_uint_eq(s.n, 4);
	strv_copy(&t, &s);
	ck_assert(strv_eq(&s, &t));
	strv_sort(&t);
	ck_assert(!strv_eq(&s, &t));
	joined = strv_join(&t, ", ");
	ck_assert_str_eq(joined, "C, a1, b, \xc3");
	free(joined);
	ck_assert(strv_has(&s, "a1"));
	ck_assert(!strv_has(&s, "a"));
	strv_copy(&t, &t);
	ck_assert_uint_eq(t.n, 8);
	ck_assert_str_eq(t.v[7], "\xc3");
	strv_release(&t);
	joined = strv_join(&t, ",");
	ck_assert_str_eq(joined, "");
	free(joined);
}
END_TEST

UNIT_MAIN("vec", test_vec, test_strv)
