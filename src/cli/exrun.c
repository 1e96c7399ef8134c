/* EXASLCT's building options as a build of slct. */
#include "src/cli/exrun.h"

#include <errno.h>
#include <sys/stat.h>

#include "oci/ref.h"
#include "src/cli/plandot.h"
#include "src/cli/prompt.h"
#include "src/cli/release.h"
#include "src/flavor/fcontext.h"
#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define EXRUN_OUTPUT_FIRST "logs"

const char *exrun_target(const struct exopt *o)
{
	return o->target_repo && o->target_repo[0] ? o->target_repo : EXOPT_REPOSITORY;
}

char *exrun_output_dir(const struct exopt *o, const char *rel, struct err *e)
{
	AUTO_FREE char *path = path_join(o->output_directory ? o->output_directory : EXOPT_OUTPUT_DIRECTORY, rel);

	if (release_mkdirs(path, e)) {
		err_wrap(e, "--output-directory");
		return NULL;
	}
	return STEAL_PTR(path);
}

/* --- logins --- */

char *exrun_password(const char *value, const char *env, const char *question, struct err *e)
{
	const char *from_env = getenv(env);
	char *password;

	if (value && value[0])
		password = mem_strdup(value);
	else if (!value && from_env && from_env[0])
		password = mem_strdup(from_env);
	else
		password = prompt_ask(question, true, e);
	if (password) {
		log_add_secret(password);
		return password;
	}
	if (e->code == ERR_USAGE) {
		err_wrap(e, "%.*s", (int)strcspn(question, ":"), question);
		err_hint(e, "set the environment variable %s", env);
	}
	return NULL;
}

/* host/path of a repository's name, the place that a login is for. */
static char *exrun_place(const char *repo, struct err *e)
{
	AUTO_REF struct ref ref = {0};

	if (ref_parse_repo(repo, &ref, e)) {
		e->code = ERR_USAGE;
		return NULL;
	}
	return mem_printf("%s/%s", ref.host, ref.path);
}

static int exrun_login(struct exrun *r, const char *repo, const char *user, const char *password, const char *env,
		       const char *which, struct err *e)
{
	size_t i = r->nlogins;
	AUTO_FREE char *question = mem_printf("%s Docker Registry Password for User %s: ", which, user ? user : "");

	if (!user)
		return 0;
	r->places[i] = exrun_place(repo, e);
	r->passwords[i] = r->places[i] ? exrun_password(password, env, question, e) : NULL;
	r->nlogins = i + (r->places[i] != NULL);
	if (!r->passwords[i])
		return -1;
	r->logins[i] = (struct registry_login){r->places[i], user, r->passwords[i]};
	return 0;
}

static int exrun_logins(struct exrun *r, struct err *e)
{
	const struct exopt *o = r->o;

	return exrun_login(r, o->source_repo && o->source_repo[0] ? o->source_repo : EXOPT_REPOSITORY, o->source_user,
			   o->source_password, "SOURCE_DOCKER_PASSWORD", "Source", e) ||
			       exrun_login(r, exrun_target(o), o->target_user, o->target_password,
					   "TARGET_DOCKER_PASSWORD", "Target", e)
		       ? -1
		       : 0;
}

/* --- the build --- */

