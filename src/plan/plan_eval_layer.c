/* Instructions that make a layer: RUN, COPY, ADD, WORKDIR. */
#include <string.h>

#include "src/plan/plan_eval.h"
#include "src/plan/plan_load.h"
#include "src/plan/plan_mount.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* What the grammar knows and the builder does not do yet: an error, never a silent difference. */
static int refuse_flags(struct plan_eval *v, const char *const *names, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (dast_flag(v->x, names[i])) {
			AUTO_FREE char *what = mem_printf("%s --%s", dast_info(v->x->kind)->name, names[i]);

			return plan_eval_unsupported(v, what, e);
		}
	return 0;
}

/* --- RUN --- */

static int run_network(struct plan_eval *v, struct plan_step *s, struct err *e)
{
	const char *net = dast_flag(v->x, "network");

	s->net_none = v->plan->net_none;
	if (!net || strcmp(net, "default") == 0)
		return 0;
	if (strcmp(net, "none") == 0)
		s->net_none = true;
	else if (strcmp(net, "host") == 0)
		s->net_none = false;
	else
		return err_set(e, ERR_INPUT, "RUN --network=%s: it is default, none or host", net);
	return 0;
}

static bool has_env(const struct strv *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=')
			return true;
	return false;
}

/* Transparent arguments reach the step but no key. */
static void split_transparent(struct plan_eval *v, struct plan_step *s, struct strv *all)
{
	for (size_t i = 0; i < all->n; i++) {
		AUTO_FREE char *name = mem_strndup(all->v[i], strcspn(all->v[i], "="));
		bool hidden = smap_has(&v->src->transparent, name);

		strv_add(hidden ? &s->env_extra : &s->env, all->v[i]);
		if (hidden && !smap_has(&v->warned, name)) {
			smap_set(&v->warned, name, v->st);
			plan_warn(v->plan, v->st->name,
				  "RUN in line %u sees the transparent argument %s, which is in no cache key", s->line,
				  name);
		}
	}
}

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static char *run_history(struct plan_eval *v, const struct plan_step *s)
{
	AUTO_STRV struct strv declared = {0};
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	dargs_declared(v->st->scope, &declared);
	buf_str_add(&text, "RUN ");
	if (declared.n) {
		buf_printf(&text, "|%zu ", declared.n);
		for (size_t i = 0; i < declared.n; i++)
			buf_printf(&text, "%s ", declared.v[i]);
	}
	for (size_t i = 0; i < s->argv.n; i++)
		buf_printf(&text, "%s ", s->argv.v[i]);
	buf_str_add(&text, "# buildkit");
	return buf_steal(&text);
}

int plan_eval_run(struct plan_eval *v, struct err *e)
{
	static const char *const later[] = {"security", "device"};
	AUTO_STRV struct strv env = {0};

	if (refuse_flags(v, later, ARRAY_LEN(later), e) < 0)
		return -1;
	if (v->x->heredocs.n)
		return plan_eval_unsupported(v, "RUN with a here-document", e);
	struct plan_step *s = plan_eval_step(v, PLAN_RUN, NULL);

	dast_argv(v->x, &v->st->config.shell, &s->argv);
	dargs_run_env(v->st->scope, &env);
	split_transparent(v, s, &env);
	if (!has_env(&env, "PATH"))
		strv_add(&s->env, DEFAULT_PATH);
	dargs_proxy_env(v->st->scope, &s->env_extra);
	s->user = mem_strdup_opt(v->st->config.user);
	s->workdir = mem_strdup(v->st->config.workdir ? v->st->config.workdir : "/");
	s->created_by = run_history(v, s);
	return run_network(v, s, e) < 0 ? -1 : plan_mount_eval(v, s, e);
}

/* --- WORKDIR --- */

static char *below_workdir(const struct plan_eval *v, const char *path)
{
	const char *wd = v->st->config.workdir && v->st->config.workdir[0] ? v->st->config.workdir : "/";
	AUTO_FREE char *joined = path_join(wd, path);

	return joined[0] == '/' ? STEAL_PTR(joined) : mem_printf("/%s", joined);
}

