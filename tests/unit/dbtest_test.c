/* What the tests of run-db-test are called with, what they find, what is said of them. */
#include "src/cli/dbenv.h"
#include "src/cli/dbresult.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static const struct dbtest_place place = {"h", "sys", "it's", "w", 8563, 2580, 2581, 0};

START_TEST(test_command)
{
	static const struct strv none = {0};
	struct dbtest_call call = {&place, "A=b C=d", NULL, "/d.so", &none};
	char file[] = "f/x.py", java[] = "java";
	struct dbtest_item it = {.kind = DBTEST_GENERIC, .file = file, .language = java};
	AUTO_FREE char *text = dbtest_command(&call, &it), *fill = dbtest_populate(&place);

	ck_assert_str_eq(text,
			 "cd /tests/test/; python3 'f/x.py' --server 'h:8563' --user 'sys' --password 'it'\\''s' "
			 "--script-languages 'A=b C=d' --lang-path /tests/lang --loglevel=critical --driver=/d.so "
			 "--jdbc-path /downloads/JDBC/exajdbc.jar --lang 'java'");
	ck_assert_str_eq(fill, "cd /tests_data/enginedb_small && $EXAPLUS -c 'h:8563' -x -u 'sys' -p 'it'\\''s' "
			       "-f import.sql -jdbcparam 'validateservercertificate=0'");
}
END_TEST

START_TEST(test_paths)
{
	char file[] = "a/x.py", folder[] = "a", generic[] = "generic", g[] = "generic/y.py", r[] = "r";
	const struct {
		struct dbtest_item it;
		const char *path;
	} rows[] = {
		{{DBTEST_FOLDER, file, folder, NULL}, "test_folder/a/x.py"},
		{{DBTEST_FILES, file, NULL, NULL}, "test_files/a/x.py"},
		{{DBTEST_GENERIC, g, generic, r}, "generic/generic/r/y.py"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *path = dbtest_path(&rows[i].it);

		ck_assert_str_eq(path, rows[i].path);
	}
}
END_TEST

START_TEST(test_variables)
{
	static const char *const wrong[] = {"[]", "{", "{\"A\": {}}", "{\"A\": null}", "{\"\": 1}", "{\"A=B\": 1}"};
	AUTO_STRV struct strv env = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(dbtest_variables(NULL, &env, &e), 0);
	ck_assert_int_eq(dbtest_variables("{\"A\": \"b c\", \"N\": 10, \"B\": false}", &env, &e), 0);
	dbtest_environment("f_release", &env);
	AUTO_FREE char *all = strv_join(&env, "|");

	ck_assert_str_eq(all, "A=b c|N=10|B=False|TEST_ENVIRONMENT_TYPE=external_db|TEST_ENVIRONMENT_NAME=f_release|"
			      "TEST_DOCKER_NETWORK_NAME=host");
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		ck_assert_msg(dbtest_variables(wrong[i], &env, &e) == -1, "%s", wrong[i]);
		ck_assert_int_eq(e.code, ERR_USAGE);
		err_release(&e);
	}
}
END_TEST

START_TEST(test_environment_files)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	const struct dbenv env = {"f_release", &place};
	AUTO_JSON struct json *j = dbenv_json(&env);
	const struct json *ports = json_get(json_get(j, "database_info"), "ports");

	dbenv_lines(&env, "export ", &out);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "export ITDE_DATABASE_DB_PORT=8563\n"));
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "export ITDE_DATABASE_SSH_PORT=\n"));
	ck_assert_int_eq(json_get_int(ports, "_bucketfs_http", 0), 2580);
	ck_assert(json_is_null(json_get(ports, "_ssh")));
	ck_assert_str_eq(json_get_str(json_get(j, "test_container_info"), "container_name"),
			 "test_container_f_release");
}
END_TEST

START_TEST(test_summary)
{
	char file[] = "a/x.py", folder[] = "a", other[] = "b", r[] = "r", flavor[] = "fl", one[] = "one", two[] = "two";
	struct dbtest_item items[] = {{DBTEST_FOLDER, file, folder, NULL},
				      {DBTEST_FOLDER, file, folder, NULL},
				      {DBTEST_FOLDER, file, other, NULL},
				      {DBTEST_FILES, file, NULL, NULL},
				      {DBTEST_GENERIC, file, folder, r}};
	struct dbresult_test tests[ARRAY_LEN(items)];
	struct dbresult_goal goals[] = {{.flavor_path = flavor, .goal = one, .v = tests, .n = ARRAY_LEN(items)},
					{.flavor_path = flavor, .goal = two}};
	const struct dbresult all = {.v = goals, .n = 2};
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		tests[i] = (struct dbresult_test){.item = &items[i], .ok = i != 1};
	dbresult_text(&all, &out);
	ck_assert_str_eq(buf_str(&out), "- Tests: FAILED\n"
					"  - Tests for flavor fl: FAILED\n"
					"    - Tests for release goal one: FAILED\n"
					"      - Tests in test folder a with language r: OK\n"
					"      - Tests in test folder a with language None: FAILED\n"
					"      - Tests in test folder b with language None: OK\n"
					"      - Tests in test files with language None: OK\n"
					"    - Tests for release goal two: OK\n"
					"      - Tests in test files with language None: OK\n");
	AUTO_JSON struct json *j = dbresult_json(&all);
	const struct json *of = json_get(json_get(j, "test_results_per_flavor"), "fl");
	const struct json *goal = json_get(json_get(of, "test_results_per_release_goal"), "one");

	ck_assert(!dbresult_ok(&all) && !json_get_bool(of, "tests_are_ok", true));
	ck_assert_uint_eq(json_len(json_get(json_get(goal, "test_folders_output"), "test_results")), 2);
	ck_assert(json_get_bool(json_get(goal, "generic_language_tests_output"), "tests_are_ok", false));
}
END_TEST

UNIT_MAIN("dbtest", test_command, test_paths, test_variables, test_environment_files, test_summary)
