/* The part of TOML that configuration files of registries need. */
#include "src/util/toml.h"

#include <string.h>

#include "src/util/mem.h"
#include "tests/unit/unit.h"

static const struct {
	const char *text, *json;
} good[] = {
	{"", "{}"},
	{"# nothing\n\n  \t# more\r\n", "{}"},
	{"a = 1\nb=-2\nc = true\nd = false", "{\"a\":1,\"b\":-2,\"c\":true,\"d\":false}"},
	{"a = \"x\\ty\\\"\\u00e9\\\\\" # end\n", "{\"a\":\"x\\ty\\\"é\\\\\"}"},
	{"a = 'C:\\x'\n\"b c\" = ''\n", "{\"a\":\"C:\\\\x\",\"b c\":\"\"}"},
	{"a.b.c = 1\na.d = 2\n", "{\"a\":{\"b\":{\"c\":1},\"d\":2}}"},
	{"a = []\nb = [1, 2,]\nc = [ # why\n \"x\",\n [\"y\"], # so\n]\n",
	 "{\"a\":[],\"b\":[1,2],\"c\":[\"x\",[\"y\"]]}"},
	{"a = {b = 1, c.d = \"e\"}\nf = {}\n", "{\"a\":{\"b\":1,\"c\":{\"d\":\"e\"}},\"f\":{}}"},
	{"[a]\nb = 1\n[a.c]\nd = 2\n[e.f]\n[e]\ng = 3", "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"e\":{\"f\":{},\"g\":3}}"},
	{"[[r]]\na = 1\n[[r.m]]\nb = 1\n[[r.m]]\nb = 2\n[[r]]\na = 2\n[r.x]\nc = 1\n[[r]]\n[r.x]\n",
	 "{\"r\":[{\"a\":1,\"m\":[{\"b\":1},{\"b\":2}]},{\"a\":2,\"x\":{\"c\":1}},{\"x\":{}}]}"},
};

START_TEST(reads)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
		struct err e = ERR_INIT;
		AUTO_JSON struct json *j = toml_parse(good[i].text, strlen(good[i].text), "f.toml", &e);

		ck_assert_msg(j != NULL, "%zu: %s", i, e.msg ? e.msg : "");
		json_write(j, &out);
		ck_assert_str_eq(buf_str(&out), good[i].json);
	}
}
END_TEST

static const struct {
	const char *text;
	unsigned line;
} bad[] = {
	{"a", 1},
	{"a = ", 1},
	{"= 1", 1},
	{"a = 1 b = 2", 1},
	{"a = 1\na = 2", 2},
	{"a = \"x\n\"", 1},
	{"a = \"\\x\"", 1},
	{"a = \"\\ud800\"", 1},
	{"a = \"\"\"x\"\"\"", 1},
	{"a = 1.5", 1},
	{"a = 1979-05-27", 1},
	{"a = 01", 1},
	{"a = [1", 1},
	{"a = [1 2]", 1},
	{"a = {b = 1", 1},
	{"a = {b = 1\n}", 1},
	{"[a]\n[a]\n", 2},
	{"[a\n", 1},
	{"[[a]\n", 1},
	{"a = 1\n[a]\n", 2},
	{"a = []\n[[a]]\n", 2},
	{"a = {}\n[a]\n", 2},
	{"[[a]]\n[a]\n", 2},
	{"[a]\nb = 1\n[[a]]\n", 3},
	{"a = 99999999999999999999", 1},
	{"a = yes", 1},
	{"# \001\n", 1},
	{"a = \"\001\"", 1},
	{"a = {}\na.b = 1\n", 2},
	{"\xff = 1\n", 1},
	{"[a.b]\n[a]\nb.c = 1\n", 3},
	{"a = [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", 1},
};

START_TEST(refuses)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_INIT;
		struct json *j = toml_parse(bad[i].text, strlen(bad[i].text), "f.toml", &e);

		ck_assert_msg(j == NULL, "%zu: %s", i, bad[i].text);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_str_eq(e.place.file, "f.toml");
		ck_assert_msg(e.place.line == bad[i].line, "%zu: line %u", i, e.place.line);
		err_release(&e);
	}
}
END_TEST

UNIT_MAIN("toml", reads, refuses)
