#include "src/plan/plan_ref.h"

#include <string.h>

#include "src/util/mem.h"

static void add_edge(struct plan_stage *st, enum plan_edge_kind kind, size_t stage, size_t image)
{
	for (size_t i = 0; i < st->needs.n; i++)
		if (st->needs.v[i].kind == kind && st->needs.v[i].stage == stage && st->needs.v[i].image == image)
			return;
	vec_push(&st->needs, (struct plan_edge){kind, stage, image});
}

static bool same_image(const struct plan_image *i, const char *text, enum plan_place place, const struct platform *pf)
{
	return i->place == place && strcmp(i->text, text) == 0 && memcmp(&i->platform, pf, sizeof *pf) == 0;
}

static int find_image(struct plan *p, const char *text, enum plan_place place, const struct platform *pf, size_t *out,
		      struct err *e)
{
	for (*out = 0; *out < p->images.n; ++*out)
		if (same_image(&p->images.v[*out], text, place, pf))
			return 0;
	struct plan_image i = {.text = mem_strdup(text), .place = place, .platform = *pf};

	if (place != PLAN_PLACE_LAYOUT && ref_parse(text, &i.ref, e) < 0) {
		free(i.text);
		return -1;
	}
	vec_push(&p->images, i);
	return 0;
}

size_t plan_ref_flavor_stage(const struct plan *p, const char *flavor, const char *stage)
{
	AUTO_FREE char *name = mem_printf("%s/%s", flavor, stage);

	for (size_t i = 0; i < p->stages.n; i++)
		if (strcmp(p->stages.v[i].name, name) == 0)
			return i;
	return PLAN_NONE;
}

/* As the reference builder: a number is never the name of an image. */
static int no_such_number(const struct plan_stage *st, const char *text, struct err *e)
{
	err_set(e, ERR_INPUT, "there is no stage number %s before this one", text);
	return st->df_index ? err_hint(e, "the stages before it are 0 to %zu", st->df_index - 1) : -1;
}

static int take_image(struct plan *p, struct plan_stage *st, const char *text, enum plan_place place,
		      enum plan_edge_kind kind, struct plan_from *out, struct err *e)
{
	out->origin = PLAN_FROM_IMAGE;
	if (find_image(p, text, place, &st->platform, &out->index, e) < 0)
		return -1;
	add_edge(st, kind, PLAN_NONE, out->index);
	return 0;
}

/* COPY --from=scratch: an image without layers, which nobody has to look for. */
static void take_scratch(struct plan *p, const struct plan_stage *st, struct plan_from *out)
{
	struct plan_image i = {.text = mem_strdup(PLAN_SCRATCH),
			       .place = PLAN_PLACE_STORE,
			       .platform = st->platform,
			       .resolved = true};

	out->origin = PLAN_FROM_IMAGE;
	for (out->index = 0; out->index < p->images.n; out->index++)
		if (same_image(&p->images.v[out->index], i.text, i.place, &i.platform)) {
			free(i.text);
			return;
		}
	imgconfig_init(&i.config, &i.platform);
	vec_push(&p->images, i);
}

static int take_named(struct plan *p, struct plan_stage *st, const struct plan_named *n, enum plan_edge_kind kind,
		      struct plan_from *out, struct err *e)
{
	if (n->source == PLAN_NONE)
		return take_image(p, st, n->image, n->place, kind, out, e);
	*out = (struct plan_from){PLAN_FROM_CONTEXT, n->source};
	return 0;
}

int plan_ref_resolve(struct plan *p, size_t at, const char *text, bool by_number, enum plan_edge_kind kind,
		     struct plan_from *out, struct err *e)
{
	struct plan_stage *st = &p->stages.v[at];
	const struct plan_source *s = p->sources.v[st->source];
	const char *of_flavor = st->flavor ? flavor_stage_of_ref(text) : NULL, *name = text;
	ssize_t inner = dstage_find(&s->stages, text, st->df_index, by_number);
	const struct plan_named *named;

	*out = (struct plan_from){PLAN_FROM_STAGE, PLAN_NONE};
	if (inner >= 0)
		name = s->stages.stages.v[inner].name;
	named = name && !of_flavor ? plan_named_find(p, name) : NULL;
	if (named)
		return take_named(p, st, named, kind, out, e);
	if (of_flavor)
		out->index = plan_ref_flavor_stage(p, st->flavor, of_flavor);
	else if (inner >= 0)
		out->index = s->first_stage + (size_t)inner;
	else if (by_number && text[0] && strspn(text, "0123456789") == strlen(text))
		return no_such_number(st, text, e);
	if (out->index == PLAN_NONE && strcmp(text, PLAN_SCRATCH) == 0) {
		take_scratch(p, st, out);
		return 0;
	}
	if (out->index == PLAN_NONE)
		return take_image(p, st, text, PLAN_PLACE_ANY, kind, out, e);
	add_edge(st, kind, out->index, PLAN_NONE);
	return 0;
}

bool plan_ref_ready(const struct plan *p, const struct plan_from *from)
{
	switch (from->origin) {
	case PLAN_FROM_CONTEXT:
		return true;
	case PLAN_FROM_STAGE:
		return p->stages.v[from->index].evaluated;
	case PLAN_FROM_IMAGE:
		return p->images.v[from->index].resolved;
	}
	return false;
}
