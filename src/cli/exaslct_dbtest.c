/* EXASLCT's run-db-test against a database that runs elsewhere: the containers are built, exported and uploaded to its
 * BucketFS, the test container is built, the tests run in it. */
#include "src/cli/exaslct_dbtest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/cli/activation.h"
#include "src/cli/dbenv.h"
#include "src/cli/dbrun.h"
#include "src/cli/deploy.h"
#include "src/cli/exaslct.h"
#include "src/cli/exaslct_export.h"
#include "src/cli/exjob.h"
#include "src/cli/runargs.h"
#include "src/flavor/langdef.h"
#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define EXASLCT_DBTEST_JOB	      "TestContainer" /* EXASLCT's name for a run */
#define EXASLCT_DBTEST_PORT	      8563
#define EXASLCT_DBTEST_BUCKETFS_PORT  2580
#define EXASLCT_DBTEST_BUCKETFS_HTTPS 2581

/* A release goal of a flavor with its tests. */
struct exaslct_dbtest_goal {
	const char *flavor_path, *goal; /* borrowed */
	char *flavor, *name;		/* its name; FLAVOR_GOAL, that of the environment */
	char *languages;		/* ALIAS=URL … of the uploaded container */
	struct dbtest_items items;
	char *file; /* archive to upload */
	bool made;  /* by this run */
	char *dir, *env_dir;
};

struct exaslct_dbtest {
	struct exrun r;
	const struct exopt *o;
	struct dbtest_place place;
	char *password, *bucketfs_password;
	const char *folder;	  /* of the test container */
	struct strv env, visible; /* variables of the tests; the second without the password */
	struct build_result built;
	struct dbrun run;
	struct buf *junit; /* NULL: not wanted */
	char *dir;	   /* OUTPUT/jobs/ID/outputs/TestContainer */
	struct dbresult results;
	VEC_OF(struct exaslct_dbtest_goal) goals;
};

static void exaslct_dbtest_goal_release(struct exaslct_dbtest_goal *g)
{
	free(g->flavor);
	free(g->name);
	free(g->languages);
	dbtest_items_release(&g->items);
	free(g->file);
	free(g->dir);
	free(g->env_dir);
}

static void exaslct_dbtest_release(struct exaslct_dbtest *t)
{
	dbrun_release(&t->run);
	dbresult_release(&t->results);
	for (size_t i = 0; i < t->goals.n; i++)
		exaslct_dbtest_goal_release(&t->goals.v[i]);
	vec_release(&t->goals);
	strv_release(&t->env);
	strv_release(&t->visible);
	build_result_release(&t->built);
	exrun_release(&t->r);
	free(t->dir);
	if (t->password)
		explicit_bzero(t->password, strlen(t->password));
	free(t->password);
	if (t->bucketfs_password)
		explicit_bzero(t->bucketfs_password, strlen(t->bucketfs_password));
	free(t->bucketfs_password);
}

/* --- what was asked for --- */

static int exaslct_dbtest_refuse(const struct exopt *o, struct err *e)
{
	if (!o->environment_type || strcmp(o->environment_type, "external_db") != 0) {
		err_set(e, ERR_USAGE,
			"--environment-type docker_db: Exasol's database runs in a privileged Docker "
			"container, which slct cannot start");
		return err_hint(e, "start a database with Exasol's own tools and test against it: --environment-type "
				   "external_db --external-exasol-db-host HOST …");
	}
	if (o->certificates == OPT_YES)
		return err_set(e, ERR_USAGE,
			       "--create-certificates: a database that runs already has its certificates");
	return 0;
}

static unsigned exaslct_dbtest_port(int64_t given, unsigned dflt)
{
	return given ? (unsigned)given : dflt;
}

