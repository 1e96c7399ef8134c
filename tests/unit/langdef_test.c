/* Language definitions and their statements. */
#include "src/flavor/langdef.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static struct unit_dir dir;

static void put(const char *name, const char *text)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *path = mem_printf("%s/%s", dir.path, name);

	ck_assert_int_eq(io_write_output(path, text, strlen(text), &e), 0);
}

static char *render(const char *path, struct err *e)
{
	struct langdef_place p = {"bfsdefault", "default", path, "c"};

	return langdef_render(dir.path, &p, e);
}

static void is_refused(const char *json, const char *why)
{
	struct err e = ERR_INIT;

	put("language_definitions.json", json);
	ck_assert_ptr_null(render(NULL, &e));
	ck_assert_msg(strstr(e.msg, why) != NULL, "%s: %s", json, e.msg);
	ck_assert_int_eq(e.code, ERR_INPUT);
	err_release(&e);
}

START_TEST(test_template)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *text = NULL, *statement = NULL;

	dir = unit_dir_make();
	put("language_definition",
	    "\n PYTHON3=localzmq+protobuf:///{{ bucketfs_name }}/{{bucket_name}}/{{ path_in_bucket }}{{ release_name }}"
	    "?lang=python#buckets/{{ bucketfs_name }}/{{ bucket_name }}/{{ path_in_bucket }}{{ release_name }}"
	    "/exaudf/exaudfclient R=builtin_r\n\n");
	text = render("p", &e);
	ck_assert_str_eq(text, "PYTHON3=localzmq+protobuf:///bfsdefault/default/p/c?lang=python"
			       "#buckets/bfsdefault/default/p/c/exaudf/exaudfclient R=builtin_r");
	statement = langdef_alter("SYSTEM", text);
	ck_assert_ptr_eq(strstr(statement, "ALTER SYSTEM SET SCRIPT_LANGUAGES='PYTHON3="), statement);
	ck_assert_str_eq(statement + strlen(statement) - 14, " R=builtin_r';");
	put("language_definition", "A={{ nothing }}");
	ck_assert_ptr_null(render("p", &e));
	ck_assert_uint_eq(e.place.line, 1);
	err_release(&e);
	put("language_definition", "A=x' OR 'y");
	ck_assert_ptr_null(render("p", &e));
	ck_assert_ptr_nonnull(strstr(e.msg, "quote"));
	err_release(&e);
	put("language_definition", " \n");
	ck_assert_ptr_null(render("p", &e));
	err_release(&e);
	unit_dir_release(&dir);
}
END_TEST

#define LANGDEF_HEAD "{\"schema_version\":2,\"language_definitions\":[{\"protocol\":\"p\",\"aliases\":"

START_TEST(test_json)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *text = NULL;

	dir = unit_dir_make();
	put("language_definitions.json",
	    LANGDEF_HEAD "[\"A\",\"B\"],\"parameters\":[{\"key\":\"lang\",\"value\":\"x/y z\"}],"
			 "\"udf_client_path\":{\"executable\":\"/e/c\"},\"deprecation\":null}]}");
	text = render("/a/b/", &e);
	ck_assert_msg(text != NULL, "%s", e.msg);
	ck_assert_str_eq(text, "A=p:///bfsdefault/default/a/b/c?lang=x%2Fy+z#buckets/bfsdefault/default/a/b/c/e/c "
			       "B=p:///bfsdefault/default/a/b/c?lang=x%2Fy+z#buckets/bfsdefault/default/a/b/c/e/c");
	is_refused("{\"schema_version\":3,\"language_definitions\":[]}", "schema_version 3");
	is_refused("{\"language_definitions\":[]}", "schema_version");
	is_refused(LANGDEF_HEAD "[\"A B\"],\"udf_client_path\":{\"executable\":\"/e\"}}]}", "aliases[0]");
	is_refused(LANGDEF_HEAD "[\"A\"]}]}", "udf_client_path");
	is_refused(LANGDEF_HEAD "[\"A\"],\"udf_client_path\":{\"executable\":\"/e\"},\"parameters\":[{\"key\":\"k\","
				"\"value\":[\"x\"]}]}]}",
		   "parameters[0]");
	is_refused("{\"schema_version\":2,\"language_definitions\":[]}", "empty");
	unit_dir_release(&dir);
}
END_TEST

START_TEST(test_no_file)
{
	struct err e = ERR_INIT;

	dir = unit_dir_make();
	ck_assert_ptr_null(render(NULL, &e));
	ck_assert_ptr_nonnull(e.hint);
	err_release(&e);
	unit_dir_release(&dir);
}
END_TEST

START_TEST(test_change)
{
	struct err e = ERR_INIT;
	AUTO_SMAP struct smap names = SMAP_STR;
	AUTO_FREE char *text = NULL, *same = langdef_change("A=b=c D=e", &names, false, &e);

	ck_assert_str_eq(same, "A=b=c D=e");
	smap_set_str(&names, "A", "X");
	text = langdef_change("A=b=c JAVA=e", &names, true, &e);
	ck_assert_str_eq(text, "X=b=c JAVA=e PYTHON3=builtin_python3 R=builtin_r");
	smap_set_str(&names, "Z", "Y");
	ck_assert_ptr_null(langdef_change("A=b", &names, false, &e));
	ck_assert_int_eq(e.code, ERR_USAGE);
	err_release(&e);
}
END_TEST

UNIT_MAIN("langdef", test_template, test_json, test_no_file, test_change)
