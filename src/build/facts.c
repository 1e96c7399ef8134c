#include "src/build/facts.h"

#include <string.h>

#include "src/util/mem.h"

/* Sizes are asked for once for each layer: flavors share most of theirs. */
struct facts {
	const struct build *b;
	struct smap sizes; /* diff id → uint64_t */
};

static uint64_t facts_size(struct facts *f, const struct digest *diff_id)
{
	uint64_t *known = smap_get(&f->sizes, diff_id->text);
	AUTO_LAYER_REC struct store_layer_rec rec = {0};
	struct err e = ERR_INIT;

	if (known)
		return *known;
	known = mem_new(uint64_t);
	if (store_layer_rec_get(f->b->s->store, diff_id, &rec, &e) == 0)
		*known = rec.size;
	err_release(&e);
	smap_set(&f->sizes, diff_id->text, known);
	return *known;
}

static const char *facts_result(const struct stage_run *r)
{
	if (r->state == STAGE_DONE)
		return r->source ? r->source : "built";
	if (r->state == STAGE_FAILED)
		return "failed";
	return r->wanted ? "stopped" : "unneeded";
}

/* Place in `made` of the n-th step that made a layer. */
static size_t facts_place(const char *made, size_t n)
{
	size_t at = 0;

	while (made[at] && (made[at] != '1' || n))
		n -= made[at++] == '1';
	return at;
}

/* The stage that layer step `at` of the chain belongs to is this one or one below it. */
static void facts_maker(const struct plan *p, size_t stage, size_t at, struct json *j)
{
	for (; stage != PLAN_NONE; stage = p->stages.v[stage].base_stage) {
		const struct plan_stage *st = &p->stages.v[stage];

		for (size_t k = 0; k < st->steps.n; k++) {
			if (!plan_step_is_layer(&st->steps.v[k]) || st->steps.v[k].layer_n != at)
				continue;
			json_set_str(j, "stage", st->name);
			json_set_int(j, "n", st->steps.v[k].n);
			return;
		}
	}
}

static void facts_base(const struct plan *p, size_t stage, struct json *j)
{
	while (p->stages.v[stage].base_stage != PLAN_NONE)
		stage = p->stages.v[stage].base_stage;
	if (p->stages.v[stage].base_image != PLAN_NONE)
		json_set_str(j, "image", p->images.v[p->stages.v[stage].base_image].text);
}

static size_t facts_count_made(const char *made)
{
	size_t n = 0;

	for (; *made; made++)
		n += *made == '1';
	return n;
}

static struct json *facts_layers(struct facts *f, size_t stage)
{
	const struct stage_run *r = &f->b->run[stage];
	const char *made = buf_str(&r->made);
	size_t ours = facts_count_made(made), base = r->stack.n > ours ? r->stack.n - ours : 0;
	struct json *list = json_array();

	for (size_t i = 0; i < r->stack.n; i++) {
		struct json *j = json_object();

		json_set_str(j, "id", r->stack.v[i].text);
		json_set_int(j, "size", (int64_t)facts_size(f, &r->stack.v[i]));
		if (i < base)
			facts_base(f->b->plan, stage, j);
		else
			facts_maker(f->b->plan, stage, facts_place(made, i - base), j);
		json_append(list, j);
	}
	return list;
}

static struct json *facts_reads(const struct plan *p, const struct plan_step *s)
{
	struct json *list = json_array();
	struct plan_from from;

	for (size_t i = 0; plan_step_from(s, i, &from); i++)
		if (from.origin == PLAN_FROM_STAGE)
			json_append(list, json_new_str(p->stages.v[from.index].name));
	return list;
}

static void facts_stage(struct facts *f, size_t at, struct json *j)
{
	const struct plan_stage *st = &f->b->plan->stages.v[at];
	const struct json *steps = json_get(j, "steps");

	for (size_t k = 0; k < st->steps.n; k++) {
		json_set_bool(json_at(steps, k), "layer", plan_step_is_layer(&st->steps.v[k]));
		json_set(json_at(steps, k), "reads", facts_reads(f->b->plan, &st->steps.v[k]));
	}
	if (!f->b->run)
		return;
	json_set_str(j, "result", facts_result(&f->b->run[at]));
	json_set(j, "layers", facts_layers(f, at));
}

struct json *facts_of(const struct build *b)
{
	struct facts f = {b, SMAP_INIT(free)};
	struct json *j, *stages;
	size_t n = 0;

	if (!b->plan)
		return json_object();
	j = plan_dump(b->plan, NULL);
	stages = json_get(j, "stages");
	for (size_t i = 0; i < b->plan->stages.n; i++)
		if (b->plan->stages.v[i].needed)
			facts_stage(&f, i, json_at(stages, n++));
	json_set_int(j, "jobs", b->jobs);
	json_set_str(j, "form", b->s->tier.form);
	smap_release(&f.sizes);
	return j;
}
