/* Phase two: configs and steps, by walking every stage's instructions with its scope of variables. */
#include "src/plan/plan_eval.h"

#include <string.h>

#include "src/dockerfile/dparse.h"
#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/nearest.h"

#define STAGE_NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
/* cache.md "The logical clock": the origin of an image that says nothing. */
#define ORIGIN_UNKNOWN INT64_C(315619200) /* 1980-01-02T00:00:00Z */

char *plan_eval_shown(const char *text)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	const char *at;

	for (; (at = strstr(text, FLAVOR_STAGE_PREFIX)); text = at) {
		buf_add(&out, text, (size_t)(at - text));
		at += strlen(FLAVOR_STAGE_PREFIX);
		size_t n = strspn(at, STAGE_NAME_CHARS);

		buf_printf(&out, "{{%.*s}}", (int)n, at);
		at += n;
	}
	buf_str_add(&out, text);
	return buf_steal(&out);
}

struct plan_step *plan_eval_step(struct plan_eval *v, enum plan_step_kind kind)
{
	struct plan_step s = {.kind = kind,
			      .instruction = v->x->kind,
			      .n = v->n,
			      .line = v->trigger ? 0 : v->in->first_line,
			      .last_line = v->trigger ? 0 : v->in->last_line,
			      .pos = v->trigger ? (struct dast_pos){0} : v->in->pos,
			      .text = plan_eval_shown(v->in->original)};

	vec_push(&v->st->steps, s);
	return &v->st->steps.v[v->st->steps.n - 1];
}

int plan_eval_unsupported(struct plan_eval *v, const char *what, struct err *e)
{
	(void)v;
	err_set(e, ERR_INPUT, "%s is not supported yet", what);
	return err_hint(e, "this version of slct parses it but cannot execute it");
}

static int fail_at(struct plan_eval *v, struct err *e)
{
	if (!e->place.file)
		dparse_err_in(v->in, v->in->pos, e);
	return err_wrap(e, "stage %s", v->st->name);
}

static int eval_instr(struct plan_eval *v, const struct dast_instr *in, struct err *e)
{
	AUTO_DAST_INSTR struct dast_instr *x = NULL;
	int rc;

	v->in = in;
	v->n++;
	x = dargs_step(v->st->scope, in, e);
	if (!x)
		return fail_at(v, e);
	v->x = x;
	if (plan_eval_is_meta(x->kind))
		rc = plan_eval_meta(v, e);
	else if (x->kind == DAST_RUN)
		rc = plan_eval_run(v, e);
	else if (x->kind == DAST_WORKDIR)
		rc = plan_eval_workdir(v, e);
	else
		rc = plan_eval_copy(v, e);
	return rc < 0 ? fail_at(v, e) : 0;
}

/* FROM a named directory: its files are copied into an empty root, as COPY from it would, before anything else. */
static int eval_base_context(struct plan_eval *v, struct err *e)
{
	if (v->st->base_context == PLAN_NONE)
		return 0;
	AUTO_FREE char *name = mem_printf("FROM %s", v->st->from_text);
	AUTO_FREE char *text = mem_printf("COPY --from=%s . /", v->st->from_text);
	AUTO_DAST_INSTR struct dast_instr *in = dparse_instr(name, sv_from(text), '\\', false, e);

	v->trigger = true;
	int rc = in ? eval_instr(v, in, e) : -1;

	v->trigger = false;
	return rc;
}

/* Triggers of the base run first and are not inherited. */
static int eval_triggers(struct plan_eval *v, struct err *e)
{
	struct strv triggers = v->st->config.onbuild;
	int rc = 0;

	v->st->config.onbuild = (struct strv){0};
	v->trigger = true;
	for (size_t i = 0; rc == 0 && i < triggers.n; i++) {
		AUTO_FREE char *name = mem_printf("ONBUILD of %s", v->st->from_text);
		AUTO_DAST_INSTR struct dast_instr *in = dparse_instr(name, sv_from(triggers.v[i]), '\\', true, e);

		rc = in ? eval_instr(v, in, e) : -1;
	}
	v->trigger = false;
	strv_release(&triggers);
	return rc;
}

static void take_base_env(struct plan_stage *st)
{
	for (size_t i = 0; i < st->config.env.n; i++) {
		AUTO_FREE char *kv = mem_printf("%s=%s", st->config.env.v[i].key, (char *)st->config.env.v[i].val);

		dargs_base_env(st->scope, kv);
	}
}

