/* slct test: the tests of a flavor.yml. */
#include "src/cli/build_args.h"
#include "src/cli/cmd.h"
#include "src/cli/exaslct_dbtest.h"
#include "src/cli/image_src.h"
#include "src/cli/report.h"
#include "src/cli/runargs.h"
#include "src/cli/testrun.h"
#include "src/cli/testshell.h"
#include "src/cli/testtree.h"
#include "src/flavor/ftests.h"
#include "src/flavor/ftestset.h"
#include "src/run/runstop.h"
#include "src/session/logdir.h"
#include "src/util/io.h"
#include "src/util/mem.h"

#define CMD_TEST_FILES	 "/tests"
#define CMD_TEST_TIMEOUT (10 * 60 * INT64_C(1000000000))

struct cmd_test_opts {
	struct build_args a; /* first: its offsets are those of the table */
	struct strv tests;
	const char *junit;
	bool keep, shell;
	struct exopt db; /* of the tests in a database */
};

#define CMD_TEST_DB(member) .offset = offsetof(struct cmd_test_opts, db.member)

_Static_assert(offsetof(struct cmd_test_opts, a) == 0, "the rows of build_args.h count from its beginning");

/* clang-format off */
static const struct opt cmd_test_options[] = {
	{.name = "test", .arg = "NAME", .kind = OPT_LIST, .offset = offsetof(struct cmd_test_opts, tests), .dflt = "all",
	 .help = "test to run"},
	{.name = "junit", .arg = "FILE", .kind = OPT_STRING, .offset = offsetof(struct cmd_test_opts, junit),
	 .help = "write the results as JUnit's XML, those of the test sets of ci.json, too"},
	{.name = "keep-failed", .kind = OPT_FLAG, .offset = offsetof(struct cmd_test_opts, keep),
	 .help = "keep the files that a failed test has left as the image failed:FLAVOR-TEST"},
	{.name = "shell-on-fail", .kind = OPT_FLAG, .offset = offsetof(struct cmd_test_opts, shell),
	 .help = "when all have ended, open a shell in what the first test that failed has left; needs a terminal"},
	{.name = "external-exasol-db-host", .arg = "HOST", .kind = OPT_STRING, CMD_TEST_DB(db_host),
	 .help = "database for the test sets of ci.json, which run after the tests of flavor.yml"},
	{.name = "external-exasol-db-port", .arg = "PORT", .kind = OPT_INT, CMD_TEST_DB(db_port), .min = 1, .max = 65535,
	 .dflt = "8563", .help = "its port"},
	{.name = "external-exasol-db-user", .arg = "NAME", .kind = OPT_STRING, CMD_TEST_DB(db_user),
	 .help = "its user; the password is in $EXASOL_DB_PASSWORD or asked for"},
	{.name = "external-exasol-bucketfs-port", .arg = "PORT", .kind = OPT_INT, CMD_TEST_DB(db_bucketfs_port), .min = 1,
	 .max = 65535, .dflt = "2580", .help = "port of its BucketFS; the password of w is in $BUCKETFS_PASSWORD or asked for"},
	{.name = "test-container-folder", .arg = "DIR", .kind = OPT_STRING, CMD_TEST_DB(test_container_folder),
	 .dflt = "./test_container", .help = "directory of the container that the tests of ci.json run in"},
	BUILD_ARGS_SELECTION,
	BUILD_ARGS_RUNNING,
	CLI_NET_OPTIONS(struct build_args),
};
/* clang-format on */

/* What a run of the command knows. */
struct cmd_test {
	struct cli *c;
	const struct cmd_test_opts *o;
	struct build_opts b;
	struct work work;
	struct build state;
	struct testrun run;
	struct build_result built;
	struct buf *junit; /* suites */
	VEC_OF(struct flavor *) flavors;
	struct testtree trees;
	VEC_OF(struct imgconfig) configs; /* of what the tests run in */
};

static void cmd_test_release(struct cmd_test *t)
{
	runimg_close(&t->state);
	testrun_release(&t->run);
	testtree_release(&t->trees);
	build_result_release(&t->built);
	build_opts_release(&t->b);
	work_close(&t->work);
	for (size_t i = 0; i < t->flavors.n; i++)
		flavor_free(t->flavors.v[i]);
	vec_release(&t->flavors);
	for (size_t i = 0; i < t->configs.n; i++)
		imgconfig_release(&t->configs.v[i]);
	vec_release(&t->configs);
}

static bool cmd_test_wanted(const struct cmd_test *t, const struct flavor_test *x)
{
	return !t->o->tests.n || strv_has(&t->o->tests, x->name);
}

