/* -v, --mount, -e and --env-file of slct run. */
#include <stdlib.h>

#include "src/cli/runargs.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static void is_mount(const struct runimg_mounts *m, const char *source, const char *target, bool readonly)
{
	const struct runimg_mount *last = &m->v[m->n - 1];

	ck_assert(m->n > 0);
	if (source)
		ck_assert_str_eq(last->source, source);
	else
		ck_assert_ptr_null(last->source);
	ck_assert_str_eq(last->target, target);
	ck_assert(last->readonly == readonly);
}

static void is_wrong(int rc, enum err_code code, const char *text, struct err *e)
{
	ck_assert_msg(rc == -1, "%s", text);
	ck_assert_msg(e->code == code, "%s: %s", text, e->msg);
	err_release(e);
}

START_TEST(test_volume)
{
	static const char *const wrong[] = {"/etc:etc", "/etc:/x:rx", "x", "/etc:", "/etc:/x:ro:z"};
	AUTO(runimg_mounts_release) struct runimg_mounts m = {0};
	AUTO_FREE char *cwd = getcwd(NULL, 0), *here = mem_printf("%s/.", cwd);
	struct err e = ERR_INIT;

	unit_ok(runargs_volume("/etc:/x", &m, &e), e);
	is_mount(&m, "/etc", "/x", false);
	unit_ok(runargs_volume("/etc:/x:ro", &m, &e), e);
	is_mount(&m, "/etc", "/x", true);
	unit_ok(runargs_volume("/etc:/x:rw", &m, &e), e);
	is_mount(&m, "/etc", "/x", false);
	unit_ok(runargs_volume("/t", &m, &e), e);
	is_mount(&m, NULL, "/t", false);
	unit_ok(runargs_volume(".:/x", &m, &e), e);
	is_mount(&m, here, "/x", false);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		is_wrong(runargs_volume(wrong[i], &m, &e), ERR_USAGE, wrong[i], &e);
	is_wrong(runargs_volume("named:/x", &m, &e), ERR_INPUT, "named", &e);
}
END_TEST

START_TEST(test_mount)
{
	static const char *const wrong[] = {"type=bind,target=/x",
					    "type=tmpfs,source=/etc,target=/x",
					    "source=/etc",
					    "type=volume,source=/etc,target=/x",
					    "source=/etc,target=x",
					    "source=/etc,target=/x,zz",
					    "source=/etc,target=/x,size=1",
					    "",
					    "type"};
	AUTO(runimg_mounts_release) struct runimg_mounts m = {0};
	struct err e = ERR_INIT;

	unit_ok(runargs_mount("type=bind,source=/etc,target=/x", &m, &e), e);
	is_mount(&m, "/etc", "/x", false);
	unit_ok(runargs_mount("src=/etc,dst=/x,readonly", &m, &e), e);
	is_mount(&m, "/etc", "/x", true);
	unit_ok(runargs_mount("src=/etc,destination=/x,ro=true", &m, &e), e);
	is_mount(&m, "/etc", "/x", true);
	unit_ok(runargs_mount("src=/etc,dst=/x,readonly=false", &m, &e), e);
	is_mount(&m, "/etc", "/x", false);
	unit_ok(runargs_mount("src=/,dst=/x,src=/etc", &m, &e), e);
	is_mount(&m, "/etc", "/x", false);
	unit_ok(runargs_mount("type=tmpfs,target=/t", &m, &e), e);
	is_mount(&m, NULL, "/t", false);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		is_wrong(runargs_mount(wrong[i], &m, &e), ERR_USAGE, wrong[i], &e);
}
END_TEST

START_TEST(test_env)
{
	AUTO_STRV struct strv env = {0};
	struct err e = ERR_INIT;

	setenv("SLCT_T_SET", "outer", 1);
	unsetenv("SLCT_T_UNSET");
	strv_add(&env, "A=image");
	strv_add(&env, "AB=other");
	unit_ok(runargs_env("A=1=2", &env, &e), e);
	unit_ok(runargs_env("E=", &env, &e), e);
	unit_ok(runargs_env("SLCT_T_SET", &env, &e), e);
	unit_ok(runargs_env("SLCT_T_UNSET", &env, &e), e);
	AUTO_FREE char *all = strv_join(&env, "|");

	ck_assert_str_eq(all, "A=1=2|AB=other|E=|SLCT_T_SET=outer");
	is_wrong(runargs_env("=x", &env, &e), ERR_USAGE, "=x", &e);
	is_wrong(runargs_env("", &env, &e), ERR_USAGE, "", &e);
}
END_TEST

START_TEST(test_env_file)
{
	static const char text[] = "# comment\n\n  \nA=1\r\nB=two words \nSLCT_T_SET\nLAST=x";
	static const char zero[] = "A=1\0B=2\n";
	UNIT_DIR(dir);
	AUTO_FREE char *path = mem_printf("%s/env", dir.path);
	AUTO_STRV struct strv env = {0};
	struct err e = ERR_INIT;

	setenv("SLCT_T_SET", "outer", 1);
	unit_ok(io_write_output(path, text, sizeof text - 1, &e), e);
	unit_ok(runargs_env_file(path, &env, &e), e);
	AUTO_FREE char *all = strv_join(&env, "|");

	ck_assert_str_eq(all, "A=1|B=two words |SLCT_T_SET=outer|LAST=x");
	unit_ok(io_write_output(path, zero, sizeof zero - 1, &e), e);
	is_wrong(runargs_env_file(path, &env, &e), ERR_INPUT, "zero byte", &e);
	unit_ok(io_write_output(path, "=x\n", 3, &e), e);
	is_wrong(runargs_env_file(path, &env, &e), ERR_USAGE, "=x", &e);
	is_wrong(runargs_env_file("/nosuch/file", &env, &e), ERR_NOT_FOUND, "/nosuch/file", &e);
}
END_TEST

UNIT_MAIN("runargs", test_volume, test_mount, test_env, test_env_file)
