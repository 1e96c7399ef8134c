/* Names that break extraction. */
#include "src/image/oddname.h"
#include "tests/unit/unit.h"

START_TEST(test_names)
{
	static const struct {
		const char *path, *why;
	} cases[] = {
		{"usr/lib/x.so.1", NULL},
		{"usr/share/ä/ö", NULL},
		{"a b:c*?[x]\"'", NULL},
		{"a\nb", "a control character"},
		{"a\x7f", "a control character"},
		{"a\\b", "a backslash"},
		{"a\xff", "bytes that are not UTF-8"},
		{"a\xc3", "bytes that are not UTF-8"},
		{"\xed\xa0\x80", "bytes that are not UTF-8"},
		{"\xf0\x9f\x98\x80", NULL},
		{"\xc0\xaf", "bytes that are not UTF-8"},
		{"\xe4x", "bytes that are not UTF-8"},
	};
	char longer[ODDNAME_PATH_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *why = oddname_why(cases[i].path);

		ck_assert_msg(!why == !cases[i].why, "%zu: %s", i, why ? why : "nothing");
		if (why)
			ck_assert_str_eq(why, cases[i].why);
	}
	memset(longer, 'a', sizeof longer);
	longer[ODDNAME_PATH_MAX + 1] = '\0';
	ck_assert_str_eq(oddname_why(longer), "a very long path");
	ck_assert_ptr_null(oddname_why(longer + 1));
}
END_TEST

UNIT_MAIN("oddname", test_names)
