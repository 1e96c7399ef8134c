/* YAML. */
#include <check.h>

#include "src/util/mem.h"
#include "src/util/yaml.h"
#include "tests/unit/unit.h"

static void check_load(const char *text, const char *want)
{
	struct err e = ERR_INIT;
	AUTO_YAML struct yaml_doc *d = yaml_parse(text, strlen(text), "f.yml", &e);
	struct buf b AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);

	ck_assert_msg(d != NULL, "%s: %s", text, e.msg);
	json_write(yaml_root(d), &b);
	ck_assert_str_eq(buf_str(&b), want);
}

START_TEST(test_load)
{
	check_load("", "null");
	check_load("# only a comment\n", "null");
	check_load("---\n", "null");
	check_load("a: 3.10\nb: yes\nc: 0x1\nd: 2001-01-01\n",
		   "{\"a\":\"3.10\",\"b\":\"yes\",\"c\":\"0x1\",\"d\":\"2001-01-01\"}");
	check_load("a:\nb: ~\nc: null\nd: 'null'\ne: ''\nf: !!str\n",
		   "{\"a\":null,\"b\":null,\"c\":null,\"d\":\"null\",\"e\":\"\",\"f\":\"\"}");
	check_load("- x\n- [y, {z: 1}]\n-\n", "[\"x\",[\"y\",{\"z\":\"1\"}],null]");
	check_load("a: |\n  l1\n  l2\nb: >-\n  l1\n  l2\n", "{\"a\":\"l1\\nl2\\n\",\"b\":\"l1 l2\"}");
	check_load("a: \"\\u00e4\\n\"\nb: \xc3\xa4\n", "{\"a\":\"\xc3\xa4\\n\",\"b\":\"\xc3\xa4\"}");
	check_load("{\"a\": [1, true, null]}", "{\"a\":[\"1\",\"true\",null]}");
	check_load("a: &x [1, 2]\nb: *x\nc: &y z\nd: *y\n",
		   "{\"a\":[\"1\",\"2\"],\"b\":[\"1\",\"2\"],\"c\":\"z\",\"d\":\"z\"}");
	check_load("- &x 1\n- &x 2\n- *x\n", "[\"1\",\"2\",\"2\"]");
	check_load("\xef\xbb\xbf"
		   "a: b\n",
		   "{\"a\":\"b\"}");
	check_load("'<<': x\n", "{\"<<\":\"x\"}");
	check_load("a: b\r\nc: d\r\n", "{\"a\":\"b\",\"c\":\"d\"}");
}
END_TEST

START_TEST(test_reject)
{
	static const struct {
		const char *text;
		size_t n;
		unsigned line, col;
		const char *why;
	} rows[] = {
		{"a: 1\nb: 2\na: 3\n", 15, 3, 1, "duplicate key \"a\""},
		{"x:\n  k: 1\n  \"k\": 2\n", 19, 3, 3, "duplicate key \"k\""},
		{"a: [1\nb: 2", 10, 2, 2, ""},
		{"a: *none\n", 9, 1, 4, "no anchor"},
		{"a: &x [1, *x]\n", 14, 1, 11, "inside of its anchor"},
		{"a: &x {<<: *x}\n", 15, 1, 8, "merge keys"},
		{"? [a]\n: b\n", 10, 1, 3, "a key must be a scalar"},
		{"? {a: b}\n: b\n", 13, 1, 3, "a key must be a scalar"},
		{"- &x a\n- *x : b\n", 16, 2, 3, "a key must be a scalar"},
		{"a: !!int 3\n", 11, 1, 4, "tag"},
		{"a: !Ref x\n", 10, 1, 4, "tag"},
		{"a: !!python/object:os.system x\n", 31, 1, 4, "tag"},
		{"a: 1\n---\nb: 2\n", 14, 2, 1, "more than one document"},
		{"~\n---\nb: 2\n", 11, 2, 1, "more than one document"},
		{"a: \"x\\0y\"\n", 10, 1, 4, "NUL"},
		{"a: x\0y\n", 7, 1, 5, "control characters"},
		{"a: b\nc: \xff\n", 10, 2, 4, "UTF-8"},
		{"a: \xed\xa0\x80\n", 7, 1, 4, ""},
		{"a: \xc3", 4, 1, 4, "UTF-8"},
		{"a: \x1b[2J\n", 8, 1, 4, "control characters"},
		{"\ta: b\n", 6, 1, 1, ""},
		{"a: b: c\n", 8, 1, 5, "mapping values"},
		{"\xff\xfe"
		 "a\0",
		 4, 1, 1, ""}, /* UTF-16 is not read */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_INIT;

		ck_assert_msg(!yaml_parse(rows[i].text, rows[i].n, "f.yml", &e), "%s", rows[i].text);
		ck_assert_str_eq(e.place.file, "f.yml");
		ck_assert_msg(e.place.line == rows[i].line && e.place.col == rows[i].col, "%s: %u:%u", rows[i].text,
			      e.place.line, e.place.col);
		unit_failed(e, ERR_INPUT, rows[i].why);
	}
}
END_TEST

