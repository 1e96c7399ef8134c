/* UTF-8: what is a character, what is none. */
#include "src/util/utf8.h"

#include "tests/unit/unit.h"

/* Rows after the Unicode standard's table of well-formed sequences: both ends of each range, and one beyond. */
static const struct {
	const char *text;
	size_t n, len;
	uint32_t cp;
} rows[] = {
	{"", 0, 0, 0},
	{"\0", 1, 1, 0},
	{"a", 1, 1, 'a'},
	{"\x7f", 1, 1, 0x7f},
	{"\x80", 1, 0, 0},
	{"\xbf\x80", 2, 0, 0},
	{"\xc1\xbf", 2, 0, 0},
	{"\xc2\x80", 2, 2, 0x80},
	{"\xc2", 1, 0, 0},
	{"\xc2\x41", 2, 0, 0},
	{"\xdf\xbf", 2, 2, 0x7ff},
	{"\xe0\x9f\xbf", 3, 0, 0},
	{"\xe0\xa0\x80", 3, 3, 0x800},
	{"\xed\x9f\xbf", 3, 3, 0xd7ff},
	{"\xed\xa0\x80", 3, 0, 0},
	{"\xed\xbf\xbf", 3, 0, 0},
	{"\xee\x80\x80", 3, 3, 0xe000},
	{"\xef\xbf\xbf", 3, 3, 0xffff},
	{"\xef\xbf", 2, 0, 0},
	{"\xf0\x8f\xbf\xbf", 4, 0, 0},
	{"\xf0\x90\x80\x80", 4, 4, 0x10000},
	{"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
	{"\xf4\x90\x80\x80", 4, 0, 0},
	{"\xf5\x80\x80\x80", 4, 0, 0},
	{"\xff", 1, 0, 0},
	{"\xf8\x88\x80\x80\x80", 5, 0, 0},
};

START_TEST(test_len)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t cp = 0;

		ck_assert_uint_eq(utf8_len(sv_of(rows[i].text, rows[i].n), &cp), rows[i].len);
		ck_assert_uint_eq(cp, rows[i].cp);
	}
}
END_TEST

/* Every code point comes back as it went. */
START_TEST(test_put)
{
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		char out[4];
		uint32_t back = UINT32_MAX;
		size_t n;

		if (cp == 0xd800)
			cp = 0xe000;
		n = utf8_put(cp, out);
		ck_assert_uint_eq(utf8_len(sv_of(out, n), &back), n);
		ck_assert_uint_eq(back, cp);
	}
}
END_TEST

START_TEST(test_bad)
{
	ck_assert_int_eq(utf8_bad(sv_from("")), -1);
	ck_assert_int_eq(utf8_bad(sv_from("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80")), -1);
	ck_assert_int_eq(utf8_bad(sv_from("gr\xfc\xdf")), 2);
	ck_assert_int_eq(utf8_bad(sv_from("\xc3\xbc\xc3")), 2);
}
END_TEST

UNIT_MAIN("utf8", test_len, test_put, test_bad)