static int exaslct_dbtest_place(struct exaslct_dbtest *t, struct err *e)
{
	static const char *const needed[] = {"external-exasol-db-host", "external-exasol-db-user", NULL};
	const struct exopt *o = t->o;

	for (size_t i = 0; needed[i]; i++)
		if (exopt_need(&t->r.c->args.given, needed[i], e))
			return -1;
	/* It stands in files that a shell reads. */
	if (!o->db_host[0] || o->db_host[strspn(o->db_host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
							    "0123456789.-_:[]")])
		return err_set(e, ERR_USAGE, "--external-exasol-db-host: \"%s\" is no host name", o->db_host);
	t->password = exrun_password(o->db_password, "EXASOL_DB_PASSWORD", "Password of the database: ", e);
	t->bucketfs_password = t->password ? exrun_password(o->bucketfs_write_password, "BUCKETFS_PASSWORD",
							    "BucketFS Password for User w: ", e)
					   : NULL;
	t->place = (struct dbtest_place){
		.host = o->db_host,
		.user = o->db_user,
		.password = t->password,
		.bucketfs_password = t->bucketfs_password,
		.port = exaslct_dbtest_port(o->db_port, EXASLCT_DBTEST_PORT),
		.bucketfs_port = exaslct_dbtest_port(o->db_bucketfs_port, EXASLCT_DBTEST_BUCKETFS_PORT),
		.bucketfs_https_port = exaslct_dbtest_port(o->db_bucketfs_https_port, EXASLCT_DBTEST_BUCKETFS_HTTPS),
		.ssh_port = (unsigned)o->db_ssh_port,
	};
	return t->bucketfs_password ? 0 : -1;
}

/* The variables of the tests; docker's credentials, which tests may need to start containers of their own. */
static int exaslct_dbtest_variables(struct exaslct_dbtest *t, const char *name, struct err *e)
{
	strv_release(&t->env);
	strv_release(&t->visible);
	if (dbtest_variables(t->o->test_env_vars, &t->env, e))
		return -1;
	dbtest_environment(name, &t->env);
	if (t->r.nlogins)
		strv_printf(&t->env, "DOCKER_USERNAME=%s", t->r.logins[0].username);
	strv_copy(&t->visible, &t->env);
	if (t->r.nlogins) {
		strv_printf(&t->env, "DOCKER_PASSWORD=%s", t->r.logins[0].password);
		strv_add(&t->visible, "DOCKER_PASSWORD=***");
	}
	return 0;
}

/* --- which tests --- */

static int exaslct_dbtest_set(const struct exaslct_dbtest *t, const struct exaslct_dbtest_goal *g, struct ftestset *set,
			      struct err *e)
{
	strv_copy(&set->files, &t->o->test_files);
	strv_copy(&set->folders, &t->o->test_folders);
	strv_copy(&set->generic, &t->o->generic_tests);
	if (!ftestset_is_empty(set))
		return 0;
	if (ftestset_read(g->flavor_path, g->goal, &t->o->test_sets, set, e))
		return err_hint(e, "--test-folder, --test-file and --generic-language-test name tests without it");
	return 0;
}

static int exaslct_dbtest_find(struct exaslct_dbtest *t, struct exaslct_dbtest_goal *g, struct err *e)
{
	AUTO_FTESTSET struct ftestset set = {0};
	AUTO_FREE char *tests = mem_printf("%s/tests/test", t->folder);
	struct langdef_place p = {DBTEST_BUCKETFS, DBTEST_BUCKET, NULL, g->flavor};
	static const struct smap none = {0};
	AUTO_FREE char *own = langdef_render(g->flavor_path, &p, e);

	g->languages = own ? langdef_change(own, &none, true, e) : NULL;
	if (!g->languages || exaslct_dbtest_set(t, g, &set, e) || dbtest_find(&set, tests, &g->items, e))
		return -1;
	if (!g->items.n)
		log_msg(LOG_WARN, "%s: there is no test for the goal %s", g->flavor_path, g->goal);
	return 0;
}

static int exaslct_dbtest_goals(struct exaslct_dbtest *t, const struct strv *goals, struct err *e)
{
	for (size_t i = 0; i < t->r.b.paths.n; i++)
		for (size_t k = 0; k < goals->n; k++) {
			struct exaslct_dbtest_goal g = {.flavor_path = t->r.b.paths.v[i], .goal = goals->v[k]};

			g.flavor = activation_flavor_name(g.flavor_path);
			g.name = mem_printf("%s_%s", g.flavor, g.goal);
			vec_push(&t->goals, g);
			if (exaslct_dbtest_find(t, &t->goals.v[t->goals.n - 1], e))
				return -1;
		}
	return 0;
}

/* --- building --- */

/* An archive that somebody has exported takes the place of the flavor's. */
static int exaslct_dbtest_existing(struct exaslct_dbtest *t, struct err *e)
{
	const char *file = t->o->existing_container;

	if (!sv_ends(sv_from(file), ".tar.gz") && !sv_ends(sv_from(file), ".tar"))
		return err_set(e, ERR_USAGE, "--use-existing-container: %s ends neither with .tar.gz nor with .tar",
			       file);
	if (access(file, R_OK) < 0)
		return err_sys(e, ERR_USAGE, errno, "--use-existing-container: %s", file);
	for (size_t i = 0; i < t->goals.n; i++)
		t->goals.v[i].file = mem_strdup(file);
	return 0;
}

