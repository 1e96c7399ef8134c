/* Instructions that change the config and nothing else. */
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "src/plan/plan_eval.h"
#include "src/plan/plan_history.h"
#include "src/util/mem.h"
#include "src/util/num.h"

static void replace(char **to, const char *s)
{
	free(*to);
	*to = mem_strdup(s);
}

static int do_env(struct plan_eval *v, struct err *e)
{
	(void)v; /* the scope keeps ENV; the config takes it at the stage's end */
	(void)e;
	return 0;
}

static int do_label(struct plan_eval *v, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < v->x->pairs.n; i++)
		smap_set_str(&v->st->config.labels, v->x->pairs.v[i].key,
			     v->x->pairs.v[i].value ? v->x->pairs.v[i].value : "");
	return 0;
}

static int do_maintainer(struct plan_eval *v, struct err *e)
{
	(void)e;
	replace(&v->st->config.author, v->x->words.n ? v->x->words.v[0].s : "");
	return 0;
}

static int do_cmd(struct plan_eval *v, struct err *e)
{
	struct imgconfig *c = &v->st->config;

	(void)e;
	strv_release(&c->cmd);
	dast_argv(v->x, &c->shell, &c->cmd);
	c->has_cmd = v->cmd_set = true;
	c->args_escaped = false;
	return 0;
}

/* An ENTRYPOINT drops the base's CMD, which was meant for the base's program. */
static int do_entrypoint(struct plan_eval *v, struct err *e)
{
	struct imgconfig *c = &v->st->config;

	(void)e;
	strv_release(&c->entrypoint);
	dast_argv(v->x, &c->shell, &c->entrypoint);
	c->has_entrypoint = true;
	if (!v->cmd_set) {
		strv_release(&c->cmd);
		c->has_cmd = false;
	}
	return 0;
}

static int bad_port(struct plan_eval *v, const char *text, struct err *e)
{
	(void)v;
	err_set(e, ERR_INPUT, "\"%s\" is not a port", text);
	return err_hint(e, "write PORT, PORT/tcp, PORT/udp or FIRST-LAST");
}

static int do_port(struct plan_eval *v, const char *text, struct err *e)
{
	struct sv rest = sv_from(text), range = sv_cut(&rest, '/');
	struct sv last = range, first = sv_cut(&last, '-');
	AUTO_FREE char *proto = rest.p ? sv_dup(rest) : mem_strdup("tcp");
	uint64_t a, b;

	for (char *p = proto; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 && strcmp(proto, "sctp") != 0)
		return bad_port(v, text, e);
	if (num_parse(first, 10, 65535, &a) < 0 || num_parse(last.p ? last : first, 10, 65535, &b) < 0 || b < a)
		return bad_port(v, text, e);
	for (; a <= b; a++) {
		AUTO_FREE char *port = mem_printf("%u/%s", (unsigned)a, proto);

		imgconfig_add_port(&v->st->config, port);
	}
	return 0;
}

static int do_expose(struct plan_eval *v, struct err *e)
{
	for (size_t i = 0; i < v->x->words.n; i++)
		if (do_port(v, v->x->words.v[i].s, e) < 0)
			return -1;
	return 0;
}

static int do_volume(struct plan_eval *v, struct err *e)
{
	for (size_t i = 0; i < v->x->words.n; i++) {
		if (!v->x->words.v[i].s[0])
			return err_set(e, ERR_INPUT, "VOLUME with an empty path");
		imgconfig_add_volume(&v->st->config, v->x->words.v[i].s);
	}
	return 0;
}

static int do_user(struct plan_eval *v, struct err *e)
{
	(void)e;
	replace(&v->st->config.user, v->x->words.v[0].s);
	return 0;
}

static int do_arg(struct plan_eval *v, struct err *e)
{
	(void)v;
	(void)e;
	return 0;
}

static int do_onbuild(struct plan_eval *v, struct err *e)
{
	(void)e;
	strv_add(&v->st->config.onbuild, v->x->trigger);
	return 0;
}

/* A number, NAME or SIGNAME, also RTMIN+n and RTMAX-n: what a container runtime will understand. */
static bool is_signal(const char *s)
{
	uint64_t n;

	if (num_parse(sv_from(s), 10, (uint64_t)SIGRTMAX, &n) == 0)
		return n > 0;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	if (strncasecmp(s, "RTMIN", 5) == 0 || strncasecmp(s, "RTMAX", 5) == 0)
		return !s[5] || ((s[5] == '+' || s[5] == '-') && num_parse(sv_from(s + 6), 10, 30, &n) == 0);
	for (int i = 1; i < SIGRTMIN; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(s, name) == 0)
			return true;
	}
	return false;
}

static int do_stopsignal(struct plan_eval *v, struct err *e)
{
	const char *text = v->x->words.v[0].s;

	if (!is_signal(text))
		return err_set(e, ERR_INPUT, "there is no signal \"%s\"", text);
	replace(&v->st->config.stop_signal, text);
	return 0;
}

static int do_healthcheck(struct plan_eval *v, struct err *e)
{
	struct imgconfig *c = &v->st->config;
	const struct dast_health *h = &v->x->health;

	(void)e;
	if (c->health)
		strv_release(&c->health->test);
	else
		c->health = mem_new(struct imgconfig_health);
	*c->health = (struct imgconfig_health){.interval = h->interval,
					       .timeout = h->timeout,
					       .start_period = h->start_period,
					       .start_interval = h->start_interval,
					       .retries = h->retries};
	if (h->none) {
		strv_add(&c->health->test, "NONE");
		return 0;
	}
	strv_add(&c->health->test, v->x->json ? "CMD" : "CMD-SHELL");
	for (size_t i = 1; i < v->x->words.n; i++)
		strv_add(&c->health->test, v->x->words.v[i].s);
	return 0;
}

static int do_shell(struct plan_eval *v, struct err *e)
{
	struct imgconfig *c = &v->st->config;

	(void)e;
	strv_release(&c->shell);
	for (size_t i = 0; i < v->x->words.n; i++)
		strv_add(&c->shell, v->x->words.v[i].s);
	c->has_shell = true;
	return 0;
}

/* clang-format off */
static plan_eval_fn *const table[DAST_KINDS] = {
	[DAST_CMD] = do_cmd,         [DAST_LABEL] = do_label,           [DAST_MAINTAINER] = do_maintainer,
	[DAST_EXPOSE] = do_expose,   [DAST_ENV] = do_env,               [DAST_ENTRYPOINT] = do_entrypoint,
	[DAST_VOLUME] = do_volume,   [DAST_USER] = do_user,             [DAST_ARG] = do_arg,
	[DAST_ONBUILD] = do_onbuild, [DAST_STOPSIGNAL] = do_stopsignal, [DAST_HEALTHCHECK] = do_healthcheck,
	[DAST_SHELL] = do_shell,
};
/* clang-format on */

bool plan_eval_is_meta(enum dast_kind kind)
{
	return table[kind] != NULL;
}

int plan_eval_meta(struct plan_eval *v, struct err *e)
{
	if (table[v->x->kind](v, e) < 0)
		return -1;
	plan_eval_step(v, PLAN_META)->created_by = plan_history_meta(v);
	return 0;
}
