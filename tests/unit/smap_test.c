/* The ordered map. */
#include <check.h>

#include "src/util/smap.h"
#include "tests/unit/unit.h"

START_TEST(test_order)
{
	struct smap m AUTO_SMAP = SMAP_STR;

	ck_assert_ptr_null(smap_get(&m, "a"));
	ck_assert(!smap_del(&m, "a"));
	smap_set_str(&m, "b", "1");
	smap_set_str(&m, "a", "2");
	smap_set_str(&m, "", "3");
	smap_set_str(&m, "b", "4");
	ck_assert_uint_eq(m.n, 3);
	ck_assert_str_eq(m.v[0].key, "b");
	ck_assert_str_eq(m.v[0].val, "4");
	ck_assert_str_eq(smap_get(&m, ""), "3");
	ck_assert(smap_has(&m, "a"));
	ck_assert(smap_del(&m, "b"));
	ck_assert(!smap_has(&m, "b"));
	ck_assert_str_eq(m.v[0].key, "a");
	ck_assert_str_eq(smap_get(&m, "a"), "2");
	smap_set_str(&m, "b", "5");
	ck_assert_str_eq(m.v[2].key, "b");
}
END_TEST

/* Against an array: a third of many keys removed again, all look-ups right, order kept. */
START_TEST(test_many)
{
	struct smap m AUTO_SMAP = SMAP_STR;
	char key[16], val[16];
	size_t at = 0;

	for (unsigned i = 0; i < 900; i++) {
		snprintf(key, sizeof(key), "k%u", i * 7919 % 1000);
		snprintf(val, sizeof(val), "v%u", i);
		smap_set_str(&m, key, val);
	}
	for (unsigned i = 0; i < 900; i += 3) {
		snprintf(key, sizeof(key), "k%u", i * 7919 % 1000);
		ck_assert(smap_del(&m, key));
		ck_assert(!smap_del(&m, key));
	}
	ck_assert_uint_eq(m.n, 600);
	for (unsigned i = 0; i < 900; i++) {
		snprintf(key, sizeof(key), "k%u", i * 7919 % 1000);
		snprintf(val, sizeof(val), "v%u", i);
		if (i % 3 == 0) {
			ck_assert_ptr_null(smap_get(&m, key));
			continue;
		}
		ck_assert_str_eq(smap_get(&m, key), val);
		ck_assert_str_eq(m.v[at++].key, key);
	}
}
END_TEST

START_TEST(test_borrowed_and_copy)
{
	struct smap m AUTO_SMAP = SMAP_INIT(NULL), s AUTO_SMAP = SMAP_STR, t AUTO_SMAP = SMAP_STR;
	int x;

	smap_set(&m, "x", &x);
	smap_set(&m, "null", NULL);
	ck_assert_ptr_eq(smap_get(&m, "x"), &x);
	ck_assert(smap_has(&m, "null"));
	smap_set_str(&s, "a", "1");
	smap_set_str(&s, "b", "2");
	smap_set_str(&t, "b", "0");
	smap_copy_str(&t, &s);
	ck_assert_uint_eq(t.n, 2);
	ck_assert_str_eq(smap_get(&t, "b"), "2");
	smap_copy_str(&t, &t);
	ck_assert_uint_eq(t.n, 2);
}
END_TEST

UNIT_MAIN("smap", test_order, test_many, test_borrowed_and_copy)
