/* The error value. */
#include <check.h>
#include <errno.h>

#include "src/util/err.h"
#include "tests/unit/unit.h"

START_TEST(test_life)
{
	struct err e = ERR_INIT, f = ERR_INIT;

	ck_assert(!err_is_set(&e));
	ck_assert_int_eq(err_set(&e, ERR_INPUT, "bad %s", "thing"), -1);
	ck_assert(err_is_set(&e));
	ck_assert_int_eq(err_wrap(&e, "reading %d", 3), -1);
	ck_assert_str_eq(e.msg, "reading 3: bad thing");
	err_hint(&e, "first");
	err_hint(&e, "do %s", "this");
	err_at(&e, "Dockerfile", 3, 7);
	err_excerpt(&e, "FROM");
	ck_assert_str_eq(e.hint, "do this");
	ck_assert_str_eq(e.place.file, "Dockerfile");
	ck_assert_uint_eq(e.place.line, 3);
	ck_assert_uint_eq(e.place.col, 7);
	err_set(&f, ERR_HOST, "old");
	err_move(&f, &e);
	ck_assert(!err_is_set(&e));
	ck_assert_ptr_null(e.msg);
	ck_assert_str_eq(f.msg, "reading 3: bad thing");
	ck_assert_str_eq(f.excerpt, "FROM");
	err_move(&f, &f);
	ck_assert(err_is_set(&f));
	err_release(&f);
	ck_assert(!err_is_set(&f));
}
END_TEST

START_TEST(test_replace_by_itself)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_INPUT, "one");
	e.http = 404;
	err_set(&e, ERR_REGISTRY, "two after %s", e.msg);
	ck_assert_str_eq(e.msg, "two after one");
	ck_assert_int_eq(e.http, 0);
	err_release(&e);
}
END_TEST

START_TEST(test_sys)
{
	static const struct {
		int sys;
		enum err_code given, want;
		bool hint;
	} rows[] = {
		{ENOSPC, ERR_REGISTRY, ERR_HOST, true}, {EDQUOT, ERR_INPUT, ERR_HOST, true},
		{EROFS, ERR_INPUT, ERR_HOST, true},	{EACCES, ERR_INPUT, ERR_HOST, false},
		{EPERM, ERR_INPUT, ERR_HOST, false},	{EMFILE, ERR_INTERNAL, ERR_HOST, true},
		{ENOENT, ERR_INPUT, ERR_INPUT, false},	{ECONNRESET, ERR_REGISTRY, ERR_REGISTRY, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_INIT;

		ck_assert_int_eq(err_sys(&e, rows[i].given, rows[i].sys, "cannot open %s", "x"), -1);
		ck_assert_int_eq(e.code, rows[i].want);
		ck_assert_int_eq(e.sys, rows[i].sys);
		ck_assert_int_eq(e.hint != NULL, rows[i].hint);
		ck_assert_ptr_nonnull(strstr(e.msg, "cannot open x: "));
		ck_assert_ptr_nonnull(strstr(e.msg, strerror(rows[i].sys)));
		err_release(&e);
	}
}
END_TEST

START_TEST(test_exit_status)
{
	static const struct {
		enum err_code code;
		int status;
	} rows[] = {
		{ERR_NONE, 0},	    {ERR_STEP, 1},     {ERR_USAGE, 2},	     {ERR_INPUT, 3},
		{ERR_NOT_FOUND, 3}, {ERR_REGISTRY, 4}, {ERR_HOST, 5},	     {ERR_INTEGRITY, 6},
		{ERR_INTERNAL, 70}, {ERR_TEMP, 75},    {ERR_CANCELLED, 130},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = {.code = rows[i].code};

		ck_assert_int_eq(err_exit_status(&e), rows[i].status);
		ck_assert_int_eq(err_code_from_name(err_code_name(rows[i].code)), rows[i].code);
	}
	ck_assert_int_eq(err_code_from_name("nonsense"), ERR_INTERNAL);
	ck_assert_int_eq(err_code_from_name(NULL), ERR_INTERNAL);
}
END_TEST

UNIT_MAIN("err", test_life, test_replace_by_itself, test_sys, test_exit_status)
