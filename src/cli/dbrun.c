#include "src/cli/dbrun.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/build/opsbase.h"
#include "src/cli/dbenv.h"
#include "src/cli/release.h"
#include "src/cli/runargs.h"
#include "src/cli/testrun.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* What a failed test has said, shown at most. */
#define DBRUN_SHOW_MAX ((off_t)1 << 20)
#define DBRUN_PATH_MAX 4096

void dbrun_release(struct dbrun *r)
{
	runimg_close(&r->state);
	digest_list_release(&r->stack);
	if (r->has_config)
		imgconfig_release(&r->config);
	free(r->tests);
	free(r->data);
	free(r->odbc);
	*r = (struct dbrun){0};
}

/* --- one command --- */

static void dbrun_mounts(const struct dbrun *r, const char *env_dir, struct runimg_mounts *m)
{
	if (r->tests)
		runimg_mounts_add(m, NULL, r->tests, DBTEST_SOURCE, true);
	if (r->data)
		runimg_mounts_add(m, NULL, r->data, DBTEST_DATA, true);
	for (size_t i = 0; env_dir && dbenv_files[i]; i++) {
		AUTO_FREE char *target = mem_printf("/%s", dbenv_files[i]);

		runimg_mounts_add(m, env_dir, dbenv_files[i], target, true);
	}
}

/* The image's entry point does not count: EXASLCT's test containers sleep, and commands are run in them. */
static void dbrun_command(const struct dbrun *r, const char *name, const char *text, const char *env_dir,
			  struct runimg_cmd *cmd)
{
	static const char copy[] = "rm -rf " DBTEST_TESTS "; [ ! -d " DBTEST_SOURCE " ] || cp -r " DBTEST_SOURCE
				   " " DBTEST_TESTS " || exit 125; exec bash -c \"$1\"";
	const char *const argv[] = {"/bin/sh", "-c", copy, "slct", text};

	cmd->name = mem_strdup(name);
	digest_list_copy(&cmd->stack, &r->stack);
	runargs_defaults(&r->config, cmd);
	dbrun_mounts(r, env_dir, &cmd->mounts);
	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		strv_add(&cmd->argv, argv[i]);
}

/* Run a command whose output goes to fd. */
static int dbrun_one(struct dbrun *r, const char *name, const char *text, const char *env_dir, int fd,
		     struct runimg_result *res, struct err *e)
{
	struct runimg_job job = {.b = &r->state};
	int rc;

	dbrun_command(r, name, text, env_dir, &job.main);
	job.main.out_fd = fd;
	rc = runimg_call(&job, res, e);
	runimg_cmd_release(&job.main);
	return rc;
}

/* --- beginning --- */

static char *dbrun_dir(const char *folder, const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/%s", folder, name);

	return realpath(path, NULL);
}

static int dbrun_image(struct dbrun *r, const struct digest *image, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};

	if (opsbase_image(&r->work->session, image->text, &im, &r->config, e))
		return -1;
	r->has_config = true;
	digest_list_copy(&r->stack, &im.diff_ids);
	return 0;
}

static int dbrun_find_driver(struct dbrun *r, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("slct-driver", MFD_CLOEXEC);
	struct runimg_result res;
	char text[DBRUN_PATH_MAX];
	ssize_t n;

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "memory file");
	if (dbrun_one(r, "odbc driver", "find /downloads/ODBC -name 'libexaodbc*.so'", NULL, fd, &res, e))
		return -1;
	n = pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (res.status || res.signo) {
		err_set(e, ERR_INPUT, "the test container has no ODBC driver of Exasol in /downloads/ODBC: %s", text);
		return err_hint(
			e,
			"its Dockerfile has to put libexaodbc*.so there, and bash, find and cp must be in the image");
	}
	text[strcspn(text, "\n")] = '\0';
	r->odbc = mem_strdup(text);
	return 0;
}

int dbrun_open(struct dbrun *r, struct work *w, const struct digest *image, const char *folder, struct err *e)
{
	static const struct cgroup_limits none = {0};

	*r = (struct dbrun){.work = w, .tests = dbrun_dir(folder, "tests"), .data = dbrun_dir(folder, "test_data")};
	if (dbrun_image(r, image, e) || runimg_open(&r->state, &w->session, &none, e) ||
	    runimg_trees(&r->state, &r->stack, "test container", e))
		return -1;
	return dbrun_find_driver(r, e);
}

/* --- data --- */

int dbrun_populate(struct dbrun *r, const struct dbtest_place *p, const char *env_dir, const char *log, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%s/" DBTEST_POPULATE "/import.sql", r->data ? r->data : "");
	AUTO_FREE char *text = dbtest_populate(p);
	AUTO_CLOSE int fd = -1;
	struct runimg_result res;

	if (!r->data || access(file, F_OK) < 0)
		return 0;
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", log);
	if (dbrun_one(r, "import.sql", text, env_dir, fd, &res, e))
		return -1;
	if (!res.status && !res.signo)
		return 0;
	err_set(e, ERR_STEP, "filling the database with %s failed: %s %d", file, res.signo ? "signal" : "exit status",
		res.signo ? res.signo : res.status);
	return err_hint(e, "the output is in %s", log);
}

