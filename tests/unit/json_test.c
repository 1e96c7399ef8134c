/* JSON. */
#include <check.h>

#include "src/util/json.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

#define MAX ((size_t)1 << 20)

static struct json *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse(text, strlen(text), MAX, ERR_INPUT, "test", &e);

	ck_assert_msg(j != NULL, "%s: %s", text, e.msg);
	return j;
}

static void check_write(const char *text, const char *want)
{
	AUTO_JSON struct json *j = parse(text);
	struct buf b AUTO_BUF = BUF_INIT(MAX);

	json_write(j, &b);
	ck_assert_str_eq(buf_str(&b), want);
}

START_TEST(test_canonical)
{
	check_write(" { \"b\" : 1 , \"a\" : [ true , null , -7 ] } ", "{\"a\":[true,null,-7],\"b\":1}");
	/* By bytes: upper before lower case, U+E9 after z, U+10000 (f0..) after U+FF5E (ef..). */
	check_write("{\"\\ud800\\udc00\":0,\"\\uff5e\":1,\"\xc3\xa9\":2,\"z\":3,\"Z\":4,\"za\":5,\"\":6}",
		    "{\"\":6,\"Z\":4,\"z\":3,\"za\":5,\"\xc3\xa9\":2,\"\xef\xbd\x9e\":1,\"\xf0\x90\x80\x80\":0}");
	check_write("\"\\u0001\\n\\/<\\\"\\\\\\u007f\"", "\"\\u0001\\n/<\\\"\\\\\x7f\"");
	check_write("[9223372036854775807,-9223372036854775808,0.1,1e3,1.0,123456789012345680000.0]",
		    "[9223372036854775807,-9223372036854775808,0.1,1000.0,1.0,1.2345678901234568e+20]");
	check_write("{}", "{}");
	check_write("[]", "[]");
	check_write("[[[],{}]]", "[[[],{}]]");
}
END_TEST

START_TEST(test_pretty)
{
	AUTO_JSON struct json *j = parse("{\"b\":[1,{}],\"a\":\"x\"}");
	struct buf b AUTO_BUF = BUF_INIT(MAX);

	json_write_pretty(j, &b);
	ck_assert_str_eq(buf_str(&b), "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": \"x\"\n}");
}
END_TEST

