/* RUN and WORKDIR. */
#include <string.h>

#include "src/dockerfile/ddevice.h"
#include "src/dockerfile/dheredoc.h"
#include "src/plan/plan_eval.h"
#include "src/plan/plan_history.h"
#include "src/plan/plan_mount.h"
#include "src/util/mem.h"
#include "src/util/path.h"

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

/* One here-document and nothing else is the command itself, or a file to be executed if it begins with "#!". */
static void run_alone(const struct dast_heredoc *h, struct dast_instr *cmd, struct plan_step *s)
{
	char *text = dast_heredoc_text(h);

	if (strncmp(text, "#!", 2) != 0) {
		dast_replace(&cmd->words.v[0].s, text);
		return;
	}
	s->script = (struct plan_doc){mem_strdup(path_base(h->name)), text, strlen(text)};
	dast_replace(&cmd->words.v[0].s, mem_printf(PLAN_SCRIPT_DIR "%s", s->script.name));
}

/* Others are the shell's business: the text is put together again as it was written. */
static void run_heredocs(const struct dast_instr *in, struct dast_instr *cmd, struct plan_step *s)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	struct dast_heredoc only = {0};
	bool alone = dheredoc_word(sv_from(in->words.v[0].s), &only);

	free(only.name);
	if (alone) {
		run_alone(&in->heredocs.v[0], cmd, s);
		return;
	}
	buf_str_add(&text, in->words.v[0].s);
	for (size_t i = 0; i < in->heredocs.n; i++) {
		buf_char_add(&text, '\n');
		buf_add(&text, in->heredocs.v[i].content, in->heredocs.v[i].content_n);
		buf_str_add(&text, in->heredocs.v[i].name);
	}
	dast_replace(&cmd->words.v[0].s, buf_steal(&text));
}

static void run_argv(struct plan_eval *v, struct plan_step *s)
{
	AUTO_DAST_INSTR struct dast_instr *cmd = dast_instr_copy(v->x);

	if (cmd->heredocs.n)
		run_heredocs(v->x, cmd, s);
	dast_argv(cmd, &v->st->config.shell, &s->argv);
}

static int run_security(const struct plan_eval *v, struct plan_step *s, struct err *e)
{
	const char *level = dast_flag(v->x, "security");

	s->insecure = level && strcmp(level, "insecure") == 0;
	if (!s->insecure || v->plan->allow_insecure)
		return 0;
	err_set(e, ERR_INPUT,
		"RUN --security=insecure runs the step with every right that the builder has, and nothing "
		"allows that here");
	return err_hint(e,
			"if you trust the Dockerfile: --allow security.insecure; without the flag the step runs in the "
			"sandbox");
}

/* As the reference where no such device is registered: only what is required fails the build. */
static int run_device(const struct plan_eval *v, const struct plan_step *s, const char *value, struct err *e)
{
	struct ddevice d;
	int rc = ddevice_parse(sv_from(value), &d, e);

	if (rc == 0 && d.required) {
		rc = err_set(e, ERR_INPUT, "RUN --device=%s: the device is required, and slct gives steps no devices",
			     d.name);
		err_hint(e, "leave \"required\" out if the step can do without it; --security=insecure lets a step of "
			    "root make device nodes");
	} else if (rc == 0) {
		plan_warn(v->plan, v->st->name,
			  "RUN in line %u runs without the device %s: slct gives steps no devices", s->line, d.name);
	}
	ddevice_release(&d);
	return rc;
}

static int run_devices(const struct plan_eval *v, const struct plan_step *s, struct err *e)
{
	const char *value;

	for (size_t i = 0; (value = dast_flag_nth(v->x, "device", i)); i++)
		if (run_device(v, s, value, e) < 0)
			return -1;
	return 0;
}

int plan_eval_run(struct plan_eval *v, struct err *e)
{
	AUTO_STRV struct strv env = {0};
	struct plan_step *s = plan_eval_step(v, PLAN_RUN);

	if (run_security(v, s, e) < 0 || run_devices(v, s, e) < 0)
		return -1;
	run_argv(v, s);
	dargs_run_env(v->st->scope, &env);
	split_transparent(v, s, &env);
	if (!has_env(&env, "PATH"))
		strv_add(&s->env, DEFAULT_PATH);
	dargs_proxy_env(v->st->scope, &s->env_extra);
	s->user = mem_strdup_opt(v->st->config.user);
	s->workdir = mem_strdup(v->st->config.workdir ? v->st->config.workdir : "/");
	s->created_by = plan_history_run(v, &s->argv);
	return run_network(v, s, e) < 0 ? -1 : plan_mount_eval(v, s, e);
}

/* --- WORKDIR --- */

char *plan_eval_below_workdir(const struct plan_eval *v, const char *path)
{
	const char *wd = v->st->config.workdir && v->st->config.workdir[0] ? v->st->config.workdir : "/";
	AUTO_FREE char *joined = path_join(wd, path);

	return joined[0] == '/' ? STEAL_PTR(joined) : mem_printf("/%s", joined);
}

/* The reference keeps an absolute path as it is written, and cleans only what it joins. */
static char *workdir_path(const struct plan_eval *v, const char *path)
{
	return path[0] == '/' ? mem_strdup(path) : plan_eval_below_workdir(v, path);
}

int plan_eval_workdir(struct plan_eval *v, struct err *e)
{
	AUTO_FREE char *path = workdir_path(v, v->x->words.v[0].s);

	(void)e;
	free(v->st->config.workdir);
	v->st->config.workdir = mem_strdup(path);
	struct plan_step *s = plan_eval_step(v, PLAN_WORKDIR);

	s->created_by = mem_printf("WORKDIR %s", path);
	s->workdir = STEAL_PTR(path);
	s->user = mem_strdup_opt(v->st->config.user);
	return 0;
}
