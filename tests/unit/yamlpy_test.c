/* YAML as PyYAML writes it. What is expected was written by PyYAML 6.0: yaml.dump(tree, sort_keys=True). */
#include <check.h>

#include "src/util/mem.h"
#include "src/util/yamlpy.h"
#include "tests/unit/unit.h"

static const char tree[] =
	"{\"b\": [\"x\", \"1.10\", \"true\", \"~\", \"\", \"=1\", \"- a\", \"a: b\", \"a #b\", \"it's\", \"'q"
	"'\", \" lead\", \"trail \", \"%x\", \"@x\", \"2026-01-02\", \"2026-1-2 3:04:05\", \"1:30\", \"0x1f\""
	", \"0b1\", \"010\", \"1_0\", \"1e5\", \"1.5e+3\", \".5\", \".inf\", \"<<\", \"=\", \"\\u00e9\", \"a\\"
	"nb\", \"tab\\tx\", \"-\", \"?\", \"? x\", \"#\", \"[x\", \"x]\", \"{% if p == 'x' %}y{% endif %}\", "
	"\"1.2.3\", \"word word word word word word word word word word word word word word word word word wo"
	"rd word word end\", \"it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it'"
	"s it's it's it's it's end\", \" it's it's it's it's it's it's it's it's it's it's it's it's it's it'"
	"s it's it's it's it's it's it's end\"], \"a\": {\"z\": true, \"y\": false, \"e\": [], \"f\": {}}, \""
	"c d\": \"x\", \"1\": \"y\", \"yes\": \"z\"}";

static const char written[] = "'1': y\n"
			      "a:\n"
			      "  e: []\n"
			      "  f: {}\n"
			      "  y: false\n"
			      "  z: true\n"
			      "b:\n"
			      "- x\n"
			      "- '1.10'\n"
			      "- 'true'\n"
			      "- '~'\n"
			      "- ''\n"
			      "- =1\n"
			      "- '- a'\n"
			      "- 'a: b'\n"
			      "- 'a #b'\n"
			      "- it's\n"
			      "- '''q'''\n"
			      "- ' lead'\n"
			      "- 'trail '\n"
			      "- '%x'\n"
			      "- '@x'\n"
			      "- '2026-01-02'\n"
			      "- '2026-1-2 3:04:05'\n"
			      "- '1:30'\n"
			      "- '0x1f'\n"
			      "- '0b1'\n"
			      "- '010'\n"
			      "- '1_0'\n"
			      "- 1e5\n"
			      "- '1.5e+3'\n"
			      "- '.5'\n"
			      "- '.inf'\n"
			      "- '<<'\n"
			      "- '='\n"
			      "- \"\\xE9\"\n"
			      "- 'a\n"
			      "\n"
			      "  b'\n"
			      "- \"tab\\tx\"\n"
			      "- '-'\n"
			      "- '?'\n"
			      "- '? x'\n"
			      "- '#'\n"
			      "- '[x'\n"
			      "- x]\n"
			      "- '{% if p == ''x'' %}y{% endif %}'\n"
			      "- 1.2.3\n"
			      "- word word word word word word word word word word word word word word word word\n"
			      "  word word word word end\n"
			      "- it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's\n"
			      "  it's it's it's it's end\n"
			      "- ' it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s\n"
			      "  it''s it''s it''s it''s it''s it''s it''s end'\n"
			      "c d: x\n"
			      "'yes': z\n";

static struct json *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse(text, strlen(text), 1 << 20, ERR_INPUT, "test", &e);

	ck_assert_msg(j != NULL, "%s", e.msg);
	return j;
}

START_TEST(test_written)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *j = parse(tree);
	struct err e = ERR_INIT;

	unit_ok(yamlpy_write(j, &out, &e), e);
	ck_assert_str_eq(buf_str(&out), written);
}
END_TEST

static void refused(const char *text, const char *words)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *j = parse(text);
	struct err e = ERR_INIT;

	ck_assert_int_eq(yamlpy_write(j, &out, &e), -1);
	unit_failed(e, ERR_INPUT, words);
}

START_TEST(test_refused)
{
	AUTO_BUF struct buf deep = BUF_INIT(BUF_TEXT_MAX), key = BUF_INIT(BUF_TEXT_MAX);

	refused("[null]", "no text");
	refused("{\"a\": 1}", "no text");
	/* libyaml folds those otherwise than PyYAML. */
	refused("{\"a\": \"\\u00e4 word word word word word word word word word word word word word word word word "
		"word\"}",
		"printable ASCII");
	buf_str_add(&key, "{\"");
	for (int i = 0; i < 101; i++)
		buf_char_add(&key, 'a');
	buf_str_add(&key, "\": \"\"}");
	refused(buf_str(&key), "a key of more than");
	for (int i = 0; i < YAMLPY_DEPTH_MAX; i++)
		buf_char_add(&deep, '[');
	buf_str_add(&deep, "\"x\"");
	for (int i = 0; i < YAMLPY_DEPTH_MAX; i++)
		buf_char_add(&deep, ']');
	refused(buf_str(&deep), "levels");
}
END_TEST

UNIT_MAIN("yamlpy", test_written, test_refused)