int plan_eval_workdir(struct plan_eval *v, struct err *e)
{
	AUTO_FREE char *path = below_workdir(v, v->x->words.v[0].s);
	AUTO_FREE char *created_by = mem_printf("WORKDIR %s", path);

	(void)e;
	free(v->st->config.workdir);
	v->st->config.workdir = mem_strdup(path);
	struct plan_step *s = plan_eval_step(v, PLAN_WORKDIR, created_by);

	s->workdir = STEAL_PTR(path);
	s->user = mem_strdup_opt(v->st->config.user);
	return 0;
}

/* --- COPY, ADD --- */

static bool is_url(const char *s)
{
	return strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0;
}

static bool is_git(const char *s)
{
	size_t n = strcspn(s, "#");

	return strncmp(s, "git@", 4) == 0 || strncmp(s, "git://", 6) == 0 || strncmp(s, "ssh://", 6) == 0 ||
	       (is_url(s) && n > 4 && strncmp(s + n - 4, ".git", 4) == 0);
}

static int copy_sources(struct plan_eval *v, struct plan_copy *c, struct err *e)
{
	bool add = v->x->kind == DAST_ADD;

	if (v->x->heredocs.n)
		return plan_eval_unsupported(v, add ? "ADD of a here-document" : "COPY of a here-document", e);
	for (size_t i = 0; i + 1 < v->x->words.n; i++) {
		const char *w = v->x->words.v[i].s;

		if (add && is_git(w))
			return plan_eval_unsupported(v, "ADD of a git repository", e);
		if (add && is_url(w))
			return plan_eval_unsupported(v, "ADD of a URL", e);
		if (is_url(w))
			return err_set(e, ERR_INPUT, "COPY takes files of the context; %s is a URL", w);
		strv_add(&c->sources, w);
	}
	return 0;
}

/* The reference: relative to WORKDIR; "", "." and a trailing slash mean a directory. */
static char *copy_dest(const struct plan_eval *v, const char *dest)
{
	AUTO_FREE char *abs = below_workdir(v, dest);
	size_t n = strlen(dest);
	bool dir = n == 0 || strcmp(dest, ".") == 0 || dest[n - 1] == '/';

	return dir && abs[1] ? mem_printf("%s/", abs) : STEAL_PTR(abs);
}

static int copy_origin(struct plan_eval *v, struct plan_copy *c, struct err *e)
{
	const char *from = dast_flag(v->x, "from");
	size_t stage, image;

	c->origin = PLAN_FROM_CONTEXT;
	c->index = v->st->source;
	if (!from)
		return 0;
	if (plan_load_reference(v->plan, v->at, from, true, PLAN_EDGE_COPY, &stage, &image, e) < 0)
		return -1;
	c->origin = stage != PLAN_NONE ? PLAN_FROM_STAGE : PLAN_FROM_IMAGE;
	c->index = stage != PLAN_NONE ? stage : image;
	if (stage == PLAN_NONE && v->trigger && !v->plan->images.v[image].resolved)
		return plan_eval_unsupported(v, "COPY --from of another image in an ONBUILD trigger", e);
	return 0;
}

static int check_chmod(const char *mode, struct err *e)
{
	size_t n = mode ? strlen(mode) : 0;

	if (!mode || (n >= 1 && n <= 5 && strspn(mode, "01234567") == n))
		return 0;
	err_set(e, ERR_INPUT, "--chmod=%s: only octal modes are supported yet", mode);
	return err_hint(e, "write the mode as a number like 0755");
}

int plan_eval_copy(struct plan_eval *v, struct err *e)
{
	static const char *const later[] = {"link", "parents", "exclude", "checksum", "keep-git-dir", "unpack"};
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	if (refuse_flags(v, later, ARRAY_LEN(later), e) < 0)
		return -1;
	dast_print(v->x, &text);
	buf_str_add(&text, " # buildkit");
	struct plan_step *s = plan_eval_step(v, PLAN_COPY, buf_str(&text));
	struct plan_copy *c = &s->copy;

	c->unpack = v->x->kind == DAST_ADD;
	c->dest = copy_dest(v, v->x->words.v[v->x->words.n - 1].s);
	c->chown = mem_strdup_opt(dast_flag(v->x, "chown"));
	c->chmod = mem_strdup_opt(dast_flag(v->x, "chmod"));
	if (check_chmod(c->chmod, e) < 0 || copy_sources(v, c, e) < 0)
		return -1;
	return copy_origin(v, c, e);
}