/* --- what must be built --- */

static void cmd_test_goal(struct cmd_test *t, const char *flavor, const char *stage)
{
	AUTO_FREE char *goal = stage ? mem_printf("%s/%s", flavor, stage) : NULL;

	if (goal && !strv_has(&t->b.goals, goal))
		strv_add(&t->b.goals, goal);
}

static int cmd_test_flavor(struct cmd_test *t, const char *dir, size_t *n, struct err *e)
{
	struct flavor *f = flavor_load(dir, t->b.flavor_root, e);

	if (!f)
		return -1;
	vec_push(&t->flavors, f);
	if (!f->tests.n && !t->o->db.db_host) {
		err_set(e, ERR_INPUT, "flavor %s has no tests in flavor.yml", f->name);
		return err_hint(e, "those of a ci.json run in a database: --external-exasol-db-host HOST …");
	}
	for (size_t i = 0; i < f->tests.n; i++) {
		const struct flavor_test *x = &f->tests.v[i];

		if (!cmd_test_wanted(t, x))
			continue;
		++*n;
		cmd_test_goal(t, f->name, x->stage);
		for (size_t k = 0; k < x->services.n; k++)
			cmd_test_goal(t, f->name, ftests_service(f, x->services.v[k])->stage);
	}
	return 0;
}

/* --- what runs --- */

/* Name of the image that a test or service runs in; NULL with *e. Borrowed. */
static const char *cmd_test_image(const struct cmd_test *t, const struct flavor *f, const struct flavor_test *x,
				  struct err *e)
{
	AUTO_FREE char *stage = x->stage ? mem_printf("%s/%s", f->name, x->stage) : NULL;
	const char *name = x->image;

	for (size_t i = 0; stage && i < t->built.n; i++)
		if (strcmp(t->built.v[i].stage, stage) == 0)
			name = t->built.v[i].image.text;
	if (!name)
		err_set(e, ERR_INTERNAL, "%s was not built", stage);
	return name && image_src_in_store(name, &name, e) == 0 ? name : NULL;
}

static int cmd_test_stack(struct cmd_test *t, const struct flavor *f, const struct flavor_test *x,
			  struct runimg_cmd *cmd, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	AUTO_STRV struct strv none = {0};
	const char *name = cmd_test_image(t, f, x, e);
	struct imgconfig *config;

	if (!name || image_src_find(t->work.session.store, name, &im, e))
		return err_wrap(e, "%s", x->name);
	vec_push(&t->configs, (struct imgconfig){0});
	config = &t->configs.v[t->configs.n - 1];
	if (store_image_config(t->work.session.store, &im, config, e)) {
		imgconfig_init(config, NULL);
		return err_wrap(e, "%s", x->name);
	}
	if (!x->exported)
		digest_list_copy(&cmd->stack, &im.diff_ids);
	else if (testtree_exported(&t->trees, &t->work.session, f, x->stage, name, &cmd->stack, e))
		return err_wrap(e, "%s", x->name);
	cmd->stop_signo = config->stop_signal ? runstop_signal(config->stop_signal) : 0;
	runargs_defaults(config, cmd);
	for (size_t i = 0; i < x->env.n; i++)
		if (runargs_env(x->env.v[i], &cmd->env, e))
			return -1;
	strv_copy(&cmd->argv, &x->run);
	return x->run.n ? 0 : runargs_argv(config, NULL, &none, &cmd->argv, e);
}

static int cmd_test_command(struct cmd_test *t, const struct flavor *f, const struct flavor_test *x,
			    struct runimg_cmd *cmd, struct err *e)
{
	cmd->name = mem_strdup(x->name);
	cmd->user = mem_strdup_opt(x->user);
	cmd->workdir = mem_strdup_opt(x->workdir);
	cmd->timeout_ns = x->timeout_ns;
	cmd->stop_ns = x->stop_ns;
	strv_copy(&cmd->ready, &x->ready);
	if (x->files)
		runimg_mounts_add(&cmd->mounts, f->path, x->files, CMD_TEST_FILES, true);
	return cmd_test_stack(t, f, x, cmd, e) || runimg_trees(&t->state, &cmd->stack, x->name, e) ? -1 : 0;
}

