/* Error rendering. */
#include <check.h>
#include <signal.h>

#include "src/cli/report.h"

static void render(const struct err *e, bool color, struct buf *out)
{
	*out = BUF_INIT(BUF_TEXT_MAX);
	report_render(e, color, out);
}

START_TEST(message_place_excerpt_hint)
{
	struct err e = ERR_INIT;
	AUTO_BUF struct buf out = {0};

	err_set(&e, ERR_INPUT, "unknown instruction: FORM");
	err_at(&e, "Dockerfile", 3, 1);
	err_excerpt(&e, "3 | FORM debian\n    ^");
	err_hint(&e, "did you mean FROM?");
	render(&e, false, &out);
	ck_assert_str_eq(buf_str(&out), "slct: error: Dockerfile:3:1: unknown instruction: FORM\n"
					"  3 | FORM debian\n"
					"      ^\n"
					"hint: did you mean FROM?\n");
	err_release(&e);
}
END_TEST

START_TEST(place_is_not_said_twice)
{
	struct err e = ERR_INIT;
	AUTO_BUF struct buf out = {0};

	err_set(&e, ERR_INPUT, "Dockerfile:3:1: unknown instruction");
	err_at(&e, "Dockerfile", 3, 1);
	render(&e, false, &out);
	ck_assert_str_eq(buf_str(&out), "slct: error: Dockerfile:3:1: unknown instruction\n");
	err_release(&e);
}
END_TEST

START_TEST(parts_of_a_place)
{
	static const struct {
		unsigned line, col;
		const char *want;
	} cases[] = {
		{0, 0, "slct: error: f: x\n"},
		{7, 0, "slct: error: f:7: x\n"},
		{7, 2, "slct: error: f:7:2: x\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		AUTO_BUF struct buf out = {0};

		err_set(&e, ERR_INPUT, "x");
		err_at(&e, "f", cases[i].line, cases[i].col);
		render(&e, false, &out);
		ck_assert_str_eq(buf_str(&out), cases[i].want);
		err_release(&e);
	}
}
END_TEST

START_TEST(control_sequences_do_not_reach_the_terminal)
{
	struct err e = ERR_INIT;
	AUTO_BUF struct buf out = {0};

	err_set(&e, ERR_REGISTRY, "bad \x1b]0;title\a\x1b[2Jname\r");
	err_excerpt(&e, "\x1b[31mred\x1b[0m\x1b[1;1H\n");
	render(&e, false, &out);
	ck_assert_ptr_null(strchr(buf_str(&out), '\x1b'));
	ck_assert_ptr_null(strchr(buf_str(&out), '\a'));
	ck_assert_ptr_null(strchr(buf_str(&out), '\r'));
	buf_release(&out);
	render(&e, true, &out);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "\x1b[31mred"));
	ck_assert_ptr_null(strstr(buf_str(&out), "\x1b[1;1H"));
	err_release(&e);
}
END_TEST

START_TEST(json_has_all_parts)
{
	struct err e = ERR_INIT;
	AUTO_JSON struct json *j = NULL;

	err_set(&e, ERR_INTEGRITY, "wrong digest");
	err_at(&e, "f", 2, 5);
	err_hint(&e, "try again");
	j = report_json(&e);
	ck_assert_str_eq(json_get_str(j, "code"), "integrity");
	ck_assert_str_eq(json_get_str(j, "message"), "wrong digest");
	ck_assert_str_eq(json_get_str(j, "file"), "f");
	ck_assert_int_eq(json_get_int(j, "line", 0), 2);
	ck_assert_int_eq(json_get_int(j, "column", 0), 5);
	ck_assert_str_eq(json_get_str(j, "hint"), "try again");
	ck_assert_int_eq(json_get_int(j, "status", 0), 6);
	ck_assert_ptr_null(json_get_str(j, "excerpt"));
	err_release(&e);
}
END_TEST

START_TEST(exit_statuses)
{
	static const struct {
		enum err_code code;
		int sys, status;
	} cases[] = {
		{ERR_STEP, 0, 1},
		{ERR_USAGE, 0, 2},
		{ERR_INPUT, 0, 3},
		{ERR_NOT_FOUND, 0, 3},
		{ERR_REGISTRY, 0, 4},
		{ERR_HOST, 0, 5},
		{ERR_INTEGRITY, 0, 6},
		{ERR_TEMP, 0, 75},
		{ERR_CANCELLED, 0, 130},
		{ERR_CANCELLED, SIGINT, 130},
		{ERR_CANCELLED, SIGTERM, 143},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;

		err_set(&e, cases[i].code, "x");
		e.sys = cases[i].sys;
		ck_assert_int_eq(report_status(&e), cases[i].status);
		err_release(&e);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");
	SRunner *r;
	int failed;

	tcase_add_test(t, message_place_excerpt_hint);
	tcase_add_test(t, place_is_not_said_twice);
	tcase_add_test(t, parts_of_a_place);
	tcase_add_test(t, control_sequences_do_not_reach_the_terminal);
	tcase_add_test(t, json_has_all_parts);
	tcase_add_test(t, exit_statuses);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
