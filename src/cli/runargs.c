#include "src/cli/runargs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "src/build/opsbase.h"
#include "src/cli/goal.h"
#include "src/cli/image_src.h"
#include "src/flavor/flavor.h"
#include "src/image/image_ops.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define RUNARGS_ENV_FILE_MAX ((size_t)1 << 20)
#define RUNARGS_STEPS_MAX    100000

/* --- mounts --- */

static int runargs_add(const char *option, const char *text, const char *source, const char *target, bool readonly,
		       struct runimg_mounts *out, struct err *e)
{
	AUTO_FREE char *cwd = getcwd(NULL, 0);

	if (!target || target[0] != '/')
		return err_set(e, ERR_USAGE, "--%s: \"%s\": the target must be an absolute path", option, text);
	if (source && access(source, F_OK) < 0) {
		err_set(e, ERR_INPUT, "--%s: %s: there is no %s here", option, text, source);
		return err_hint(e, "binds are paths of this machine; there are no named volumes");
	}
	runimg_mounts_add(out, cwd, source, target, readonly);
	return 0;
}

int runargs_volume(const char *text, struct runimg_mounts *out, struct err *e)
{
	struct sv rest = sv_from(text), source = sv_cut(&rest, ':'), target, mode;

	if (!rest.p)
		return runargs_add("volume", text, NULL, text, false, out, e);
	target = sv_cut(&rest, ':');
	mode = rest.p ? rest : sv_from("rw");
	if (!sv_eq_str(mode, "ro") && !sv_eq_str(mode, "rw"))
		return err_set(e, ERR_USAGE, "--volume: \"%.*s\" of %s is neither ro nor rw", SV_ARG(mode), text);
	AUTO_FREE char *from = sv_dup(source), *to = sv_dup(target);

	return runargs_add("volume", text, from, to, sv_eq_str(mode, "ro"), out, e);
}

struct runargs_mount_parts {
	char *type, *source, *target;
	bool readonly;
};

static void runargs_mount_parts_release(struct runargs_mount_parts *p)
{
	free(p->type);
	free(p->source);
	free(p->target);
}

static int runargs_mount_word(struct sv word, struct runargs_mount_parts *p, struct err *e)
{
	static const struct {
		const char *name;
		size_t at;
	} keys[] = {{"type", offsetof(struct runargs_mount_parts, type)},
		    {"source", offsetof(struct runargs_mount_parts, source)},
		    {"src", offsetof(struct runargs_mount_parts, source)},
		    {"target", offsetof(struct runargs_mount_parts, target)},
		    {"dst", offsetof(struct runargs_mount_parts, target)},
		    {"destination", offsetof(struct runargs_mount_parts, target)}};
	struct sv rest = word, key = sv_cut(&rest, '=');

	if (sv_eq_str(key, "readonly") || sv_eq_str(key, "ro")) {
		p->readonly = !rest.p || sv_eq_str(rest, "true") || sv_eq_str(rest, "1");
		return 0;
	}
	for (size_t i = 0; rest.p && i < ARRAY_LEN(keys); i++) {
		char **member = (char **)(void *)((char *)p + keys[i].at);

		if (!sv_eq_str(key, keys[i].name))
			continue;
		free(*member);
		*member = sv_dup(rest);
		return 0;
	}
	return err_set(e, ERR_USAGE, "--mount: \"%.*s\" is not understood", SV_ARG(word));
}

int runargs_mount(const char *text, struct runimg_mounts *out, struct err *e)
{
	AUTO(runargs_mount_parts_release) struct runargs_mount_parts p = {0};
	struct sv rest = sv_from(text);
	bool tmpfs;

	while (rest.p)
		if (runargs_mount_word(sv_cut(&rest, ','), &p, e))
			return -1;
	tmpfs = p.type && strcmp(p.type, "tmpfs") == 0;
	if (!tmpfs && p.type && strcmp(p.type, "bind") != 0)
		return err_set(e, ERR_USAGE, "--mount: type %s is neither bind nor tmpfs", p.type);
	if (tmpfs != !p.source)
		return err_set(e, ERR_USAGE, "--mount: \"%s\": %s", text,
			       tmpfs ? "a tmpfs has no source" : "source= is missing");
	return runargs_add("mount", text, p.source, p.target, p.readonly, out, e);
}

/* --- environment --- */

