/* The edges of stages: what FROM, COPY --from, RUN --mount=from and triggers of ONBUILD name. */
#include <string.h>

#include "src/dockerfile/dmount.h"
#include "src/dockerfile/dparse.h"
#include "src/plan/plan_load.h"
#include "src/plan/plan_ref.h"
#include "src/util/mem.h"

static int at_instr(const struct dast_instr *in, struct err *e)
{
	return e->place.file ? -1 : dparse_err_in(in, in->pos, e);
}

/* A reference that is none because of what a variable in it is. */
static int from_hint(const struct plan_stage *st, struct err *e)
{
	if (!e->hint && strchr(st->df->image, '$'))
		err_hint(e, "it is made of %s: --build-arg or an ARG before the first FROM gives a variable its value",
			 st->df->image);
	return -1;
}

static int link_from(struct plan *p, size_t at, struct err *e)
{
	struct plan_stage *st = &p->stages.v[at];
	struct plan_source *s = p->sources.v[st->source];
	AUTO_FREE char *platform = NULL;
	struct plan_from from;

	if (dargs_from(s->global, st->df->from, &st->from_text, &platform, e) < 0)
		return -1;
	if (platform && platform[0] && platform_parse(platform, &st->platform, e) < 0)
		return -1;
	if (strcmp(st->from_text, PLAN_SCRATCH) == 0)
		return 0;
	if (plan_ref_resolve(p, at, st->from_text, false, PLAN_EDGE_FROM, &from, e) < 0)
		return from_hint(st, e);
	*(from.origin == PLAN_FROM_CONTEXT ? &st->base_context
	  : from.origin == PLAN_FROM_STAGE ? &st->base_stage
					   : &st->base_image) = from.index;
	return 0;
}

static int link_mounts(struct plan *p, size_t at, const struct dast_instr *in, struct err *e)
{
	const char *mount;
	struct plan_from used;

	for (size_t i = 0; (mount = dast_flag_nth(in, "mount", i)); i++) {
		AUTO_FREE char *from = NULL;

		if (dmount_from(sv_from(mount), &from, e) < 0)
			return -1;
		if (from && strcmp(from, PLAN_SCRATCH) != 0 &&
		    plan_ref_resolve(p, at, from, true, PLAN_EDGE_MOUNT, &used, e) < 0)
			return -1;
	}
	return 0;
}

/* COPY --from and RUN --mount=from are names or indexes that no variable can change. */
static int link_instr(struct plan *p, size_t at, const struct dast_instr *in, struct err *e)
{
	const char *from = in->kind == DAST_COPY || in->kind == DAST_ADD ? dast_flag(in, "from") : NULL;
	struct plan_from used;

	if (in->kind == DAST_RUN)
		return link_mounts(p, at, in, e);
	return from ? plan_ref_resolve(p, at, from, true, PLAN_EDGE_COPY, &used, e) : 0;
}

/* ONBUILD of the stage that it stands on: names mean here what they mean in this stage. */
static int link_stage_triggers(struct plan *p, size_t at, struct err *e)
{
	const struct dstage *base = p->stages.v[p->stages.v[at].base_stage].df;

	for (size_t i = 0; i < base->instrs.n; i++) {
		const struct dast_instr *in = base->instrs.v[i];

		if (in->kind == DAST_ONBUILD && in->inner && link_instr(p, at, in->inner, e) < 0)
			return at_instr(in, e);
	}
	return 0;
}

static int link_image_triggers(struct plan *p, size_t at, struct err *e)
{
	const struct strv *list = &p->images.v[p->stages.v[at].base_image].config.onbuild;

	for (size_t i = 0; i < list->n; i++) {
		AUTO_FREE char *name = mem_printf("ONBUILD of %s", p->stages.v[at].from_text);
		AUTO_DAST_INSTR struct dast_instr *in = dparse_instr(name, sv_from(list->v[i]), '\\', true, e);

		if (!in || link_instr(p, at, in, e) < 0)
			return err_wrap(e, "stage %s", p->stages.v[at].name);
	}
	return 0;
}

int plan_link_triggers(struct plan *p, bool *more, struct err *e)
{
	*more = false;
	for (size_t i = 0; i < p->stages.n; i++) {
		struct plan_stage *st = &p->stages.v[i];
		size_t before = st->needs.n;

		if (!st->needed || st->triggers_linked || st->base_image == PLAN_NONE ||
		    !p->images.v[st->base_image].resolved)
			continue;
		st->triggers_linked = true;
		if (link_image_triggers(p, i, e) < 0)
			return -1;
		*more |= p->stages.v[i].needs.n > before;
	}
	if (*more)
		plan_mark_closure(p);
	return 0;
}

static int link_stage(struct plan *p, size_t at, struct err *e)
{
	const struct dstage *df = p->stages.v[at].df;

	if (link_from(p, at, e) < 0)
		return at_instr(df->from, e);
	if (p->stages.v[at].base_stage != PLAN_NONE && link_stage_triggers(p, at, e) < 0)
		return -1;
	for (size_t i = 0; i < df->instrs.n; i++)
		if (link_instr(p, at, df->instrs.v[i], e) < 0)
			return at_instr(df->instrs.v[i], e);
	return 0;
}

int plan_link_stages(struct plan *p, size_t first, struct err *e)
{
	for (size_t i = first; i < p->stages.n; i++)
		if (link_stage(p, i, e) < 0)
			return -1;
	return 0;
}
