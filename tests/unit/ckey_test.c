/* Keys: pinned bytes, framing, tags. The pinned sums were computed by another program from the header's description. */
#include <string.h>

#include "src/cache/ckey.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static void list_of(struct strv *out, const char *words)
{
	struct sv rest = sv_from(words);

	while (rest.p)
		strv_take(out, sv_dup(sv_cut(&rest, '|')));
}

START_TEST(golden)
{
	AUTO_STRV struct strv argv = {0};
	struct ckey_builder b;
	struct ckey k;
	char tag[CKEY_TAG_BYTES];

	list_of(&argv, "/bin/sh|-c");
	ckey_begin(&b, "RUN", false);
	ckey_list(&b, "argv", &argv);
	ckey_str(&b, "user", NULL);
	ckey_str(&b, "workdir", "");
	ckey_int(&b, "time", -1);
	ckey_field(&b, "raw", "\0\xff", 2);
	ckey_end(&b, &k, NULL);
	ck_assert_str_eq(k.hex, "6f475223c2afff76628d346b6163dea101d9c7fbbfc2b6ddb37c6699e78ceb8c");
	ckey_tag(&k, tag);
	ck_assert_str_eq(tag, "slct-n5dvei6cv77xmyungrvwcy66uea5tr73");

	ckey_begin(&b, "empty", false);
	ckey_end(&b, &k, NULL);
	ck_assert_str_eq(k.hex, "7c1c064ec489744399ae11a17ee872dbbb8de6aa0cd14dbe67db3a184495466d");
	ckey_tag(&k, tag);
	ck_assert_str_eq(tag, "slct-pqoamtwerf2ehgnocgqx52ds3o5y3zvk");
	ck_assert_uint_eq(strlen(tag), CKEY_TAG_BYTES - 1);
}
END_TEST

/* One program of fields: "s NAME VALUE", "n NAME" (NULL), "i NAME xx" (the length, or -1), "l NAME A|B" separated by
 * ';'. */
static struct ckey key_of(const char *domain, const char *program)
{
	struct sv rest = sv_from(program);
	struct ckey_builder b;
	struct ckey k;

	ckey_begin(&b, domain, false);
	while (rest.p && rest.n) {
		struct sv field = sv_cut(&rest, ';'), kind = sv_cut(&field, ' ');
		AUTO_FREE char *name = sv_dup(sv_cut(&field, ' ')), *value = field.p ? sv_dup(field) : mem_strdup("");
		AUTO_STRV struct strv list = {0};

		switch (kind.p[0]) {
		case 's':
			ckey_str(&b, name, value);
			break;
		case 'n':
			ckey_str(&b, name, NULL);
			break;
		case 'i':
			ckey_int(&b, name, value[0] == '-' ? -1 : (int64_t)strlen(value));
			break;
		case 'l':
			if (value[0])
				list_of(&list, value);
			ckey_list(&b, name, &list);
			break;
		default:
			ckey_field(&b, name, value, strlen(value));
		}
	}
	ckey_end(&b, &k, NULL);
	return k;
}

START_TEST(different_lists_differ)
{
	static const struct {
		const char *domain, *a, *other, *b;
	} rows[] = {
		{"d", "s ab c", "d", "s a bc"},
		{"d", "s a b;s c d", "d", "s a bc;s  d"},
		{"d", "l a x|y", "d", "l a xy"},
		{"d", "l a x|y", "d", "l a x;l a y"},
		{"d", "l a x|", "d", "l a x"},
		{"d", "l a x;l b y", "d", "l a x|b|y"},
		{"d", "l a", "d", "l a "},
		{"d", "n a", "d", "s a "},
		{"d", "n a;s b x", "d", "s a b;s  x"},
		{"d", "i a x", "d", "i a xx"},
		{"d", "i a ", "d", "i a -1"},
		{"d", "s a x", "e", "s a x"},
		{"d", "s a x;s b y", "d", "s b y;s a x"},
		{"da", "s  x", "d", "s a x"},
		{"d", "", "d", "s  "},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ckey a = key_of(rows[i].domain, rows[i].a), b = key_of(rows[i].other, rows[i].b);
		bool same_program = strcmp(rows[i].domain, rows[i].other) == 0 && strcmp(rows[i].a, "l a") == 0;

		/* "l a" and "l a " are both the empty list: the helper's own check. */
		ck_assert_msg((strcmp(a.hex, b.hex) == 0) == same_program, "row %zu", i);
	}
}
END_TEST

START_TEST(why_keeps_the_fields)
{
	AUTO_STRV struct strv argv = {0};
	AUTO_BUF struct buf text = BUF_INIT(4096);
	AUTO_JSON struct json *why = NULL;
	struct ckey_builder b;
	struct ckey with, without;

	list_of(&argv, "a|b");
	for (int keep = 0; keep < 2; keep++) {
		ckey_begin(&b, "RUN", keep);
		ckey_list(&b, "argv", &argv);
		ckey_str(&b, "user", NULL);
		ckey_str(&b, "dir", "/x");
		ckey_int(&b, "n", 7);
		ckey_end(&b, keep ? &with : &without, keep ? &why : NULL);
	}
	ck_assert_str_eq(with.hex, without.hex);
	json_write(why, &text);
	ck_assert_str_eq(buf_str(&text), "{\"argv\":[\"a\",\"b\"],\"dir\":\"/x\",\"n\":7}");
	/* What nobody takes is freed. */
	ckey_begin(&b, "RUN", true);
	ckey_str(&b, "dir", "/x");
	ckey_end(&b, &with, NULL);
	ck_assert_ptr_null(b.why);
}
END_TEST

START_TEST(unset)
{
	struct ckey none = {0}, some = key_of("d", "");

	ck_assert(!ckey_is_set(&none));
	ck_assert(ckey_is_set(&some));
}
END_TEST

UNIT_MAIN("ckey", golden, different_lists_differ, why_keeps_the_fields, unset)
