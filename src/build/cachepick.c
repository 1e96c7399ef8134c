#include "src/build/cachepick.h"

#include <string.h>

#include "src/util/mem.h"
#include "src/util/num.h"

static int find_stages(const struct plan *p, struct cachepick_place *at, struct err *e)
{
	for (size_t i = 0; i < at->opt.stages.n; i++) {
		size_t stage = plan_find_stage(p, at->opt.stages.v[i], e);

		if (stage == PLAN_NONE)
			return -1;
		if (!at->only)
			at->only = mem_zalloc((p->stages.n + 1) * sizeof *at->only);
		at->only[stage] = true;
	}
	return 0;
}

static int take_places(const struct strv *texts, enum cacheopt_use use, const struct plan *p,
		       struct cachepick_list *out, struct err *e)
{
	for (size_t i = 0; i < texts->n; i++) {
		struct cachepick_place at = {0};

		if (cacheopt_parse(texts->v[i], use, &at.opt, e) < 0)
			return -1;
		vec_push(out, at);
		if (find_stages(p, &out->v[out->n - 1], e) < 0)
			return err_wrap(e, "cache %s", at.opt.repo);
	}
	return 0;
}

static int take_ttl(const char *text, const struct plan *p, int64_t *all, struct cachepick *out, struct err *e)
{
	const char *eq = strrchr(text, '=');
	AUTO_FREE char *name = eq ? mem_strndup(text, (size_t)(eq - text)) : NULL;
	size_t stage = name ? plan_find_stage(p, name, e) : 0;
	int64_t ns;

	if (stage == PLAN_NONE)
		return -1;
	if (num_parse_duration(sv_from(eq ? eq + 1 : text), &ns) < 0)
		return err_set(e, ERR_USAGE, "\"%s\" is not [STAGE=]DURATION", text);
	*(name ? &out->ttl_ns[stage] : all) = ns;
	out->ttl_named[stage] |= name != NULL;
	return 0;
}

static int take_ttls(const struct build_opts *o, const struct plan *p, struct cachepick *out, struct err *e)
{
	int64_t all = 0;

	if (!o->cache_ttl.n)
		return 0;
	out->ttl_ns = mem_array(p->stages.n + 1, sizeof *out->ttl_ns);
	out->ttl_named = mem_zalloc((p->stages.n + 1) * sizeof *out->ttl_named);
	for (size_t i = 0; i < o->cache_ttl.n; i++)
		if (take_ttl(o->cache_ttl.v[i], p, &all, out, e) < 0)
			return err_wrap(e, "--cache-ttl");
	for (size_t i = 0; i < p->stages.n; i++)
		if (!out->ttl_named[i])
			out->ttl_ns[i] = all;
	return 0;
}

int cachepick_init(const struct build_opts *o, const struct plan *p, struct cachepick *out, struct err *e)
{
	if (take_places(&o->cache_from, CACHEOPT_FROM, p, &out->from, e) < 0 ||
	    take_places(&o->cache_to, CACHEOPT_TO, p, &out->to, e) < 0)
		return -1;
	return take_ttls(o, p, out, e);
}

static void release_places(struct cachepick_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		cacheopt_release(&l->v[i].opt);
		free(l->v[i].only);
	}
	vec_release(l);
}

void cachepick_release(struct cachepick *c)
{
	release_places(&c->from);
	release_places(&c->to);
	free(c->ttl_ns);
	free(c->ttl_named);
	c->ttl_ns = NULL;
	c->ttl_named = NULL;
}

bool cachepick_takes(const struct cachepick_place *at, size_t stage)
{
	return !at->broken && (!at->only || at->only[stage]);
}

int64_t cachepick_ttl(const struct cachepick *c, size_t stage)
{
	return c->ttl_ns ? c->ttl_ns[stage] : 0;
}

bool cachepick_ttl_own(const struct cachepick *c, size_t stage)
{
	return c->ttl_ns && c->ttl_named[stage] && c->ttl_ns[stage];
}