static int exrun_flavor(struct exrun *r, const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(e, ERR_USAGE, errno, "--flavor-path %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "--flavor-path %s is not a directory", path);
	strv_add(&r->b.paths, path);
	return 0;
}

/* A default that cannot have our entries is not asked: a CI job without a network stays one. */
static int exrun_caches(struct exrun *r, struct err *e)
{
	const struct exopt *o = r->o;
	AUTO_FREE char *place = NULL;

	if (o->cache_directory && o->cache_directory[0])
		strv_printf(&r->b.cache_from, "oci:%s", o->cache_directory);
	if (!o->source_repo || !o->source_repo[0])
		return 0;
	place = exrun_place(o->source_repo, e);
	if (!place)
		return err_wrap(e, "--source-docker-repository-name");
	strv_add(&r->b.cache_from, o->source_repo);
	return 0;
}

static int exrun_names(struct exrun *r, struct err *e)
{
	const struct exopt *o = r->o;
	AUTO_FREE char *place = exrun_place(exrun_target(o), e);

	if (!place)
		return err_wrap(e, "--target-docker-repository-name");
	r->b.names_repo = mem_strdup(exrun_target(o));
	r->b.names_prefix = mem_strdup_opt(o->target_prefix);
	r->b.names_build = o->build_name && o->build_name[0] ? mem_strdup(o->build_name) : NULL;
	return 0;
}

/* For the programs that slct starts, such as git and credential helpers. Its own work in progress lies in the store,
 * since it becomes layers and blobs there by renaming. */
static int exrun_temporary(const struct exopt *o, struct err *e)
{
	AUTO_FREE char *dir = NULL;

	if (!o->temporary_directory || !o->temporary_directory[0])
		return 0;
	if (release_mkdirs(o->temporary_directory, e))
		return err_wrap(e, "--temporary-base-directory");
	dir = realpath(o->temporary_directory, NULL);
	if (!dir || setenv("TMPDIR", dir, 1) < 0)
		return err_sys(e, ERR_HOST, errno, "--temporary-base-directory %s", o->temporary_directory);
	return 0;
}

int exrun_prepare(struct exrun *r, struct cli *c, const struct exopt *o, const struct strv *goals, struct err *e)
{
	r->c = c;
	r->o = o;
	build_opts_init(&r->b);
	for (size_t i = 0; i < o->flavor_paths.n; i++) {
		if (exrun_flavor(r, o->flavor_paths.v[i], e))
			return -1;
	}
	if (!o->flavor_paths.n)
		return err_set(e, ERR_USAGE, "--flavor-path is missing");
	strv_copy(&r->b.goals, goals ? goals : &o->goals);
	r->b.prefer_remote = exrun_yes(o->force_pull);
	r->b.force_rebuild = exrun_yes(o->force_rebuild);
	if (r->b.force_rebuild)
		strv_copy(&r->b.force_rebuild_from, &o->force_from);
	r->b.all_stages = o->shortcut == OPT_NO;
	r->b.jobs = o->workers ? (unsigned)o->workers : settings_jobs(&c->settings);
	if (work_source_date(-1, &r->b.source_date_epoch, e) || exrun_temporary(o, e))
		return -1;
	return exrun_caches(r, e) || exrun_names(r, e) || exrun_logins(r, e) ? -1 : 0;
}

/* --- files beside the build --- */

/* Only the files of the flavors are read: a plan with states would ask the registries twice. */
static int exrun_dot_file(const struct exrun *r, struct err *e)
{
	AUTO_WORK struct work w = {0};
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *plan = NULL;
	struct build_opts b;
	int rc;

	if (!r->o->dot_file)
		return 0;
	build_opts_init(&b);
	strv_copy(&b.paths, &r->b.paths);
	strv_copy(&b.goals, &r->b.goals);
	b.offline = true;
	rc = work_open_files(&w, r->c) || build_plan(&w.session, &b, &plan, e) ? -1 : 0;
	build_opts_release(&b);
	if (rc)
		return -1;
	plandot_write(plan, &text);
	return io_write_output(r->o->dot_file, text.p, text.n, e);
}

static void exrun_context_line(void *arg, const struct fcontext_entry *en)
{
	buf_printf(arg, "%s%s\n", en->dest, en->dir ? "/" : "");
}

static int exrun_context_file(const struct exrun *r, const char *flavor, const struct flavor_stage *s, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s-%s.context", r->logs, flavor, s->name);
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	if (fcontext_walk(s, exrun_context_line, &text, e))
		return err_wrap(e, "context of %s", s->name);
	return io_write_output(path, buf_str(&text), text.n, e);
}

static int exrun_contexts_flavor(const struct exrun *r, const char *path, struct err *e)
{
	AUTO_FLAVOR struct flavor *f = flavor_load(path, NULL, e);

	if (!f)
		return -1;
	for (size_t i = 0; i < f->nstages; i++) {
		if (exrun_context_file(r, f->name, &f->stages[i], e))
			return -1;
	}
	return 0;
}

/* The test container's: a directory with a Dockerfile. */
static int exrun_contexts_directory(const struct exrun *r, const char *path, struct err *e)
{
	AUTO_FREE char *full = realpath(path, NULL);
	char context[] = "context", name[] = "container", test[] = "test";
	struct flavor_mapping m = {.dest = context, .src = full};
	struct flavor_stage s = {.name = name, .context = &m, .ncontext = 1};

	return full ? exrun_context_file(r, test, &s, e) : err_sys(e, ERR_USAGE, errno, "%s", path);
}

static int exrun_contexts(const struct exrun *r, struct err *e)
{
	for (size_t i = 0; exrun_yes(r->o->log_context) && i < r->b.paths.n; i++) {
		const char *path = r->b.paths.v[i];

		if (flavor_is_flavor(path) ? exrun_contexts_flavor(r, path, e) : exrun_contexts_directory(r, path, e))
			return -1;
	}
	return 0;
}

static int exrun_log(struct exrun *r, struct err *e)
{
	const char *name = r->c->command->name, *space = strrchr(name, ' '); /* "exaslct build" */
	bool specific;

	if (exopt_bool("use-job-specific-log-file", r->o->job_log, true, &specific, e) ||
	    joblog_open(&r->log, r->o,
			r->job	? r->job
			: space ? space + 1
				: name,
			specific, e))
		return -1;
	r->log.inner = r->work.session.sink;
	r->work.session.sink = &r->log.sink;
	return 0;
}

int exrun_open(struct exrun *r, struct err *e)
{
	if (!r->own || r->o->output_directory) {
		r->logs = exrun_output_dir(r->o, EXRUN_OUTPUT_FIRST, e);
		if (!r->logs)
			return -1;
	}
	if (exrun_dot_file(r, e) || exrun_contexts(r, e))
		return -1;
	r->b.output_directory = mem_strdup_opt(r->logs);
	if (work_open(&r->work, r->c, r->net, exrun_target(r->o), e))
		return -1;
	r->work.session.net.logins = r->logins;
	r->work.session.net.nlogins = r->nlogins;
	return r->own ? 0 : exrun_log(r, e);
}

int exrun_build(struct exrun *r, struct build_result *out, struct err *e)
{
	return build_run(&r->work.session, &r->b, out, e);
}

void exrun_close(struct exrun *r)
{
	work_close(&r->work);
}

void exrun_release(struct exrun *r)
{
	exrun_close(r);
	joblog_release(&r->log);
	build_opts_release(&r->b);
	for (size_t i = 0; i < ARRAY_LEN(r->places); i++) {
		if (r->passwords[i])
			explicit_bzero(r->passwords[i], strlen(r->passwords[i]));
		free(r->places[i]);
		free(r->passwords[i]);
	}
	free(r->logs);
	*r = (struct exrun){0};
}