static struct exaslct_dbtest_goal *exaslct_dbtest_of(struct exaslct_dbtest *t, const struct build_goal *g)
{
	for (size_t i = 0; i < t->goals.n; i++) {
		AUTO_FREE char *stage = mem_printf("%s/%s", t->goals.v[i].flavor, t->goals.v[i].goal);

		if (strcmp(stage, g->stage) == 0)
			return &t->goals.v[i];
	}
	return NULL;
}

static int exaslct_dbtest_export(struct exaslct_dbtest *t, struct err *e)
{
	if (t->o->existing_container)
		return 0;
	if (exrun_build(&t->r, &t->built, e))
		return -1;
	for (size_t i = 0; i < t->built.n; i++) {
		struct exaslct_dbtest_goal *g = exaslct_dbtest_of(t, &t->built.v[i]);

		if (!g)
			continue;
		g->file = exaslct_export_cached(&t->r, &t->built.v[i], &g->made, e);
		if (!g->file)
			return err_wrap(e, "exporting %s", t->built.v[i].stage);
	}
	return 0;
}

/* --- files --- */

static int exaslct_dbtest_dirs(struct exaslct_dbtest *t, struct err *e)
{
	AUTO_FREE char *job = t->r.log.dir ? mem_strdup(t->r.log.dir) : exjob_make(t->o, EXASLCT_DBTEST_JOB, e);
	AUTO_FREE char *full = job ? realpath(job, NULL) : NULL;

	if (!full)
		return job ? err_sys(e, ERR_HOST, errno, "%s", job) : -1;
	t->dir = mem_printf("%s/outputs/TestContainer", full);
	for (size_t i = 0; i < t->goals.n; i++) {
		struct exaslct_dbtest_goal *g = &t->goals.v[i];
		AUTO_FREE char *rel = mem_printf("cache/environments/%s", g->name);
		AUTO_FREE char *env_dir = exrun_output_dir(t->o, rel, e);
		const struct dbenv env = {g->name, &t->place};

		g->env_dir = env_dir ? realpath(env_dir, NULL) : NULL;
		g->dir = mem_printf("%s/%s/%s", t->dir, g->flavor, g->goal);
		if (!g->env_dir || dbenv_write(&env, g->env_dir, e) || release_mkdirs(g->dir, e))
			return -1;
	}
	return 0;
}

/* A log of a task of EXASLCT's: GOAL/TASK/logs/log. Caller frees. */
static char *exaslct_dbtest_log(const struct exaslct_dbtest_goal *g, const char *task, struct err *e)
{
	AUTO_FREE char *dir = mem_printf("%s/%s/logs", g->dir, task);

	return release_mkdirs(dir, e) ? NULL : mem_printf("%s/log", dir);
}

static int exaslct_dbtest_json(const char *dir, struct json *own, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/test_results.json", dir);
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *j = own;

	json_write_pretty(j, &text);
	return io_write_output(path, buf_str(&text), text.n, e);
}

/* --- upload --- */

static int exaslct_dbtest_put(struct exaslct_dbtest *t, const struct deploy_target *to, const struct deploy_item *it,
			      bool made, const char *log, struct err *e)
{
	const struct exopt *o = t->o;
	bool reuse = (o->reuse_uploaded == OPT_YES || o->reuse_environment == OPT_YES) && !made;
	AUTO_FREE char *text = mem_printf("File '%s' to '%s'\n", it->file, it->url);
	bool there = false;

	if (reuse && deploy_is_there(&t->r.work.session, to, it, &there, e))
		return err_wrap(e, "--reuse-uploaded-container");
	if (there)
		return io_write_output(log, "Reusing\n", strlen("Reusing\n"), e);
	if (deploy_put(&t->r.work.session, to, it, e) || io_write_output(log, text, strlen(text), e))
		return -1;
	return dbrun_wait(&t->r.work.session, settings_duration(&t->r.c->settings, SETTING_BUCKETFS_WAIT), e);
}

static int exaslct_dbtest_upload(struct exaslct_dbtest *t, const struct exaslct_dbtest_goal *g, struct err *e)
{
	const struct deploy_target to = {.host = t->place.host,
					 .user = DBTEST_BUCKETFS_USER,
					 .password = t->bucketfs_password,
					 .port = (uint16_t)t->place.bucketfs_port,
					 .verify = true,
					 .bucketfs = DBTEST_BUCKETFS,
					 .bucket = DBTEST_BUCKET};
	AUTO_FREE char *log = exaslct_dbtest_log(g, "UploadExportedContainer", e);
	AUTO_FREE char *url = deploy_url(&to, g->flavor, sv_ends(sv_from(g->file), ".gz") ? ".tar.gz" : ".tar");
	const struct deploy_item it = {
		.flavor_path = g->flavor_path, .file = g->file, .container = g->flavor, .url = url};

	return log ? exaslct_dbtest_put(t, &to, &it, g->made, log, e) : -1;
}

