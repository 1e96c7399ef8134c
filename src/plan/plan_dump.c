/* plan --json, version 1 (cli.md). */
#include "src/plan/plan.h"

#define PLAN_JSON_VERSION 1

static const char *edge_name(enum plan_edge_kind kind, bool image)
{
	static const char *const names[] = {
		[PLAN_EDGE_FROM] = "from", [PLAN_EDGE_COPY] = "copy", [PLAN_EDGE_MOUNT] = "mount"};

	return image && kind == PLAN_EDGE_FROM ? "image" : names[kind];
}

static struct json *dump_edge(const struct plan *p, const struct plan_edge *ed)
{
	struct json *j = json_object();
	bool image = ed->stage == PLAN_NONE;

	if (image)
		json_set_str(j, "ref", p->images.v[ed->image].text);
	else
		json_set_str(j, "stage", p->stages.v[ed->stage].name);
	json_set_str(j, "kind", edge_name(ed->kind, image));
	return j;
}

static void set_key(struct json *j, const struct ckey *k)
{
	json_set(j, "key", k && ckey_is_set(k) ? json_new_str(k->hex) : json_new_null());
}

static struct json *dump_step(const struct plan_step *s, enum plan_state state)
{
	struct json *j = json_object();

	json_set_int(j, "n", s->n);
	json_set_int(j, "line", s->line);
	json_set_str(j, "instruction", s->text);
	set_key(j, plan_step_is_layer(s) ? &s->key : NULL);
	json_set_str(j, "state", plan_state_name(state));
	return j;
}

static struct json *dump_stage(const struct plan *p, size_t at, const struct plan_states *states)
{
	const struct plan_stage *st = &p->stages.v[at];
	struct json *j = json_object(), *needs = json_array(), *steps = json_array();
	size_t last = plan_last_layer(st);
	char platform[100];

	for (size_t i = 0; i < st->needs.n; i++)
		json_append(needs, dump_edge(p, &st->needs.v[i]));
	for (size_t i = 0; i < st->steps.n; i++)
		json_append(steps, dump_step(&st->steps.v[i], states ? states->step[at][i] : PLAN_UNKNOWN));
	json_set_str(j, "name", st->name);
	json_set(j, "flavor", st->flavor ? json_new_str(st->flavor) : json_new_null());
	json_set_str(j, "dockerfile", st->file);
	json_set_str(j, "platform", platform_format(&st->platform, platform));
	json_set_bool(j, "goal", st->goal);
	set_key(j, last == PLAN_NONE ? &st->base_key : &st->steps.v[last].key);
	json_set_str(j, "state", plan_state_name(states ? states->stage[at] : PLAN_UNKNOWN));
	json_set(j, "needs", needs);
	json_set(j, "steps", steps);
	return j;
}

struct json *plan_dump(const struct plan *p, const struct plan_states *states)
{
	struct json *j = json_object(), *goals = json_array(), *stages = json_array();

	for (size_t i = 0; i < p->stages.n; i++) {
		if (p->stages.v[i].goal)
			json_append(goals, json_new_str(p->stages.v[i].name));
		if (p->stages.v[i].needed)
			json_append(stages, dump_stage(p, i, states));
	}
	json_set_int(j, "version", PLAN_JSON_VERSION);
	json_set(j, "goals", goals);
	json_set(j, "stages", stages);
	return j;
}