START_TEST(test_reject)
{
	static const struct {
		const char *text;
		size_t n;
		const char *why;
	} rows[] = {
		{"", 0, "line 1"},
		{"{", 1, "line 1"},
		{"[1,]", 4, "line 1"},
		{"{} x", 4, "end of file"},
		{"{\"a\":1,\"a\":2}", 13, "uplicate"},
		{"{\"a\":{\"b\":1,\"\\u0062\":2}}", 24, "uplicate"},
		{"\"\xff\"", 3, "decode"},
		{"\"\xc0\x80\"", 4, "decode"},
		{"\"\xed\xa0\x80\"", 5, "decode"},
		{"\"\\ud800\"", 8, "Unicode"},
		{"\"\\u0000\"", 8, "\\u0000"},
		{"\"a\0b\"", 5, "line 1"},
		{"{}\0", 3, "line 1"},
		{"{\"\\u0000\":1}", 12, "\\u0000"},
		{"99999999999999999999", 20, "integer"},
		{"1e999", 5, "overflow"},
		{"NaN", 3, "line 1"},
		{"'a'", 3, "line 1"},
		{"[01]", 4, "line 1"},
		{"\"\x1b[31m", 6, "line 1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_INIT;

		ck_assert_msg(!json_parse(rows[i].text, rows[i].n, MAX, ERR_REGISTRY, "blob", &e), "%s", rows[i].text);
		ck_assert_ptr_null(strchr(e.msg, '\x1b'));
		ck_assert_ptr_nonnull(strstr(e.msg, "blob: "));
		unit_failed(e, ERR_REGISTRY, rows[i].why);
	}
}
END_TEST

static void check_depth(size_t depth, size_t quoted, bool ok)
{
	struct buf b AUTO_BUF = BUF_INIT(MAX);
	struct err e = ERR_INIT;
	AUTO_JSON struct json *j = NULL;

	for (size_t i = 0; i < depth; i++)
		buf_char_add(&b, '[');
	buf_char_add(&b, '"');
	for (size_t i = 0; i < quoted; i++)
		buf_str_add(&b, "[\\\"{");
	buf_char_add(&b, '"');
	for (size_t i = 0; i < depth; i++)
		buf_char_add(&b, ']');
	j = json_parse(b.p, b.n, MAX, ERR_INPUT, "test", &e);
	ck_assert_int_eq(j != NULL, ok);
	if (!ok)
		unit_failed(e, ERR_INPUT, "deeper");
}

START_TEST(test_bombs)
{
	struct err e = ERR_INIT;
	char *text = mem_alloc(MAX);

	check_depth(JSON_DEPTH_MAX, 0, true);
	check_depth(JSON_DEPTH_MAX, 1000, true);
	check_depth(JSON_DEPTH_MAX + 1, 0, false);
	check_depth(100000, 0, false);
	for (size_t i = 0; i < MAX; i++)
		text[i] = "{\"a\":"[i % 5];
	ck_assert_ptr_null(json_parse(text, MAX, MAX, ERR_INPUT, "test", &e));
	unit_failed(e, ERR_INPUT, "deeper");
	ck_assert_ptr_null(json_parse(text, MAX, MAX - 1, ERR_INPUT, "test", &e));
	unit_failed(e, ERR_INPUT, "at most");
	free(text);
}
END_TEST

START_TEST(test_read)
{
	AUTO_JSON struct json *j = parse(
		"{\"s\":\"x\",\"i\":7,\"b\":true,\"n\":null,\"a\":[\"p\",\"q\"],\"o\":{\"k\":1},\"m\":[\"p\",1]}");
	struct strv s AUTO_STRV = {0};
	struct err e = ERR_INIT;
	int64_t v;

	ck_assert_str_eq(json_get_str(j, "s"), "x");
	ck_assert_ptr_null(json_get_str(j, "i"));
	ck_assert_ptr_null(json_get_str(j, "absent"));
	ck_assert_ptr_null(json_get_str(NULL, "s"));
	ck_assert_int_eq(json_get_int(j, "i", 3), 7);
	ck_assert_int_eq(json_get_int(j, "s", 3), 3);
	ck_assert(json_get_bool(j, "b", false));
	ck_assert(json_get_bool(j, "s", true));
	ck_assert(json_is_null(json_get(j, "n")));
	ck_assert(!json_is_null(json_get(j, "absent")));
	ck_assert_uint_eq(json_len(json_get(j, "a")), 2);
	ck_assert_uint_eq(json_len(j), 7);
	ck_assert_uint_eq(json_len(NULL), 0);
	ck_assert_ptr_null(json_at(json_get(j, "a"), 2));
	ck_assert_str_eq(json_str(json_at(json_get(j, "a"), 1)), "q");
	ck_assert_int_eq(json_to_strv(json_get(j, "a"), &s, ERR_INPUT, &e), 0);
	ck_assert_int_eq(json_to_strv(json_get(j, "n"), &s, ERR_INPUT, &e), 0);
	ck_assert_int_eq(json_to_strv(NULL, &s, ERR_INPUT, &e), 0);
	ck_assert_uint_eq(s.n, 2);
	ck_assert_int_eq(json_to_strv(json_get(j, "m"), &s, ERR_INPUT, &e), -1);
	unit_failed(e, ERR_INPUT, "element 1");
	ck_assert_int_eq(json_to_strv(json_get(j, "s"), &s, ERR_INPUT, &e), -1);
	unit_failed(e, ERR_INPUT, "not an array");
	ck_assert_uint_eq(s.n, 2);
	ck_assert_str_eq(json_need_str(j, "s", ERR_INPUT, &e), "x");
	ck_assert_ptr_null(json_need_str(j, "i", ERR_INTEGRITY, &e));
	unit_failed(e, ERR_INTEGRITY, "\"i\" is not a string");
	ck_assert_ptr_null(json_need_array(j, "zz", ERR_INPUT, &e));
	unit_failed(e, ERR_INPUT, "\"zz\" is missing");
	ck_assert_ptr_null(json_need_object(json_get(j, "a"), "k", ERR_INPUT, &e));
	unit_failed(e, ERR_INPUT, "not an object");
	ck_assert_ptr_nonnull(json_need_object(j, "o", ERR_INPUT, &e));
	ck_assert_int_eq(json_need_int(j, "i", 0, 7, &v, ERR_INPUT, &e), 0);
	ck_assert_int_eq(v, 7);
	ck_assert_int_eq(json_need_int(j, "i", 8, 9, &v, ERR_INPUT, &e), -1);
	unit_failed(e, ERR_INPUT, "between 8 and 9");
}
END_TEST

START_TEST(test_build)
{
	AUTO_JSON struct json *o = json_object();
	AUTO_JSON struct json *copy = NULL;
	struct strv s AUTO_STRV = {0};
	struct buf b AUTO_BUF = BUF_INIT(MAX);
	struct json *a = json_array();
	char keys[8] = "";

	strv_add(&s, "x");
	json_append(a, json_new_int(1));
	json_append(a, json_new_str(NULL));
	json_append(a, json_new_strn("ab", 1));
	json_append(a, json_new_strn("a\0b", 3));
	json_append(a, json_new_str("\xff"
				    "a\xe2\x82"
				    "b\xf0\x9f\x98\x80"));
	json_set(o, "z", a);
	json_set(o, "bad\xc0key", json_new_bool(false));
	json_set_str(o, "none", NULL);
	json_set_str(o, "s", "v");
	json_set_int(o, "i", -1);
	json_set_bool(o, "t", true);
	json_set(o, "v", json_from_strv(&s));
	json_set(o, "gone", json_new_null());
	json_del(o, "gone");
	json_del(o, "never");
	json_set_int(o, "z2", 1);
	json_set_int(o, "i", -2);
	json_write(o, &b);
	ck_assert_str_eq(
		buf_str(&b),
		"{\"bad\xef\xbf\xbdkey\":false,\"i\":-2,\"s\":\"v\",\"t\":true,\"v\":[\"x\"],\"z\":[1,null,\"a\","
		"\"a\xef\xbf\xbd"
		"b\",\"\xef\xbf\xbd"
		"a\xef\xbf\xbd\xef\xbf\xbd"
		"b\xf0\x9f\x98\x80\"],\"z2\":1}");
	for (void *it = json_iter(o); it; it = json_iter_next(o, it)) {
		ck_assert_ptr_eq(json_iter_val(it), json_get(o, json_iter_key(it)));
		strncat(keys, json_iter_key(it), 1);
	}
	ck_assert_str_eq(keys, "zbsitvz");
	copy = json_deep_copy(o);
	ck_assert(json_eq(copy, o));
	json_append(json_get(copy, "z"), json_new_null());
	ck_assert(!json_eq(copy, o));
	ck_assert(json_eq(NULL, NULL));
	ck_assert(!json_eq(o, NULL));
}
END_TEST

START_TEST(test_refs)
{
	struct json *o = json_object(), *v = json_new_str("x");

	json_set(o, "a", json_ref(v));
	json_free(o);
	ck_assert_str_eq(json_str(v), "x");
	json_free(v);
	json_free(NULL);
}
END_TEST

UNIT_MAIN("json", test_canonical, test_pretty, test_reject, test_bombs, test_read, test_build, test_refs)