static int cmd_test_add(struct cmd_test *t, const struct flavor *f, const struct flavor_test *x, struct err *e)
{
	struct testrun_test *one = mem_new(struct testrun_test);

	one->name = mem_printf("%s/%s", f->name, x->name);
	one->again = mem_printf("slct shell %s:%s", f->path, x->stage);
	one->services = mem_zalloc((x->services.n + 1) * sizeof *one->services);
	one->job = (struct runimg_job){.b = &t->state,
				       .services = one->services,
				       .nservices = x->services.n,
				       .net_none = !x->net_host,
				       .keep = t->o->keep || t->o->shell,
				       .add_hosts = &t->b.add_hosts,
				       .ulimits = &t->b.ulimits,
				       .shm_size = t->b.shm_size,
				       .limits = t->b.limits};
	vec_push(&t->run, one);
	for (size_t i = 0; i < x->services.n; i++)
		if (cmd_test_command(t, f, ftests_service(f, x->services.v[i]), &one->services[i], e))
			return -1;
	if (cmd_test_command(t, f, x, &one->job.main, e))
		return -1;
	if (!one->job.main.timeout_ns)
		one->job.main.timeout_ns = CMD_TEST_TIMEOUT;
	return 0;
}

static void cmd_test_done(const struct testrun_test *t, void *arg)
{
	const struct cmd_test *x = arg;
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	struct err ignored = ERR_INIT;

	buf_printf(&text, "%-4s %s %.1fs%s%s\n", t->failure ? "FAIL" : "ok", t->name, (double)t->elapsed_ns / 1e9,
		   t->failure ? ": " : "", t->failure ? t->failure : "");
	if (t->failure) {
		testrun_tail(t, &text);
		buf_printf(&text, "%s     log: %s\n     look: %s\n", text.n && text.p[text.n - 1] != '\n' ? "\n" : "",
			   t->log, t->again);
	}
	if (!x->c->g.json && cli_print(buf_str(&text), text.n, &ignored))
		err_release(&ignored);
}

/* Of what a test ran in. The configs are those of the commands in the order of their making: a test's is the last one
 * of its job. */
static const struct imgconfig *cmd_test_config(const struct cmd_test *t, size_t test)
{
	size_t at = test;

	for (size_t i = 0; i <= test; i++)
		at += t->run.v[i]->job.nservices;
	return &t->configs.v[at];
}

static int cmd_test_keep(struct cmd_test *t, struct err *e)
{
	for (size_t i = 0; i < t->run.n; i++) {
		struct testrun_test *one = t->run.v[i];

		if (one->failure && one->started && testtree_keep(one, cmd_test_config(t, i), e))
			return err_wrap(e, "--keep-failed: %s", one->name);
		if (one->kept && !t->c->g.json && cli_printf(e, "kept %s: slct run -it %s sh\n", one->name, one->kept))
			return -1;
	}
	return 0;
}

/* What goes wrong is said; the tests' result is the command's. */
static void cmd_test_shell(struct cmd_test *t)
{
	struct err own = ERR_INIT;
	size_t at;
	struct testrun_test *one = testshell_find(&t->run, &at);

	if (one && testshell_open(t->c, &t->work, one, cmd_test_config(t, at), &t->b, &own))
		report_error(&own, t->c->color, false);
	err_release(&own);
}

static int cmd_test_report(struct cmd_test *t, struct err *e)
{
	if (t->o->keep && cmd_test_keep(t, e))
		return -1;
	testrun_junit(&t->run, "slct", t->junit);
	if (t->c->g.json && cli_print_json(testrun_json(&t->run), e))
		return -1;
	if (t->o->shell)
		cmd_test_shell(t);
	return t->run.failed ? err_set(e, ERR_STEP, "%zu of %zu tests failed", t->run.failed, t->run.n) : 0;
}

static int cmd_test_all(struct cmd_test *t, struct err *e)
{
	struct session *s = &t->work.session;
	size_t n = 0;

	if (build_args_fill(t->c, &t->o->a, &t->b, e))
		return -1;
	for (size_t i = 0; i < t->b.paths.n; i++)
		if (cmd_test_flavor(t, t->b.paths.v[i], &n, e))
			return -1;
	if (!n && t->o->db.db_host)
		return 0;
	if (!n)
		return err_set(e, ERR_USAGE, "--test: there is no such test");
	if (work_open(&t->work, t->c, &t->o->a.net, NULL, e) || build_args_tier(&t->o->a, s, e) ||
	    build_run(s, &t->b, &t->built, e) || runimg_open(&t->state, s, &t->b.limits, e))
		return -1;
	t->run.log_dir = logdir_open(s, t->b.output_directory, e);
	if (!t->run.log_dir)
		return -1;
	t->trees.dir = t->run.log_dir;
	for (size_t i = 0; i < t->flavors.n; i++)
		for (size_t k = 0; k < t->flavors.v[i]->tests.n; k++)
			if (cmd_test_wanted(t, &t->flavors.v[i]->tests.v[k]) &&
			    cmd_test_add(t, t->flavors.v[i], &t->flavors.v[i]->tests.v[k], e))
				return -1;
	runargs_quiet(&t->work);
	t->run.s = s;
	t->run.b = &t->state;
	t->run.jobs = t->b.jobs ? t->b.jobs : 2;
	t->run.done = cmd_test_done;
	t->run.arg = t;
	return testrun_all(&t->run, e) ? -1 : cmd_test_report(t, e);
}

