/* Inputs of records: what looks secret is left out, what differs is named. */
#include "src/cache/inputs.h"

#include "tests/unit/cache_util.h"

START_TEST(masks)
{
	static const struct {
		const char *text, *masked;
	} rows[] = {
		{"", ""},
		{"RUN make", "RUN make"},
		{"DB_PASSWORD=x y", "DB_PASSWORD=*** y"},
		{"db_password='a b' c", "db_password=*** c"},
		{"TOKEN=\"a b\"; next", "TOKEN=***; next"},
		{"TOKEN=\"open", "TOKEN=***"},
		{"--api-key=1 --jobs=2", "--api-key=*** --jobs=2"},
		{"X=ghp_abc Y=1", "X=*** Y=1"},
		{"https://u:p@h/x", "https://***@h/x"},
		{"https://h/a:b@c", "https://h/a:b@c"},
		{"git@h:p", "git@h:p"},
		{"PWD=/x", "PWD=/x"},
		{"KEYS=1 KEY=2 MY_KEY=3", "KEYS=1 KEY=2 MY_KEY=***"},
		{"TOKEN= x", "TOKEN= x"},
		{"a//b", "a//b"},
		{"=x", "=x"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *got = inputs_mask_text(rows[i].text);

		ck_assert_str_eq(got, rows[i].masked);
	}
}
END_TEST

static struct json *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse(text, strlen(text), 10000, ERR_INPUT, "test", &e);

	ck_assert_msg(j != NULL, "%s", e.msg);
	return j;
}

START_TEST(masks_in_depth)
{
	AUTO_JSON struct json *j = parse("{\"argv\":[\"sh\",\"A_TOKEN=1\"],\"n\":3,\"o\":{\"x\":\"S_SECRET=2\"}}");
	AUTO_JSON struct json *want =
		parse("{\"argv\":[\"sh\",\"A_TOKEN=***\"],\"n\":3,\"o\":{\"x\":\"S_SECRET=***\"}}");
	AUTO_JSON struct json *got = inputs_mask(j);

	ck_assert(json_eq(got, want));
}
END_TEST

START_TEST(names_what_differs)
{
	AUTO_JSON struct json *then = parse("{\"a\":1,\"b\":[\"x\"],\"gone\":1}");
	AUTO_JSON struct json *now = parse("{\"a\":1,\"b\":[\"y\"],\"c\":2}");
	AUTO_STRV struct strv out = {0};

	inputs_differing(then, now, &out);
	AUTO_FREE char *names = strv_join(&out, ",");

	ck_assert_str_eq(names, "b,c,gone");
}
END_TEST

START_TEST(names_variables)
{
	AUTO_JSON struct json *then = parse("[\"A=1\",\"B=2\",\"C=3\",\"E=\"]");
	AUTO_JSON struct json *now = parse("[\"A=1\",\"B=9\",\"D=4\",\"E=5\"]");
	AUTO_STRV struct strv out = {0};

	inputs_env_changes(then, now, &out);
	AUTO_FREE char *text = strv_join(&out, "; ");

	ck_assert_str_eq(text, "B 2 → 9; D now 4; E \"\" → 5; C is not set any more");
}
END_TEST

/* Only the neighbourhood of the difference is shown, and no character is cut in two. */
START_TEST(shortens)
{
	AUTO_BUF struct buf a = BUF_INIT(10000), b = BUF_INIT(10000);

	for (int i = 0; i < 100; i++) {
		buf_str_add(&a, "é");
		buf_str_add(&b, "é");
	}
	buf_str_add(&a, "1");
	buf_str_add(&b, "2");
	for (int i = 0; i < 100; i++) {
		buf_str_add(&a, "é");
		buf_str_add(&b, "é");
	}
	AUTO_FREE char *got = inputs_change(buf_str(&a), buf_str(&b));
	AUTO_JSON struct json *j = json_new_str(got);

	ck_assert_uint_lt(strlen(got), 200);
	ck_assert_ptr_nonnull(strstr(got, "1é"));
	ck_assert_ptr_nonnull(strstr(got, "2é"));
	ck_assert_str_eq(json_str(j), got); /* else bytes would have been replaced */
}
END_TEST

UNIT_MAIN("inputs", masks, masks_in_depth, names_what_differs, names_variables, shortens)
