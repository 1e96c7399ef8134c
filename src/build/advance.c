/* What a stage does next: take what a cache has, ask a remote one, run a step. */
#include "src/build/advance.h"

#include <string.h>

#include "src/build/cacheread.h"
#include "src/build/why.h"
#include "src/build/lowers.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

static bool has_failed(enum stage_state s)
{
	return s == STAGE_FAILED || s == STAGE_STOPPED;
}

static void finish_stage(struct build *b, size_t at)
{
	struct stage_run *r = &b->run[at];
	const struct plan_stage *st = &b->plan->stages.v[at];

	b->counts.stages++;
	b->counts.stages_cached += r->source != NULL;
	state_emit(b, &(struct event){.kind = EVENT_STAGE_DONE,
				      .stage = state_short_name(st),
				      .m = (unsigned)st->steps.n,
				      .source = r->source,
				      .elapsed_ns = clock_mono() - r->begun});
}

/* Steps that the look-up took from a cache are shown when the stage's turn comes. */
static void show_cached(struct build *b, size_t at)
{
	struct stage_run *r = &b->run[at];
	const struct plan_stage *st = &b->plan->stages.v[at];

	r->started = true;
	r->begun = clock_mono();
	state_emit(b, &(struct event){
			      .kind = EVENT_STAGE_START, .stage = state_short_name(st), .m = (unsigned)st->steps.n});
	for (size_t k = 0; k < r->next; k++) {
		const struct plan_step *s = &st->steps.v[k];
		bool layer = plan_step_is_layer(s);

		state_emit_step(b, layer ? EVENT_STEP_CACHED : EVENT_STEP_META, st, s, layer ? r->source : NULL, 0,
				NULL);
	}
}

/* Take over what the stage stands on. 1: done, 0: not yet, -1: it will never be there. */
static int base_ready(struct build *b, size_t at)
{
	struct stage_run *r = &b->run[at];
	const struct plan_stage *st = &b->plan->stages.v[at];

	if (r->based)
		return 1;
	if (st->base_stage != PLAN_NONE) {
		const struct stage_run *base = &b->run[st->base_stage];

		if (base->state != STAGE_DONE)
			return has_failed(base->state) ? -1 : 0;
		digest_list_copy(&r->stack, &base->stack);
		buf_str_add(&r->made, buf_str(&base->made));
		r->source = base->source;
	} else if (st->base_image != PLAN_NONE) {
		digest_list_copy(&r->stack, &b->plan->images.v[st->base_image].diff_ids);
		r->source = "local";
	} else {
		r->source = "local";
	}
	r->based = true;
	return 1;
}

/* Stacks that a step reads besides its parent's, in the order of plan_step_from(). */
struct stacks {
	const struct digest_list **v;
	size_t n, cap;
};

/* 1, 0, -1 as above. */
static int sources_ready(struct build *b, const struct plan_step *s, struct stacks *out)
{
	struct plan_from f;
	int ready = 1;

	for (size_t i = 0; plan_step_from(s, i, &f); i++) {
		const struct stage_run *src = f.origin == PLAN_FROM_STAGE ? &b->run[f.index] : NULL;

		if (src && has_failed(src->state))
			return -1;
		if (src && src->state != STAGE_DONE)
			ready = 0;
		vec_push(out, src ? &src->stack : &b->plan->images.v[f.index].diff_ids);
	}
	return ready;
}

/* --- steps --- */

static void take_record(struct stage_run *r, const struct clocal *rec)
{
	char last = rec->made[strlen(rec->made) - 1];

	digest_list_release(&r->stack);
	digest_list_copy(&r->stack, &rec->diff_ids);
	buf_char_add(&r->made, last);
	r->built = rec->built;
}

/* Early cut-off: the parent's content was met before, whatever its history. */
static bool take_by_content(struct build *b, size_t at, const struct plan_step *s, const struct ckey *key)
{
	struct stage_run *r = &b->run[at];
	const struct plan_stage *st = &b->plan->stages.v[at];
	struct clocal rec;
	const char *source;

	if (st->forced || b->o->no_cache || !lookup_content(b, at, key, &rec, &source))
		return false;
	if (!rec.made[0]) {
		clocal_release(&rec);
		return false;
	}
	take_record(r, &rec);
	clocal_release(&rec);
	record_alias(b, key, r, st, s);
	b->counts.steps_cached++;
	state_emit_step(b, EVENT_STEP_CACHED, st, s, source, 0, NULL);
	return true;
}

/* Another stage does the same to the same content just now: its result will be ours. */
static bool runs_elsewhere(const struct build *b, const struct plan_stage *st, const struct ckey *key)
{
	return !st->forced && !b->o->no_cache && ckey_is_set(key) && smap_has(&b->running, key->hex);
}

static void trees_ready(void *ctx, struct err *e)
{
	struct step_job *j = ctx;

	if (err_is_set(e) || j->b->stopping || step_start(j, e) < 0) {
		if (!err_is_set(e))
			err_set(e, ERR_CANCELLED, "cancelled");
		if (!e->place.file)
			err_at(e, j->st->file, j->def->line, 0);
		sched_step_done(j, NULL, e);
	}
}

