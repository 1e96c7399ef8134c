/* Test sets of ci.json. */
#include "src/flavor/ftestset.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static void put(const struct unit_dir *d, const char *text)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *path = mem_printf("%s/ci.json", d->path);

	ck_assert_int_eq(io_write_output(path, text, strlen(text), &e), 0);
}

#define SET(name, goal, file)                                                                                          \
	"{\"name\": \"" name "\", \"goal\": \"" goal "\", \"files\": [\"" file "\"], \"folders\": [\"d\"]}"
#define SETS(list) "{\"test_config\": {\"test_sets\": [" list "]}}"

START_TEST(test_sets)
{
	UNIT_DIR(dir);
	AUTO_FTESTSET struct ftestset all = {0}, one = {0}, none = {0};
	AUTO_STRV struct strv names = {0}, goals = {0};
	struct err e = ERR_INIT;

	put(&dir, SETS(SET("a", "Release", "a.py") "," SET("b", "release", "b.py") "," SET("c", "base", "c.py")));
	ck_assert_int_eq(ftestset_read(dir.path, "release", NULL, &all, &e), 0);
	ck_assert_uint_eq(all.files.n, 2);
	ck_assert_uint_eq(all.folders.n, 2);
	ck_assert_uint_eq(all.generic.n, 0);
	strv_add(&names, "b");
	ck_assert_int_eq(ftestset_read(dir.path, "release", &names, &one, &e), 0);
	ck_assert_uint_eq(one.files.n, 1);
	ck_assert_str_eq(one.files.v[0], "b.py");
	ck_assert_int_eq(ftestset_read(dir.path, "nosuch", NULL, &none, &e), 0);
	ck_assert(ftestset_is_empty(&none));
	ck_assert_int_eq(ftestset_goals(dir.path, &names, &goals, &e), 0);
	ck_assert_uint_eq(goals.n, 1);
}
END_TEST

START_TEST(test_wrong)
{
	UNIT_DIR(dir);
	static const char *const rows[][2] = {
		{"{", "ci.json"},
		{"{}", "test_config"},
		{"{\"test_config\": {}}", "test_sets"},
		{SETS("{}"), "test_sets[0]"},
		{SETS("{\"goal\": \"r\", \"files\": \"x\"}"), "files"},
	};
	AUTO_STRV struct strv goals = {0};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FTESTSET struct ftestset set = {0};

		put(&dir, rows[i][0]);
		ck_assert_int_eq(ftestset_read(dir.path, "r", NULL, &set, &e), -1);
		ck_assert_msg(e.code == ERR_INPUT && strstr(e.msg, rows[i][1]), "%s: %s", rows[i][0], e.msg);
		err_release(&e);
	}
	ck_assert_int_eq(ftestset_goals("/nosuch", NULL, &goals, &e), 0);
	ck_assert_uint_eq(goals.n, 0);
}
END_TEST

UNIT_MAIN("ftestset", test_sets, test_wrong)