static void runargs_set(struct strv *env, const char *key, size_t n, char *pair)
{
	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->v[i], key, n) != 0 || env->v[i][n] != '=')
			continue;
		free(env->v[i]);
		env->v[i] = pair;
		return;
	}
	strv_take(env, pair);
}

int runargs_env(const char *text, struct strv *env, struct err *e)
{
	size_t n = strcspn(text, "=");
	const char *value;

	if (n == 0)
		return err_set(e, ERR_USAGE, "--env: \"%s\" has no name", text);
	if (text[n]) {
		runargs_set(env, text, n, mem_strdup(text));
		return 0;
	}
	value = getenv(text);
	if (value)
		runargs_set(env, text, n, mem_printf("%s=%s", text, value));
	return 0;
}

int runargs_env_file(const char *path, struct strv *env, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(RUNARGS_ENV_FILE_MAX);
	struct sv rest;

	if (io_read_file(AT_FDCWD, path, &text, e))
		return err_wrap(e, "--env-file");
	if (memchr(buf_str(&text), '\0', text.n))
		return err_set(e, ERR_INPUT, "--env-file: %s has a zero byte", path);
	rest = buf_sv(&text);
	while (rest.p) {
		struct sv line = sv_cut(&rest, '\n');
		AUTO_FREE char *pair = NULL;

		if (sv_ends(line, "\r"))
			line.n--;
		if (!sv_trim(line).n || line.p[0] == '#')
			continue;
		pair = sv_dup(line);
		if (runargs_env(pair, env, e))
			return err_wrap(e, "--env-file %s", path);
	}
	return 0;
}

/* --- the image's own --- */

int runargs_argv(const struct imgconfig *c, const char *entrypoint, const struct strv *cmd, struct strv *argv,
		 struct err *e)
{
	if (entrypoint && entrypoint[0])
		strv_add(argv, entrypoint);
	else if (!entrypoint)
		strv_copy(argv, &c->entrypoint);
	strv_copy(argv, cmd->n || entrypoint ? cmd : &c->cmd);
	if (argv->n)
		return 0;
	err_set(e, ERR_USAGE, "the image names no command");
	return err_hint(e, "say what to run behind it, for example /bin/sh");
}

void runargs_defaults(const struct imgconfig *c, struct runimg_cmd *cmd)
{
	for (size_t i = 0; i < c->env.n; i++)
		strv_printf(&cmd->env, "%s=%s", c->env.v[i].key, (const char *)c->env.v[i].val);
	if (!cmd->user)
		cmd->user = mem_strdup_opt(c->user);
	if (!cmd->workdir)
		cmd->workdir = mem_strdup_opt(c->workdir);
}

/* --- images and goals --- */

