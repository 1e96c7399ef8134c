/* Settings: the order of the places, origins, and refusals with file and line. */
#include <check.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/cli/settings.h"
#include "src/util/io.h"
#include "src/util/mem.h"

static const char *const (*env_table)[2];
static size_t env_len;

static const char *env(const char *name)
{
	for (size_t i = 0; i < env_len; i++) {
		if (strcmp(env_table[i][0], name) == 0)
			return env_table[i][1];
	}
	return NULL;
}

#define WITH_ENV(...)                                                                                                  \
	static const char *const env_rows[][2] = {__VA_ARGS__};                                                        \
	env_table = env_rows;                                                                                          \
	env_len = ARRAY_LEN(env_rows)

static char dir[] = "/tmp/slct-settings.XXXXXX";

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	env_len = 0;
}

static void teardown(void)
{
	unlink("system.yml");
	unlink("user.yml");
	ck_assert_int_eq(rmdir(dir), 0);
}

static void put(const char *file, const char *text)
{
	struct err e = ERR_INIT;

	ck_assert_int_eq(io_write_file_atomic(AT_FDCWD, file, text, strlen(text), 0600, &e), 0);
}

static int load(struct settings *s, bool given, struct err *e)
{
	struct settings_sources src = {"system.yml", "user.yml", given, env};

	return settings_load(s, &src, e);
}

START_TEST(built_in_without_any_file)
{
	struct settings s = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(load(&s, false, &e), 0);
	ck_assert_ptr_null(settings_get(&s, SETTING_ROOT));
	ck_assert_str_eq(settings_get(&s, SETTING_PROGRESS), "auto");
	ck_assert_str_eq(s.v[SETTING_PROGRESS].origin, "built in");
	ck_assert_uint_eq(settings_list(&s, SETTING_INSECURE)->n, 0);
	ck_assert_uint_ge(settings_jobs(&s), 1);
	settings_release(&s);
}
END_TEST

START_TEST(later_places_are_stronger)
{
	struct settings s = {0};
	struct err e = ERR_INIT;
	WITH_ENV({"SLCT_JOBS", "7"}, {"SLCT_INSECURE_REGISTRY", "c:1, d:2,"}, {"SLCT_ROOT", ""});

	put("system.yml", "# all of us\nroot: /srv/a\nprogress: plain\njobs: 3\ninsecure-registry: [a:1]\n");
	put("user.yml", "root: /srv/b\njobs: 5\n");
	ck_assert_int_eq(load(&s, false, &e), 0);
	ck_assert_str_eq(settings_get(&s, SETTING_ROOT), "/srv/b");
	ck_assert_str_eq(s.v[SETTING_ROOT].origin, "user.yml:1");
	ck_assert_str_eq(settings_get(&s, SETTING_PROGRESS), "plain");
	ck_assert_str_eq(s.v[SETTING_PROGRESS].origin, "system.yml:3");
	ck_assert_uint_eq(settings_jobs(&s), 7);
	ck_assert_str_eq(s.v[SETTING_JOBS].origin, "SLCT_JOBS");
	ck_assert_uint_eq(settings_list(&s, SETTING_INSECURE)->n, 2);
	ck_assert_str_eq(settings_list(&s, SETTING_INSECURE)->v[1], "d:2");

	ck_assert_int_eq(settings_override(&s, SETTING_JOBS, "1", "--jobs", &e), 0);
	ck_assert_int_eq(settings_override(&s, SETTING_INSECURE, "e:3", "--insecure-registry", &e), 0);
	ck_assert_uint_eq(settings_jobs(&s), 1);
	ck_assert_uint_eq(settings_list(&s, SETTING_INSECURE)->n, 3);
	ck_assert_str_eq(s.v[SETTING_INSECURE].origin, "SLCT_INSECURE_REGISTRY, --insecure-registry");
	settings_release(&s);
}
END_TEST

START_TEST(no_color_is_honoured)
{
	struct settings s = {0};
	struct err e = ERR_INIT;

	{
		WITH_ENV({"NO_COLOR", "1"});
		ck_assert_int_eq(load(&s, false, &e), 0);
		ck_assert_str_eq(settings_get(&s, SETTING_COLOR), "never");
	}
	{
		WITH_ENV({"NO_COLOR", "1"}, {"SLCT_COLOR", "always"});
		ck_assert_int_eq(load(&s, false, &e), 0);
		ck_assert_str_eq(settings_get(&s, SETTING_COLOR), "always");
	}
	settings_release(&s);
}
END_TEST

START_TEST(bad_files_name_the_line)
{
	static const struct {
		const char *text, *msg;
		unsigned line;
	} cases[] = {
		{"root: /a\nrot: /b\n", "unknown setting \"rot\"", 2},
		{"progress: loud\n", "progress: \"loud\" is not one of auto|tty|plain|json", 1},
		{"\n\njobs: many\n", "jobs: \"many\" is neither", 3},
		{"jobs: 0\n", "jobs: \"0\" is neither", 1},
		{"root: relative\n", "root: \"relative\" is not an absolute path", 1},
		{"root: [a]\n", "root: a single value is wanted", 1},
		{"- a\n", "settings are wanted", 1},
		{"insecure-registry: {a: b}\n", "insecure-registry: a list is wanted", 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct settings s = {0};
		struct err e = ERR_INIT;

		put("user.yml", cases[i].text);
		ck_assert_msg(load(&s, false, &e) == -1, "case %zu is accepted", i);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_msg(strstr(e.msg, cases[i].msg) != NULL, "case %zu: %s", i, e.msg);
		ck_assert_str_eq(e.place.file, "user.yml");
		ck_assert_uint_eq(e.place.line, cases[i].line);
		err_release(&e);
		settings_release(&s);
	}
}
END_TEST

START_TEST(bad_environment_names_the_variable)
{
	struct settings s = {0};
	struct err e = ERR_INIT;
	WITH_ENV({"SLCT_PROGRESS", "loud"});

	ck_assert_int_eq(load(&s, false, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_ptr_nonnull(strstr(e.msg, "SLCT_PROGRESS"));
	err_release(&e);
	settings_release(&s);
}
END_TEST

START_TEST(a_file_that_was_named_must_be_there)
{
	struct settings s = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(load(&s, true, &e), -1);
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(e.msg, "user.yml"));
	err_release(&e);
	settings_release(&s);
}
END_TEST

START_TEST(bad_option_is_wrong_usage)
{
	struct settings s = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(load(&s, false, &e), 0);
	ck_assert_int_eq(settings_override(&s, SETTING_ROOT, "", "--root", &e), -1);
	ck_assert_int_eq(e.code, ERR_USAGE);
	err_release(&e);
	settings_release(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("settings");
	TCase *t = tcase_create("settings");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, built_in_without_any_file);
	tcase_add_test(t, later_places_are_stronger);
	tcase_add_test(t, no_color_is_honoured);
	tcase_add_test(t, bad_files_name_the_line);
	tcase_add_test(t, bad_environment_names_the_variable);
	tcase_add_test(t, a_file_that_was_named_must_be_there);
	tcase_add_test(t, bad_option_is_wrong_usage);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