static void start_step(struct build *b, size_t at, const struct plan_step *s, const struct stacks *from,
		       const struct ckey *content)
{
	struct stage_run *r = &b->run[at];
	struct step_job *j = mem_new(struct step_job);
	AUTO_DIGEST_LIST struct digest_list all = {0};
	struct err refused = ERR_INIT;

	*j = (struct step_job){.b = b,
			       .stage = at,
			       .step = r->next,
			       .begun = clock_mono(),
			       .out_fd = -1,
			       .log_fd = -1,
			       .content = *content,
			       .def = s,
			       .st = &b->plan->stages.v[at]};
	digest_list_copy(&j->parent, &r->stack);
	digest_list_copy(&all, &j->parent);
	for (size_t i = 0; i < from->n; i++) {
		struct digest_list one = {0};

		digest_list_copy(&one, from->v[i]);
		digest_list_copy(&all, &one);
		vec_push(&j->from, one);
	}
	lowers_learn(b, &j->parent);
	for (size_t i = 0; i < j->from.n; i++)
		lowers_learn(b, &j->from.v[i]);
	r->state = STAGE_RUNNING;
	r->ran = true;
	r->job = j;
	if (!smap_has(&b->running, content->hex))
		smap_set(&b->running, content->hex, j);
	b->busy++;
	state_emit_step(b, EVENT_STEP_START, j->st, s, NULL, 0, NULL);
	why_explain(b, at, s);
	if (s->kind == PLAN_RUN && step_run_refused(j, &refused) < 0) {
		trees_ready(j, &refused);
		err_release(&refused);
		return;
	}
	trees_ensure(b, &all, j->st->from_text ? j->st->from_text : j->st->name, trees_ready, j);
}

/* --- remote content keys --- */

struct asking_stage {
	struct build *b;
	size_t stage;
};

static void on_answer(void *ctx)
{
	struct asking_stage *a = ctx;
	struct build *b = a->b;

	b->run[a->stage].state = STAGE_WAITING;
	b->asking--;
	sched_wake(b, a->stage);
	free(a);
	sched_kick(b);
}

/* A stage that was rebuilt may still be the content that another machine built on. */
static bool ask_remote(struct build *b, size_t at, const struct ckey *key)
{
	struct asking_stage *a;

	if (b->plan->stages.v[at].forced)
		return false;
	a = mem_new(struct asking_stage);
	*a = (struct asking_stage){b, at};
	if (cacheread_later(b, at, key, on_answer, a) < 0) {
		free(a);
		return false;
	}
	b->run[at].state = STAGE_RUNNING;
	b->asking++;
	return true;
}

/* --- going on --- */

/* After a failure what has begun goes on to its end, but nothing new begins. */
static bool may_begin(const struct build *b, const struct stage_run *r)
{
	return !err_is_set(&b->err) || b->o->keep_going || r->ran;
}

/* The next layer step, all that it reads being there. */
static enum advance ready_layer(struct build *b, size_t at, const struct plan_step *s, const struct stacks *from)
{
	struct stage_run *r = &b->run[at];
	const struct plan_stage *st = &b->plan->stages.v[at];

	if (r->content_of != r->next + 1) {
		plan_content_key(b->plan, st, s, &r->stack, from->v, &r->content);
		r->content_of = r->next + 1;
	}
	if (take_by_content(b, at, s, &r->content)) {
		r->next++;
		return ADVANCE_AGAIN;
	}
	if (runs_elsewhere(b, st, &r->content))
		return ADVANCE_TWIN;
	if (!may_begin(b, r))
		return ADVANCE_STOPPED;
	if (ask_remote(b, at, &r->content))
		return ADVANCE_WAITS;
	if (b->busy >= b->jobs)
		return ADVANCE_PLACE;
	start_step(b, at, s, from, &r->content);
	return ADVANCE_WAITS;
}

static enum advance layer(struct build *b, size_t at, const struct plan_step *s)
{
	struct stacks from = {0};
	int ready = sources_ready(b, s, &from);
	enum advance a = ready < 0 ? ADVANCE_STOPPED : ready ? ready_layer(b, at, s, &from) : ADVANCE_WAITS;

	vec_release(&from);
	return a;
}

enum advance advance_stage(struct build *b, size_t at)
{
	struct stage_run *r = &b->run[at];
	const struct plan_stage *st = &b->plan->stages.v[at];
	int ready = b->stopping ? -1 : base_ready(b, at);

	if (ready <= 0)
		return ready < 0 ? ADVANCE_STOPPED : ADVANCE_WAITS;
	if (!r->started)
		show_cached(b, at);
	if (r->next == st->steps.n) {
		finish_stage(b, at);
		return ADVANCE_DONE;
	}
	const struct plan_step *s = &st->steps.v[r->next];

	if (plan_step_is_layer(s))
		return layer(b, at, s);
	state_emit_step(b, EVENT_STEP_META, st, s, NULL, 0, NULL);
	r->next++;
	return ADVANCE_AGAIN;
}