static bool runargs_is_dir(const char *text, size_t n)
{
	AUTO_FREE char *dir = mem_strndup(text, n);
	struct stat st;

	return stat(dir, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A word without a slash may be both: the image goes first (runargs_image). */
static bool runargs_is_goal(const char *text)
{
	if (text[0] == '.' || text[0] == '/')
		return true;
	for (const char *colon = strchr(text, ':'); colon; colon = strchr(colon + 1, ':'))
		if (memchr(text, '/', (size_t)(colon - text)) && runargs_is_dir(text, (size_t)(colon - text)))
			return true;
	return strchr(text, '/') && runargs_is_dir(text, strlen(text));
}

/* "@N" off the end. */
static int runargs_state(char *text, unsigned *before, struct err *e)
{
	char *at = strrchr(text, '@');
	uint64_t n = 0;

	*before = 0;
	if (!at)
		return 0;
	if (num_parse(sv_from(at + 1), 10, RUNARGS_STEPS_MAX, &n) || n == 0)
		return err_set(e, ERR_USAGE, "\"%s\" is no number of a step, as in [stage n/m]", at + 1);
	*at = '\0';
	*before = (unsigned)n;
	return 0;
}

static int runargs_build(struct work *w, const char *operand, struct build_opts *b, struct store_image *im,
			 struct imgconfig *config, struct err *e)
{
	AUTO_GOAL struct goal g = {0};
	AUTO_FREE char *text = mem_strdup(operand);
	struct build_result r = {0};
	int rc;

	if (runargs_state(text, &b->before, e))
		return -1;
	goal_parse(text, &g);
	strv_add(&b->paths, g.path);
	if (g.stage)
		strv_add(&b->goals, g.stage);
	rc = build_run(&w->session, b, &r, e);
	if (!rc && r.n != 1) {
		rc = err_set(e, ERR_USAGE, "%s has %zu goals: one is wanted", operand, r.n);
		err_hint(e, "name it as %s:STAGE", operand);
	}
	if (!rc)
		rc = opsbase_image(&w->session, r.v[0].image.text, im, config, e);
	build_result_release(&r);
	return rc;
}

/* --- images that come from elsewhere --- */

static int runargs_pull(struct work *w, const char *rest, const struct build_opts *b, struct store_image *im,
			struct err *e)
{
	struct platform p = b->platform;

	if (!p.os[0])
		platform_host(&p);
	return image_ops_pull(&w->session, rest, NULL, &p, true, NULL, e) ||
			       image_src_find(w->session.store, rest, im, e)
		       ? -1
		       : 0;
}

static int runargs_in_store(struct work *w, const char *rest, const struct build_opts *b ATTR_UNUSED,
			    struct store_image *im, struct err *e)
{
	return image_src_find(w->session.store, rest, im, e);
}

/* PATH[:TAG], the tag of a docker-archive has colons, too: what is there under the longest name is the path. */
static const char *runargs_tag(char *path)
{
	for (char *end = path + strlen(path); end; end = memrchr(path, ':', (size_t)(end - path))) {
		AUTO_FREE char *front = mem_strndup(path, (size_t)(end - path));

		if (access(front, F_OK) < 0)
			continue;
		if (!*end)
			return NULL;
		*end = '\0';
		return end + 1;
	}
	return NULL;
}

/* The store needs a name on the way; only the image's files stay there, as those of a pulled one that was removed. */
static int runargs_load(struct work *w, const char *rest, const struct build_opts *b ATTR_UNUSED,
			struct store_image *im, struct err *e)
{
	AUTO_FREE char *path = mem_strdup(rest), *name = mem_printf("operand:%d", (int)getpid());
	const char *tag = runargs_tag(path);

	if (image_ops_load(&w->session, path, tag, name, NULL, e) || image_src_find(w->session.store, name, im, e))
		return -1;
	return store_image_delete(w->session.store, im->name, e);
}

typedef int runargs_get_fn(struct work *w, const char *rest, const struct build_opts *b, struct store_image *im,
			   struct err *e);

static const struct {
	const char *prefix;
	runargs_get_fn *get;
} runargs_transports[] = {
	{"docker://", runargs_pull},	   {"oci:", runargs_load},	 {"oci-archive:", runargs_load},
	{"docker-archive:", runargs_load}, {"store:", runargs_in_store},
};

/* NULL: none is named. *rest: what is behind it. */
static runargs_get_fn *runargs_transport(const char *operand, const char **rest)
{
	for (size_t i = 0; i < ARRAY_LEN(runargs_transports); i++) {
		size_t n = strlen(runargs_transports[i].prefix);

		*rest = operand + n;
		if (strncmp(operand, runargs_transports[i].prefix, n) == 0)
			return runargs_transports[i].get;
	}
	return NULL;
}

static int runargs_stored(struct work *w, const char *operand, const struct build_opts *b, struct store_image *im,
			  struct imgconfig *config, struct err *e)
{
	const char *rest;
	runargs_get_fn *get = runargs_transport(operand, &rest);

	if (get ? get(w, rest, b, im, e) : image_src_find(w->session.store, operand, im, e))
		return -1;
	return store_image_config(w->session.store, im, config, e);
}

int runargs_image(struct work *w, const char *operand, struct build_opts *b, bool goal_only, struct store_image *im,
		  struct imgconfig *config, struct err *e)
{
	const char *rest;
	bool named = runargs_transport(operand, &rest) != NULL;

	if (!named && (goal_only || runargs_is_goal(operand)))
		return runargs_build(w, operand, b, im, config, e);
	if (runargs_stored(w, operand, b, im, config, e) == 0)
		return 0;
	if (named || e->code != ERR_NOT_FOUND || strchr(operand, '/') || !flavor_is_flavor("."))
		return -1;
	err_release(e);
	return runargs_build(w, operand, b, im, config, e);
}

void runargs_quiet(struct work *w)
{
	if (w->sink)
		w->sink->free(w->sink);
	w->sink = NULL;
	w->session.sink = NULL;
}

int runargs_status(const struct runimg_result *r)
{
	return r->signo ? 128 + r->signo : r->status;
}
