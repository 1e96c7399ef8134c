#include "src/plan/plan.h"

#include <stdarg.h>
#include <stdio.h>

#include "src/plan/plan_mount.h"
#include "src/util/mem.h"

struct plan *plan_new(void)
{
	struct plan *p = mem_new(struct plan);

	p->source_date_epoch = -1;
	platform_host(&p->platform);
	return p;
}

static void release_copy(struct plan_copy *c)
{
	strv_release(&c->sources);
	strv_release(&c->excludes);
	for (size_t i = 0; i < c->docs.n; i++) {
		free(c->docs.v[i].name);
		free(c->docs.v[i].text);
	}
	vec_release(&c->docs);
	for (size_t i = 0; i < c->remotes.n; i++) {
		free(c->remotes.v[i].url);
		free(c->remotes.v[i].checksum);
		free(c->remotes.v[i].subdir);
		free(c->remotes.v[i].id);
		free(c->remotes.v[i].dir);
	}
	vec_release(&c->remotes);
	free(c->dest);
	free(c->chown);
	free(c->chmod);
}

static void release_step(struct plan_step *s)
{
	free(s->text);
	free(s->created_by);
	strv_release(&s->argv);
	strv_release(&s->env);
	strv_release(&s->env_extra);
	free(s->user);
	free(s->workdir);
	for (size_t i = 0; i < s->mounts.n; i++)
		plan_mount_release(&s->mounts.v[i]);
	vec_release(&s->mounts);
	free(s->script.name);
	free(s->script.text);
	release_copy(&s->copy);
	json_free(s->why);
}

static void release_stage(struct plan_stage *st)
{
	for (size_t i = 0; i < st->steps.n; i++)
		release_step(&st->steps.v[i]);
	vec_release(&st->steps);
	vec_release(&st->needs);
	free(st->name);
	free(st->flavor);
	free(st->file);
	free(st->from_text);
	dargs_free(st->scope);
	if (st->evaluated)
		imgconfig_release(&st->config);
}

static void release_image(struct plan_image *i)
{
	free(i->text);
	ref_release(&i->ref);
	if (i->resolved)
		imgconfig_release(&i->config);
	digest_list_release(&i->diff_ids);
	manifest_release(&i->manifest);
}

static void free_source(struct plan_source *s)
{
	dargs_free(s->global);
	dstage_release(&s->stages);
	dast_file_free(s->file);
	smap_release(&s->args);
	smap_release(&s->transparent);
	source_release(&s->context);
	free(s);
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->stages.n; i++)
		release_stage(&p->stages.v[i]);
	for (size_t i = 0; i < p->sources.n; i++)
		free_source(p->sources.v[i]);
	for (size_t i = 0; i < p->images.n; i++)
		release_image(&p->images.v[i]);
	for (size_t i = 0; i < p->flavors.n; i++)
		flavor_free(p->flavors.v[i]);
	for (size_t i = 0; i < p->warnings.n; i++) {
		free(p->warnings.v[i].stage);
		free(p->warnings.v[i].text);
	}
	for (size_t i = 0; i < p->named.n; i++) {
		free(p->named.v[i].name);
		free(p->named.v[i].image);
	}
	vec_release(&p->named);
	vec_release(&p->stages);
	vec_release(&p->sources);
	vec_release(&p->images);
	vec_release(&p->flavors);
	vec_release(&p->warnings);
	vec_release(&p->defaults);
	free(p);
}

void plan_warn(struct plan *p, const char *stage, const char *fmt, ...)
{
	struct plan_warning w = {.stage = mem_strdup(stage)};
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&w.text, fmt, ap) < 0)
		w.text = mem_strdup(fmt);
	va_end(ap);
	vec_push(&p->warnings, w);
}

bool plan_step_is_layer(const struct plan_step *s)
{
	return s->kind != PLAN_META;
}

static bool mount_from(const struct plan_mount *m)
{
	return m->origin != PLAN_FROM_CONTEXT && m->index != PLAN_NONE;
}

bool plan_step_from(const struct plan_step *s, size_t i, struct plan_from *out)
{
	if (s->kind == PLAN_COPY && s->copy.origin != PLAN_FROM_CONTEXT && i == 0) {
		*out = (struct plan_from){s->copy.origin, s->copy.index};
		return true;
	}
	for (size_t k = 0; k < s->mounts.n; k++)
		if (mount_from(&s->mounts.v[k]) && i-- == 0) {
			*out = (struct plan_from){s->mounts.v[k].origin, s->mounts.v[k].index};
			return true;
		}
	return false;
}

size_t plan_last_layer(const struct plan_stage *st)
{
	for (size_t i = st->steps.n; i-- > 0;)
		if (plan_step_is_layer(&st->steps.v[i]))
			return i;
	return PLAN_NONE;
}

struct source_query plan_copy_query(const struct plan_copy *c)
{
	return (struct source_query){.patterns = &c->sources, .excludes = &c->excludes, .parents = c->parents};
}

const char *plan_state_name(enum plan_state s)
{
	static const char *const names[] = {
		[PLAN_UNKNOWN] = "unknown", [PLAN_LOCAL] = "local", [PLAN_REMOTE] = "remote", [PLAN_BUILD] = "build"};

	return names[s];
}
