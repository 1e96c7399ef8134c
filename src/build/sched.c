/* The scheduler: every wanted stage is a sequence of steps that goes on as soon as what its next step needs is there
 * and a place is free. Single-threaded; work is done by workers.
 *
 * A stage is looked at when something that it waits for has happened, and only then, so that the work is linear in
 * stages, edges and steps: it is woken by the end of a stage that it needs, of its own worker, or of a running step
 * that does just what it would do (its twin); those that wait for a place get one in the order of the plan. */
#include <errno.h>
#include <string.h>

#include "src/build/advance.h"
#include "src/build/cachewrite.h"
#include "src/build/lossy.h"
#include "src/build/roots.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

struct sched {
	size_t *queue, head, n; /* ring of stages to look at */
	bool *queued;
	bool *wants_place;
	size_t places;		 /* stages that want one */
	size_t *first, *needing; /* needing[first[i]..first[i+1]): the stages that need stage i */
	VEC_OF(size_t) twins;
	size_t open; /* stages that have not ended */
};

void sched_fail(struct build *b, struct err *e)
{
	if (err_is_set(&b->err))
		err_release(e);
	else
		err_move(&b->err, e);
}

/* --- who is looked at --- */

void sched_wake(struct build *b, size_t at)
{
	struct sched *s = b->sched;

	if (s->queued[at])
		return;
	s->queued[at] = true;
	s->queue[(s->head + s->n++) % b->plan->stages.n] = at;
}

static size_t take_queued(struct build *b)
{
	struct sched *s = b->sched;
	size_t at = s->queue[s->head];

	s->head = (s->head + 1) % b->plan->stages.n;
	s->n--;
	s->queued[at] = false;
	return at;
}

static void wake_twins(struct build *b, const char *content)
{
	struct sched *s = b->sched;
	size_t kept = 0;

	for (size_t i = 0; i < s->twins.n; i++) {
		size_t at = s->twins.v[i];

		if (strcmp(b->run[at].content.hex, content) == 0)
			sched_wake(b, at);
		else
			s->twins.v[kept++] = at;
	}
	s->twins.n = kept;
}

/* A stage has ended: those that need it go on, or stop too. */
static void end_stage(struct build *b, size_t at, enum stage_state state)
{
	struct sched *s = b->sched;

	b->run[at].state = state;
	s->open--;
	for (size_t i = s->first[at]; i < s->first[at + 1]; i++)
		sched_wake(b, s->needing[i]);
}

static void want_place(struct sched *s, size_t at, bool wants)
{
	s->places += wants && !s->wants_place[at];
	s->places -= !wants && s->wants_place[at];
	s->wants_place[at] = wants;
}

static void look_at(struct build *b, size_t at)
{
	enum advance a;

	want_place(b->sched, at, false);
	if (b->run[at].state != STAGE_WAITING)
		return;
	do
		a = advance_stage(b, at);
	while (a == ADVANCE_AGAIN);
	if (a == ADVANCE_DONE || a == ADVANCE_STOPPED)
		end_stage(b, at, a == ADVANCE_DONE ? STAGE_DONE : STAGE_STOPPED);
	else if (a == ADVANCE_PLACE)
		want_place(b->sched, at, true);
	else if (a == ADVANCE_TWIN)
		vec_push(&b->sched->twins, at);
}

static void give_places(struct build *b)
{
	struct sched *s = b->sched;

	for (size_t i = 0; i < b->plan->stages.n && s->places && b->busy < b->jobs; i++)
		if (s->wants_place[i])
			look_at(b, i);
}

/* --- the end of a step --- */

static void step_succeeded(struct step_job *j, const struct layer_info *info)
{
	struct build *b = j->b;
	struct stage_run *r = &b->run[j->stage];

	if (info->entries) {
		vec_push(&r->stack, info->diff_id);
		record_layer(b, info);
		if (j->lost)
			lossy_mark(b, &info->diff_id);
		for (size_t i = 0; i < j->from.n; i++)
			if (lossy_stack(b, &j->from.v[i]))
				lossy_mark(b, &info->diff_id);
	}
	roots_give(j, &r->stack);
	buf_char_add(&r->made, info->entries ? '1' : '0');
	r->source = NULL;
	r->built = clock_wall() / CLOCK_NS_PER_S;
	r->next++;
	r->state = STAGE_WAITING;
	b->counts.steps_run++;
	state_emit_step(b, EVENT_STEP_DONE, j->st, j->def, NULL, clock_mono() - j->begun, NULL);
	/* There is no layer to mark: it runs again next time. */
	r->lossy |= j->lost && !info->entries;
	if (!j->lost || info->entries)
		record_add(b, &j->content, r, j->st, j->def);
	cachewrite_step(b, j->stage, j->step, &j->content);
}