/* What a stage stands on: the config to begin with, the scope, the origin of its clock. */
static int begin_stage(struct plan *p, struct plan_stage *st, struct err *e)
{
	struct plan_source *src = p->sources.v[st->source];
	const struct plan_stage *base = st->base_stage == PLAN_NONE ? NULL : &p->stages.v[st->base_stage];
	bool same_file = base && base->source == st->source;

	if (base) {
		imgconfig_copy(&st->config, &base->config);
		st->origin = base->origin;
		size_t last = plan_last_layer(base);

		st->base_layers_n = base->base_layers_n;
		for (size_t i = 0; last != PLAN_NONE && i <= last; i++)
			st->base_layers_n += plan_step_is_layer(&base->steps.v[i]);
	} else if (st->base_image != PLAN_NONE && p->images.v[st->base_image].resolved) {
		imgconfig_copy(&st->config, &p->images.v[st->base_image].config);
		st->origin = imgconfig_origin(&st->config);
	} else {
		imgconfig_init(&st->config, &st->platform);
		st->origin = ORIGIN_UNKNOWN;
	}
	st->evaluated = true;
	digest_list_release(&st->config.diff_ids);
	st->scope = dargs_stage(src->global, same_file ? base->scope : NULL);
	if (!same_file)
		take_base_env(st);
	if (!smap_has(&st->config.env, "PATH"))
		dargs_env_set(st->scope, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	(void)e;
	return 0;
}

static void end_stage(struct plan *p, struct plan_stage *st)
{
	AUTO_STRV struct strv env = {0};

	dargs_image_env(st->scope, &env);
	smap_release(&st->config.env);
	st->config.env = SMAP_STR;
	for (size_t i = 0; i < env.n; i++) {
		char *eq = strchr(env.v[i], '=');

		*eq = '\0';
		smap_set_str(&st->config.env, env.v[i], eq + 1);
	}
	for (size_t i = 0; st->goal && p->labels && i < p->labels->n; i++)
		smap_set_str(&st->config.labels, p->labels->v[i].key, p->labels->v[i].val);
}

static int eval_stage(struct plan *p, size_t at, struct err *e)
{
	struct plan_stage *st = &p->stages.v[at];
	struct plan_eval v = {
		.plan = p, .at = at, .st = st, .src = p->sources.v[st->source], .warned = SMAP_INIT(NULL)};
	int rc = begin_stage(p, st, e);

	if (rc == 0)
		rc = eval_base_context(&v, e);
	if (rc == 0)
		rc = eval_triggers(&v, e);
	for (size_t i = 0; rc == 0 && i < st->df->instrs.n && !(st->before && v.n + 1 >= st->before); i++)
		rc = eval_instr(&v, st->df->instrs.v[i], e);
	smap_release(&v.warned);
	if (rc == 0)
		end_stage(p, st);
	return rc;
}

static void offer_args(const struct dast_instr *in, struct nearest *near)
{
	for (size_t i = 0; in->kind == DAST_ARG && i < in->pairs.n; i++)
		nearest_offer(near, in->pairs.v[i].key);
}

/* With the ARG that was perhaps meant. */
static void warn_one_unused(struct plan *p, const char *name)
{
	struct nearest near = NEAREST_INIT(name);

	for (size_t i = 0; i < p->sources.n; i++) {
		const struct dstage_list *l = &p->sources.v[i]->stages;

		for (size_t k = 0; k < l->meta.n; k++)
			offer_args(l->meta.v[k], &near);
		for (size_t k = 0; k < l->stages.n; k++)
			for (size_t m = 0; m < l->stages.v[k].instrs.n; m++)
				offer_args(l->stages.v[k].instrs.v[m], &near);
	}
	if (near.best && near.distance)
		plan_warn(p, "", "build argument %s was not used: no ARG declares it; did you mean %s?", name,
			  near.best);
	else
		plan_warn(p, "", "build argument %s was not used: no ARG declares it", name);
}

static void warn_unused(struct plan *p)
{
	AUTO_STRV struct strv unused = {0};
	bool first = true;

	/* An argument counts as used if any Dockerfile declares it. */
	for (size_t i = 0; i < p->sources.n; i++) {
		AUTO_STRV struct strv here = {0};

		if (!p->sources.v[i]->file) /* a named directory */
			continue;
		dargs_unused(p->sources.v[i]->global, &here);
		if (first)
			strv_copy(&unused, &here);
		first = false;
		for (size_t k = unused.n; k-- > 0;)
			if (!strv_has(&here, unused.v[k])) {
				free(unused.v[k]);
				unused.v[k] = unused.v[--unused.n];
			}
	}
	for (size_t i = 0; i < unused.n; i++)
		warn_one_unused(p, unused.v[i]);
}

int plan_evaluate(struct plan *p, bool offline, struct err *e)
{
	AUTO_FREE size_t *order = mem_array(p->stages.n + 1, sizeof *order);

	(void)offline; /* an unresolved image begins as scratch; plan_key.c leaves its stages without keys */
	plan_order(p, order);
	for (size_t i = 0; i < p->stages.n; i++)
		if (p->stages.v[order[i]].needed && eval_stage(p, order[i], e) < 0)
			return -1;
	warn_unused(p);
	return 0;
}