/* --- tests --- */

static int exaslct_dbtest_goal(struct exaslct_dbtest *t, const struct exaslct_dbtest_goal *g, struct err *e)
{
	AUTO_FREE char *log = exaslct_dbtest_log(g, "PopulateTestEngine", e);
	const struct dbtest_call call = {&t->place, g->languages, t->o->test_log_level, t->run.odbc, &t->o->tests};
	const struct dbrun_tests tests = {g->name, g->env_dir, g->dir, &t->env, &t->visible, &call, &g->items};
	struct dbresult_goal *res;

	vec_push(&t->results,
		 (struct dbresult_goal){.flavor_path = mem_strdup(g->flavor_path), .goal = mem_strdup(g->goal)});
	res = &t->results.v[t->results.n - 1];
	if (!log || exaslct_dbtest_variables(t, g->name, e) || exaslct_dbtest_upload(t, g, e) ||
	    dbrun_populate(&t->run, &t->place, g->env_dir, log, e) || dbrun_tests(&t->run, &tests, res, e))
		return err_wrap(e, "%s", g->name);
	return exaslct_dbtest_json(g->dir, dbresult_goal_json(res), e);
}

static int exaslct_dbtest_report(struct exaslct_dbtest *t, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *path = mem_printf("%s/command_line_output", t->dir);

	dbresult_text(&t->results, &text);
	if (exaslct_dbtest_json(t->dir, dbresult_json(&t->results), e) ||
	    io_write_output(path, buf_str(&text), text.n, e))
		return -1;
	if (t->r.c->g.json ? cli_print_json(dbresult_json(&t->results), e) : cli_printf(e, "%s\n", buf_str(&text)))
		return -1;
	if (dbresult_ok(&t->results))
		return 0;
	err_set(e, ERR_STEP, "some tests failed");
	return err_hint(e, "the output of each is below %s", t->dir);
}

static int exaslct_dbtest_all(struct exaslct_dbtest *t, struct err *e)
{
	struct digest image;

	if (exrun_open(&t->r, e) || exaslct_dbtest_export(t, e) ||
	    exaslct_test_container_for(&t->r, t->folder, &image, e))
		return -1;
	runargs_quiet(&t->r.work);
	if (dbrun_open(&t->run, &t->r.work, &image, t->folder, e) || exaslct_dbtest_dirs(t, e))
		return -1;
	t->run.junit = t->junit;
	for (size_t i = 0; i < t->goals.n; i++)
		if (exaslct_dbtest_goal(t, &t->goals.v[i], e))
			return -1;
	return exaslct_dbtest_report(t, e);
}

int exaslct_dbtest_flavors(struct cli *c, const struct exopt *o, const struct cli_net *net, struct buf *junit,
			   struct err *e)
{
	AUTO(exaslct_dbtest_release)
	struct exaslct_dbtest t = {
		.o = o,
		.r = {.c = c, .net = net, .job = EXASLCT_DBTEST_JOB},
		.junit = junit,
		.folder = o->test_container_folder ? o->test_container_folder : EXASLCT_TEST_CONTAINER_FOLDER,
	};
	AUTO_STRV struct strv goals = {0};
	struct stat st;

	exaslct_export_goals(o, &goals);
	if (exaslct_dbtest_refuse(o, e) || exaslct_dbtest_place(&t, e))
		return -1;
	if (stat(t.folder, &st) < 0)
		return err_sys(e, ERR_USAGE, errno, "--test-container-folder %s", t.folder);
	return exrun_prepare(&t.r, c, o, &goals, e) || exaslct_dbtest_variables(&t, "", e) ||
			       exaslct_dbtest_goals(&t, &goals, e) ||
			       (o->existing_container && exaslct_dbtest_existing(&t, e)) || exaslct_dbtest_all(&t, e)
		       ? -1
		       : 0;
}

int exaslct_dbtest_run(struct cli *c, const void *opts, struct err *e)
{
	return exopt_check("run-db-test", opts, &c->args.given, e) ? -1
								   : exaslct_dbtest_flavors(c, opts, NULL, NULL, e);
}