/* --- the sets of ci.json --- */

static int cmd_test_sets(struct cli *c, const struct cmd_test_opts *o, char *flavor, struct buf *junit, struct err *e)
{
	struct exopt with = o->db;
	AUTO_STRV struct strv goals = {0};
	char type[] = "external_db", *path[1] = {flavor};
	int rc;

	if (ftestset_goals(flavor, &o->tests, &goals, e))
		return -1;
	if (!goals.n)
		return 0;
	with.flavor_paths = (struct strv){path, 1, 1};
	with.release_goals = goals;
	with.test_sets = o->tests;
	with.environment_type = type;
	with.output_directory = o->a.output_directory;
	with.workers = o->a.jobs;
	rc = exaslct_dbtest_flavors(c, &with, &o->a.net, junit, e);
	return rc;
}

/* A failure of the first ones does not keep the others from running. */
static int cmd_test_databases(struct cli *c, const struct cmd_test_opts *o, struct buf *junit, struct err *e)
{
	for (size_t i = 0; i < c->args.operands.n; i++) {
		struct err failed = ERR_INIT;

		if (!cmd_test_sets(c, o, c->args.operands.v[i], junit, &failed))
			continue;
		if (err_is_set(e))
			err_release(e);
		err_move(e, &failed);
		if (e->code != ERR_STEP)
			return -1;
	}
	return err_is_set(e) ? -1 : 0;
}

static int cmd_test_both(struct cli *c, const struct cmd_test_opts *o, struct buf *junit, struct err *e)
{
	int rc;

	{
		AUTO(cmd_test_release) struct cmd_test t = {.c = c, .o = o, .junit = junit};

		build_opts_init(&t.b);
		rc = cmd_test_all(&t, e);
	}
	if (!o->db.db_host || (rc && e->code != ERR_STEP))
		return rc;
	return cmd_test_databases(c, o, junit, e);
}

/* Also of tests of which some, or what came after them, failed; the first error is the one that counts. */
static int cmd_test_junit(const char *file, const struct buf *suites, bool failed, struct err *e)
{
	AUTO_BUF struct buf xml = BUF_INIT(2 * BUF_TEXT_MAX);
	struct err own = ERR_INIT;

	buf_printf(&xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n%s</testsuites>\n", suites->p);
	if (io_write_output(file, buf_str(&xml), xml.n, failed ? &own : e) == 0)
		return 0;
	err_release(&own);
	return failed ? 0 : err_wrap(e, "--junit");
}

static int cmd_test_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_test_opts *o = opts;
	AUTO_BUF struct buf junit = BUF_INIT(BUF_TEXT_MAX);
	int rc = cmd_test_both(c, o, &junit, e);

	if (o->junit && junit.n && cmd_test_junit(o->junit, &junit, rc < 0, e))
		return -1;
	return rc;
}

/* clang-format off */
const struct command cmd_test = {
	.name = "test",
	.group = COMMAND_RUN,
	.summary = "run a flavor's tests",
	.usage = "[OPTIONS] FLAVOR…",
	.about = "The tests are those of flavor.yml. What they run in is built first; then each runs in a sandbox on a "
		 "copy of its stage that is thrown away, with a network of its own unless it asks for the host's, several "
		 "at the same time (-j). Its services run beside it in the same network and end with it. The output of "
		 "each test is in a file of its own; of one that failed the end is shown. With --keep-failed what it has "
		 "left is an image: slct run -it failed:FLAVOR-TEST sh looks into it; --shell-on-fail does so at once.\n\n"
		 "The test sets of a ci.json need a database: with --external-exasol-db-host they run as exaslct "
		 "run-db-test runs them, and --test names sets, too.\n\n"
		 "The exit status is 1 if a test failed.",
	.example = "slct test flavors/python-demo --junit results.xml\nslct test -j4 --test imports flavors/python-demo",
	.opts = cmd_test_options,
	.nopts = ARRAY_LEN(cmd_test_options),
	.opts_size = sizeof(struct cmd_test_opts),
	.max_operands = COMMAND_ANY,
	.run = cmd_test_run,
};
/* clang-format on */
