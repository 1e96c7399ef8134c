/* Base64: what is taken, and both ways. */
#include "src/util/base64.h"

#include <string.h>

#include "src/util/mem.h"
#include "tests/unit/unit.h"

START_TEST(decoded)
{
	static const struct {
		const char *text, *plain; /* NULL: refused */
	} t[] = {{"", ""},	     {"Zg==", "f"},	{"Zm8=", "fo"},	      {"Zm9v", "foo"},
		 {"Zm9vYg", "foob"}, {"dTpw\n", "u:p"}, {"Z", NULL},	      {"Zm9v!", NULL},
		 {"AA==", NULL},     {"Zm 9v", NULL},	{"+/8=", "\xfb\xff"}, {"Zg==Zg==", NULL},
		 {"Z=g=", NULL},     {" Zm8 ", "fo"},	{"====", ""}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		AUTO_FREE char *got = base64_text(sv_from(t[i].text));

		ck_assert_pstr_eq(got, t[i].plain);
	}
}
END_TEST

START_TEST(both_ways)
{
	static const char *const t[] = {"", "f", "fo", "foo", "foob", "u:p\xc3\xa9\xff"};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		AUTO_FREE char *text = base64_of(sv_from(t[i]));
		AUTO_FREE char *back = base64_text(sv_from(text));

		ck_assert_str_eq(back, t[i]);
		ck_assert_uint_eq(strlen(text) % 4, 0);
	}
}
END_TEST

UNIT_MAIN("base64", decoded, both_ways)