void sched_step_done(struct step_job *j, const struct layer_info *info, struct err *e)
{
	struct build *b = j->b;
	size_t stage = j->stage;

	b->busy--;
	b->run[stage].job = NULL;
	if (smap_get(&b->running, j->content.hex) == j)
		smap_del(&b->running, j->content.hex);
	if (info) {
		step_succeeded(j, info);
		sched_wake(b, stage);
	} else {
		bool cancelled = e->code == ERR_CANCELLED;

		if (!cancelled)
			state_emit_step(b, EVENT_STEP_ERROR, j->st, j->def, NULL, clock_mono() - j->begun, e);
		sched_fail(b, e);
		end_stage(b, stage, cancelled ? STAGE_STOPPED : STAGE_FAILED);
	}
	wake_twins(b, j->content.hex);
	step_free(j);
	sched_kick(b);
}

/* --- going on --- */

static bool all_over(struct build *b)
{
	return b->sched->open == 0 && b->busy == 0 && b->asking == 0 && !b->flushing && cachewrite_over(b);
}

static void wake_all(struct build *b)
{
	for (size_t i = 0; i < b->plan->stages.n; i++)
		sched_wake(b, i);
}

/* Callbacks of synchronous failures lead back here: the round that is under way sees whom they woke. */
void sched_kick(struct build *b)
{
	if (b->kicking || !b->sched)
		return;
	b->kicking = true;
	if (b->stopping)
		wake_all(b);
	do {
		while (b->sched->n)
			look_at(b, take_queued(b));
		give_places(b);
	} while (b->sched->n);
	b->kicking = false;
	if (b->looping && all_over(b))
		loop_stop(b->s->loop);
}

static void count_cached(struct build *b)
{
	for (size_t i = 0; i < b->plan->stages.n; i++)
		for (size_t k = 0; b->run[i].wanted && k < b->run[i].next; k++)
			b->counts.steps_cached += plan_step_is_layer(&b->plan->stages.v[i].steps.v[k]);
}

static void on_tick(void *arg)
{
	struct build *b = arg;

	if (b->s->sink && b->s->sink->tick)
		b->s->sink->tick(b->s->sink);
}

#define TICK_NS (CLOCK_NS_PER_S / 10)

/* --- set-up --- */

/* Edges turned round: counts, then places, then the entries. */
static void find_needing(const struct plan *p, struct sched *s)
{
	size_t n = p->stages.n, edges = 0;

	s->first = mem_zalloc((n + 2) * sizeof *s->first);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < p->stages.v[i].needs.n; k++)
			if (p->stages.v[i].needs.v[k].stage != PLAN_NONE) {
				s->first[p->stages.v[i].needs.v[k].stage + 2]++;
				edges++;
			}
	for (size_t i = 2; i < n + 2; i++)
		s->first[i] += s->first[i - 1];
	s->needing = mem_array(edges + 1, sizeof *s->needing);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < p->stages.v[i].needs.n; k++)
			if (p->stages.v[i].needs.v[k].stage != PLAN_NONE)
				s->needing[s->first[p->stages.v[i].needs.v[k].stage + 1]++] = i;
}

static struct sched *begin(struct build *b)
{
	size_t n = b->plan->stages.n;
	struct sched *s = b->sched = mem_new(struct sched);

	s->queue = mem_array(n + 1, sizeof *s->queue);
	s->queued = mem_zalloc(n + 1);
	s->wants_place = mem_zalloc(n + 1);
	find_needing(b->plan, s);
	for (size_t i = 0; i < n; i++) {
		b->run[i].state = b->run[i].wanted ? STAGE_WAITING : STAGE_IDLE;
		s->open += b->run[i].wanted;
		sched_wake(b, i);
	}
	return s;
}

void sched_release(struct build *b)
{
	struct sched *s = b->sched;

	if (!s)
		return;
	free(s->queue);
	free(s->queued);
	free(s->wants_place);
	free(s->first);
	free(s->needing);
	vec_release(&s->twins);
	free(s);
	b->sched = NULL;
}

void sched_run(struct build *b, struct err *e)
{
	struct loop_src *tick;

	count_cached(b);
	begin(b);
	cachewrite_cached(b);
	sched_kick(b);
	if (!all_over(b)) {
		tick = loop_add_timer(b->s->loop, TICK_NS, TICK_NS, on_tick, b, e);
		b->looping = true;
		if (!tick || loop_run(b->s->loop, e) < 0)
			sched_fail(b, e);
		b->looping = false;
		loop_remove(b->s->loop, tick);
	}
}
