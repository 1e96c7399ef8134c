/* Rules about FROM. */
#include "src/dockerfile/dlint_rule.h"

static const struct dlint_stage *stage_of(struct dlint_run *r, const struct dlint_item *it)
{
	return it->in->kind == DAST_FROM ? &dlint_view_of(r)->stages[it->stage] : NULL;
}

void dlint_from_duplicate(struct dlint_run *r, const struct dlint_item *it)
{
	const struct dstage_list *l = dlint_view_of(r)->l;
	const char *name = it->in->kind == DAST_FROM ? l->stages.v[it->stage].name : NULL;

	for (size_t i = 0; name && i < it->stage; i++) {
		if (!l->stages.v[i].name || strcmp(l->stages.v[i].name, name) != 0)
			continue;
		dlint_found(r, it, "the stage name \"%s\" is that of the stage in line %u, too", name,
			    l->stages.v[i].from->first_line);
		return;
	}
}

void dlint_from_reserved(struct dlint_run *r, const struct dlint_item *it)
{
	const char *name = it->in->kind == DAST_FROM ? dlint_view_of(r)->l->stages.v[it->stage].name : NULL;

	if (name && (!strcmp(name, "scratch") || !strcmp(name, "context")))
		dlint_found(r, it, "\"%s\" has a meaning of its own and should not be the name of a stage", name);
}

void dlint_from_undefined(struct dlint_run *r, const struct dlint_item *it)
{
	for (size_t i = 0; it->in->kind == DAST_FROM && i < it->undefined.n; i++) {
		const char *best = dlint_view_meant(it, i);

		dlint_found(r, it, "no ARG before the first FROM declares %s%s%s%s", it->undefined.v[i],
			    best ? " (did you mean " : "", best ? best : "", best ? "?)" : "");
	}
}

void dlint_from_default(struct dlint_run *r, const struct dlint_item *it)
{
	const struct dlint_stage *s = stage_of(r, it);
	const struct dlint_view *v = dlint_view_of(r);
	const char *image = s ? v->l->stages.v[it->stage].image : NULL;

	if (!image || !s->dflt || !strchr(image, '$') || dstage_find(v->l, s->dflt, it->stage, false) >= 0)
		return;
	if (!*s->dflt || (v->o->ref_ok && !v->o->ref_ok(s->dflt)))
		dlint_found(r, it, "by the defaults of its ARGs, the image \"%s\" is %s%s%s, which names none", image,
			    *s->dflt ? "\"" : "empty", s->dflt, *s->dflt ? "\"" : "");
}

void dlint_from_redundant_platform(struct dlint_run *r, const struct dlint_item *it)
{
	const struct dlint_stage *s = stage_of(r, it);
	const char *value;

	if (!s || !s->platform || s->args.n != 1 || s->args_set != 1 || strcmp(s->args.v[0], "TARGETPLATFORM") != 0)
		return;
	value = dargs_get(dlint_view_of(r)->global, "TARGETPLATFORM");
	if (value && !strcmp(value, s->platform))
		dlint_found(r, it, "--platform=%s is what FROM takes without it",
			    dlint_view_of(r)->l->stages.v[it->stage].platform);
}

/* A stage that is made for one platform says so in its name. */
static bool named_after(const char *stage, const char *platform)
{
	struct sv rest = sv_from(platform);

	for (int i = 0; i < 2 && rest.p; i++) {
		AUTO_FREE char *part = sv_dup(sv_cut(&rest, '/'));

		if (*part && strstr(stage, part))
			return true;
	}
	return false;
}

void dlint_from_const_platform(struct dlint_run *r, const struct dlint_item *it)
{
	const struct dlint_stage *s = stage_of(r, it);
	const char *name = s ? dlint_view_of(r)->l->stages.v[it->stage].name : NULL;

	if (!s || !s->platform || !*s->platform || s->args.n || (name && named_after(name, s->platform)))
		return;
	dlint_found(r, it, "--platform=%s is constant, so the stage is the same for every target", s->platform);
}