static void check_bomb(const struct buf *b, const char *why)
{
	struct err e = ERR_INIT;
	AUTO_YAML struct yaml_doc *d = yaml_parse(b->p, b->n, "f.yml", &e);

	ck_assert_int_eq(d == NULL, why != NULL);
	if (why)
		unit_failed(e, ERR_INPUT, why);
}

static void add_times(struct buf *b, const char *s, size_t n)
{
	while (n--)
		buf_str_add(b, s);
}

START_TEST(test_depth)
{
	static const struct {
		const char *begin, *mid, *end;
		size_t n;
		const char *why;
	} rows[] = {
		{"[", "", "]", JSON_DEPTH_MAX, NULL},
		{"[", "", "]", JSON_DEPTH_MAX + 1, "deeper"},
		{"[", "", "", 1000000, "deeper"},
		{"{a: ", "b", "}", JSON_DEPTH_MAX, NULL},
		{"{a: ", "b", "}", JSON_DEPTH_MAX + 1, "deeper"},
		{"- ", "x", "", 10000, "deeper"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);

		add_times(&b, rows[i].begin, rows[i].n);
		buf_str_add(&b, rows[i].mid);
		add_times(&b, rows[i].end, rows[i].n);
		check_bomb(&b, rows[i].why);
	}
}
END_TEST

START_TEST(test_aliases)
{
	struct buf laughs AUTO_BUF = BUF_INIT(BUF_TEXT_MAX), many AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);
	struct buf deep AUTO_BUF = BUF_INIT(BUF_TEXT_MAX), ok AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);

	/* Each line nine times the one before. */
	buf_str_add(&laughs, "a0: &a0 [x]\n");
	for (int i = 1; i < 20; i++)
		buf_printf(&laughs, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1,
			   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	check_bomb(&laughs, "more than 200000 values");
	buf_str_add(&many, "- &a x\n");
	add_times(&many, "- *a\n", YAML_ALIAS_MAX);
	check_bomb(&many, NULL);
	buf_str_add(&many, "- *a\n");
	check_bomb(&many, "more than 256 aliases");
	/* Each line looks flat, and holds the one before. */
	buf_str_add(&deep, "- &a0 [x]\n");
	for (int i = 1; i < 70; i++)
		buf_printf(&deep, "- &a%d [*a%d]\n", i, i - 1);
	check_bomb(&deep, "deeper");
	buf_str_add(&ok, "- &a0 [x]\n");
	for (int i = 1; i < JSON_DEPTH_MAX - 1; i++)
		buf_printf(&ok, "- &a%d [*a%d]\n", i, i - 1);
	check_bomb(&ok, NULL);
}
END_TEST

START_TEST(test_size)
{
	struct buf b AUTO_BUF = BUF_INIT(BUF_TEXT_MAX), nodes AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);

	add_times(&b, "#", YAML_MAX_BYTES);
	check_bomb(&b, NULL);
	buf_char_add(&b, '#');
	check_bomb(&b, "at most");
	add_times(&nodes, "- x\n", YAML_NODES_MAX - 1);
	check_bomb(&nodes, NULL);
	buf_str_add(&nodes, "- x\n");
	check_bomb(&nodes, "more than 200000 values");
}
END_TEST

START_TEST(test_lines)
{
	static const char text[] = "a: 1\nb:\n  - x\n  -\n    k: v\n\"c\": >\n  long\nd:\n";
	struct err e = ERR_INIT;
	AUTO_YAML struct yaml_doc *d = yaml_parse(text, sizeof(text) - 1, "f.yml", &e);
	struct json *root, *b;

	ck_assert_ptr_nonnull(d);
	root = yaml_root(d);
	b = json_get(root, "b");
	ck_assert_uint_eq(yaml_line(d, root), 1);
	ck_assert_uint_eq(yaml_line(d, json_get(root, "a")), 1);
	ck_assert_uint_eq(yaml_line(d, b), 3);
	ck_assert_uint_eq(yaml_line(d, json_at(b, 1)), 5);
	ck_assert_uint_eq(yaml_line(d, json_get(json_at(b, 1), "k")), 5);
	ck_assert_uint_eq(yaml_line(d, json_get(root, "c")), 6);
	ck_assert_uint_eq(yaml_line(d, json_get(root, "d")), 0);
	ck_assert_uint_eq(yaml_line(d, NULL), 0);
}
END_TEST

START_TEST(test_bool)
{
	static const struct {
		const char *text;
		int ret;
		bool want;
	} rows[] = {
		{"true", 0, true}, {"Yes", 0, true},	 {"ON", 0, true}, {"false", 0, false}, {"No", 0, false},
		{"off", 0, false}, {"maybe", -1, false}, {"", -1, false}, {"1", -1, false},
	};
	bool v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON struct json *j = json_new_str(rows[i].text);

		ck_assert_int_eq(yaml_bool(j, &v), rows[i].ret);
		if (rows[i].ret == 0)
			ck_assert_int_eq(v, rows[i].want);
	}
	ck_assert_int_eq(yaml_bool(NULL, &v), -1);
}
END_TEST

UNIT_MAIN("yaml", test_load, test_reject, test_depth, test_aliases, test_size, test_lines, test_bool)
