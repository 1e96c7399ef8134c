/* Buffers. */
#include <check.h>

#include "src/util/buf.h"
#include "tests/unit/unit.h"

START_TEST(test_add)
{
	struct buf b AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);

	ck_assert_str_eq(buf_str(&b), "");
	buf_str_add(&b, "ab");
	buf_char_add(&b, 'c');
	buf_sv_add(&b, SV("de"));
	buf_sv_add(&b, SV_NULL);
	buf_printf(&b, "%03d", 7);
	ck_assert_str_eq(buf_str(&b), "abcde007");
	ck_assert_uint_eq(b.n, 8);
	buf_consume(&b, 3);
	ck_assert_str_eq(buf_str(&b), "de007");
	buf_consume(&b, 100);
	ck_assert_uint_eq(b.n, 0);
	ck_assert_str_eq(buf_str(&b), "");
	for (int i = 0; i < 10000; i++)
		buf_str_add(&b, "0123456789");
	ck_assert_uint_eq(b.n, 100000);
	ck_assert_uint_eq(strlen(buf_str(&b)), 100000);
}
END_TEST

START_TEST(test_max)
{
	struct buf b AUTO_BUF = BUF_INIT(5);

	buf_str_add(&b, "abcde");
	ck_assert(!b.over);
	buf_char_add(&b, 'f');
	ck_assert(b.over);
	ck_assert_str_eq(buf_str(&b), "abcde");
	buf_consume(&b, 5);
	buf_char_add(&b, 'f');
	ck_assert_msg(b.n == 0, "over does not stick");
	buf_clear(&b);
	ck_assert(!b.over);
	buf_printf(&b, "%s", "123456");
	ck_assert(b.over);
	ck_assert_uint_eq(b.n, 0);
	buf_clear(&b);
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	ck_assert(b.over);
}
END_TEST

START_TEST(test_max_of_nothing)
{
	struct buf b AUTO_BUF = {0};

	buf_str_add(&b, "");
	ck_assert(!b.over);
	buf_char_add(&b, 'x');
	ck_assert(b.over);
}
END_TEST

START_TEST(test_reserve)
{
	struct buf b AUTO_BUF = BUF_INIT(100);
	char *p = buf_reserve(&b, 100);

	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_null(buf_reserve(&b, 101));
	buf_clear(&b);
	p = buf_reserve(&b, 3);
	memcpy(p, "abc", 3);
	buf_used(&b, 3);
	ck_assert_str_eq(buf_str(&b), "abc");
}
END_TEST

START_TEST(test_quoted)
{
	struct buf b AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);

	buf_quoted_add(&b, "a\"\\\n\t\x01\x7f\xc3\xa4");
	ck_assert_str_eq(buf_str(&b), "\"a\\\"\\\\\\n\\t\\u0001\\u007f\xc3\xa4\"");
}
END_TEST

START_TEST(test_steal)
{
	struct buf b AUTO_BUF = BUF_INIT(9);
	char *s;

	s = buf_steal(&b);
	ck_assert_str_eq(s, "");
	free(s);
	buf_str_add(&b, "x");
	s = buf_steal(&b);
	ck_assert_str_eq(s, "x");
	free(s);
	ck_assert_uint_eq(b.n, 0);
	ck_assert_uint_eq(b.max, 9);
}
END_TEST

UNIT_MAIN("buf", test_add, test_max, test_max_of_nothing, test_reserve, test_quoted, test_steal)
