/* slct why: what the last build of the goals ran, and why. */
#include <string.h>

#include "src/build/state.h"
#include "src/build/why.h"
#include "src/cache/inputs.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

#define WHY_JSON_VERSION 1

struct answer {
	struct build *b;
	struct why *why;
	int64_t run; /* the last build in which a step of the goals ran; 0: none is known */
};

/* The build in which the step ran; 0: it did not run here, -1: there is no record. */
static int64_t run_of(struct build *b, const struct plan_step *s)
{
	AUTO_CLOCAL struct clocal rec = {0};

	return ckey_is_set(&s->key) && clocal_get(b->s->store, &s->key, &rec) ? rec.run : -1;
}

static void find_last(struct answer *a)
{
	const struct plan *p = a->b->plan;

	for (size_t i = 0; i < p->stages.n; i++)
		for (size_t k = 0; p->stages.v[i].needed && k < p->stages.v[i].steps.n; k++) {
			const struct plan_step *s = &p->stages.v[i].steps.v[k];
			int64_t run = plan_step_is_layer(s) ? run_of(a->b, s) : 0;

			if (run > a->run)
				a->run = run;
		}
}

static const char *state_of(const struct answer *a, size_t stage, size_t step, int64_t run)
{
	const struct stage_run *r = &a->b->run[stage];

	if (run < 0)
		return r->wanted && step >= r->next ? "will run" : "not needed";
	return run && run == a->run ? "ran" : "cached";
}

static struct json *step_json(const struct answer *a, size_t stage, size_t step)
{
	const struct plan_stage *st = &a->b->plan->stages.v[stage];
	const struct plan_step *s = &st->steps.v[step];
	int64_t run = run_of(a->b, s);
	const char *state = state_of(a, stage, step, run);
	AUTO_FREE char *text = inputs_mask_text(s->text);
	struct json *j = json_object();

	json_set_str(j, "stage", st->name);
	json_set_int(j, "n", s->n);
	json_set_int(j, "m", (int64_t)st->steps.n);
	json_set_int(j, "line", s->line);
	json_set_str(j, "instruction", text);
	json_set_str(j, "state", state);
	if (strcmp(state, "ran") == 0 || strcmp(state, "will run") == 0) {
		AUTO_STRV struct strv reasons = {0};

		why_step(a->why, stage, s, run > 0 ? run : INT64_MAX, &reasons);
		json_set(j, "reasons", json_from_strv(&reasons));
	}
	return j;
}

static struct json *answer_json(struct answer *a)
{
	const struct plan *p = a->b->plan;
	AUTO_FREE size_t *order = mem_array(p->stages.n + 1, sizeof *order);
	struct json *j = json_object(), *steps = json_array();
	char when[32];

	find_last(a);
	plan_order(p, order);
	for (size_t i = 0; i < p->stages.n; i++) {
		const struct plan_stage *st = &p->stages.v[order[i]];

		for (size_t k = 0; st->needed && k < st->steps.n; k++)
			if (plan_step_is_layer(&st->steps.v[k]))
				json_append(steps, step_json(a, order[i], k));
	}
	json_set_int(j, "version", WHY_JSON_VERSION);
	json_set(j, "run", a->run ? json_new_str(clock_rfc3339(a->run / CLOCK_NS_PER_S, when)) : json_new_null());
	json_set(j, "steps", steps);
	return j;
}

int build_why(struct session *s, const struct build_opts *o, struct json **out, struct err *e)
{
	struct build b;
	struct answer a = {.b = &b};
	int rc = -1;

	build_begin(&b, s, o);
	if (build_make_plan(&b, e) == 0 && session_need_tier(s, e) == 0 && build_prepare(&b, e) == 0 &&
	    (a.why = why_load(&b, e)) != NULL) {
		*out = answer_json(&a);
		rc = 0;
	}
	why_free(a.why);
	build_end(&b);
	return rc;
}