/* --- tests --- */

static char *dbrun_head(const struct dbrun_tests *t, const char *text)
{
	AUTO_FREE char *env = strv_join(t->visible, " ");

	return mem_printf("command: bash -c \"%s\"\nenvironment: %s\n", text, env);
}

static int dbrun_add(struct dbrun *r, const struct dbrun_tests *t, const struct dbtest_item *it, struct testrun *run,
		     struct err *e)
{
	AUTO_FREE char *path = dbtest_path(it), *text = dbtest_command(t->call, it);
	AUTO_FREE char *dir = mem_printf("%s/%s/logs", t->dir, path);
	struct testrun_test *one = mem_new(struct testrun_test);

	vec_push(run, one);
	one->name = mem_printf("%s/%s", t->name, path);
	one->log = mem_printf("%s/test_output", dir);
	one->head = dbrun_head(t, text);
	one->job = (struct runimg_job){.b = &r->state};
	dbrun_command(r, one->name, text, t->env_dir, &one->job.main);
	for (size_t i = 0; i < t->env->n; i++)
		if (runargs_env(t->env->v[i], &one->job.main.env, e))
			return -1;
	return release_mkdirs(dir, e);
}

/* All that a failed test has said, as EXASLCT shows it: where it runs its logs may soon be gone. */
static void dbrun_show(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	struct err ignored = ERR_INIT;

	if (size > DBRUN_SHOW_MAX)
		lseek(fd, size - DBRUN_SHOW_MAX, SEEK_SET);
	else if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	if (fd >= 0 && io_copy(fd, STDERR_FILENO, UINT64_MAX, NULL, path, &ignored))
		err_release(&ignored);
}

static void dbrun_done(const struct testrun_test *t, void *arg ATTR_UNUSED)
{
	if (t->failure)
		dbrun_show(t->log);
	dprintf(STDERR_FILENO, "%-6s %s %.1fs%s%s\n", t->failure ? "FAILED" : "OK", t->name,
		(double)t->elapsed_ns / 1e9, t->failure ? ": " : "", t->failure ? t->failure : "");
}

static int dbrun_result(const struct testrun_test *t, const struct dbtest_item *it, struct dbresult_goal *out,
			struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *j = NULL;
	AUTO_FREE char *logs = path_dir(t->log), *dir = path_dir(logs), *file = mem_printf("%s/test_result.json", dir);

	vec_push(out, (struct dbresult_test){.item = it, .output = mem_strdup(t->log), .ok = !t->failure});
	j = dbresult_test_json(&out->v[out->n - 1]);
	json_write_pretty(j, &text);
	return io_write_output(file, buf_str(&text), text.n, e);
}

int dbrun_tests(struct dbrun *r, const struct dbrun_tests *t, struct dbresult_goal *out, struct err *e)
{
	AUTO(testrun_release)
	struct testrun run = {.s = &r->work->session, .b = &r->state, .jobs = 1, .done = dbrun_done};

	for (size_t i = 0; i < t->items->n; i++)
		if (dbrun_add(r, t, &t->items->v[i], &run, e))
			return -1;
	if (testrun_all(&run, e))
		return -1;
	for (size_t i = 0; i < run.n; i++)
		if (dbrun_result(run.v[i], &t->items->v[i], out, e))
			return -1;
	if (r->junit)
		testrun_junit(&run, t->name, r->junit);
	return 0;
}

/* --- waiting --- */

static void dbrun_on_time(void *arg)
{
	struct session *s = arg;

	loop_stop(s->loop);
}

static void dbrun_on_signal(void *arg, int signo)
{
	struct session *s = arg;

	s->interrupted = true;
	s->signo = signo;
	loop_stop(s->loop);
}

int dbrun_wait(struct session *s, int64_t ns, struct err *e)
{
	static const int signos[] = {SIGINT, SIGTERM};
	struct loop_src *sig = loop_add_signals(s->loop, signos, ARRAY_LEN(signos), dbrun_on_signal, s, e);
	struct loop_src *timer = sig ? loop_add_timer(s->loop, ns, 0, dbrun_on_time, s, e) : NULL;
	int rc = timer ? loop_run(s->loop, e) : -1;

	loop_remove(s->loop, timer);
	loop_remove(s->loop, sig);
	if (rc == 0 && s->interrupted) {
		rc = err_set(e, ERR_CANCELLED, "the tests were cancelled");
		e->sys = s->signo == SIGTERM ? SIGTERM : 0;
	}
	return rc;
}
