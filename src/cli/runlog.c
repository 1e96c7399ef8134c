#include "src/cli/runlog.h"

#include <string.h>

#include "src/util/clock.h"
#include "src/util/mem.h"

static int64_t runlog_now(const struct runlog *l)
{
	return clock_mono() - l->start;
}

static void runlog_step_release(struct runlog_step *s)
{
	free(s->text);
	free(s->source);
	free(s->why);
	buf_release(&s->tail);
}

static void runlog_stage_free(void *p)
{
	struct runlog_stage *st = p;

	for (size_t i = 0; i < st->steps.n; i++)
		runlog_step_release(&st->steps.v[i]);
	vec_release(&st->steps);
	free(st->name);
	free(st);
}

static struct runlog_stage *runlog_stage(struct runlog *l, const char *name)
{
	struct runlog_stage *st = smap_get(&l->stages, name);

	if (st)
		return st;
	st = mem_new(struct runlog_stage);
	*st = (struct runlog_stage){.name = mem_strdup(name), .begun = runlog_now(l), .ended = -1};
	smap_set(&l->stages, name, st);
	return st;
}

/* The stage's latest step if it is number n and at work, else NULL. */
static struct runlog_step *runlog_running(struct runlog_stage *st, unsigned n)
{
	struct runlog_step *s = st->steps.n ? &st->steps.v[st->steps.n - 1] : NULL;

	return s && s->n == n && s->state == RUNLOG_RUNNING ? s : NULL;
}

static void runlog_add_step(struct runlog *l, const struct event *ev, enum runlog_state state)
{
	int64_t now = runlog_now(l);
	struct runlog_step s = {.n = ev->n,
				.state = state,
				.text = mem_strdup_opt(ev->text),
				.source = mem_strdup_opt(ev->source),
				.begun = now,
				.ended = now,
				.tail = BUF_INIT(2 * RUNLOG_TAIL_MAX)};

	vec_push(&runlog_stage(l, ev->stage)->steps, s);
}

static void runlog_end_step(struct runlog *l, const struct event *ev, enum runlog_state state)
{
	struct runlog_step *s = runlog_running(runlog_stage(l, ev->stage), ev->n);

	if (!s)
		return;
	s->state = state;
	s->ended = runlog_now(l);
	if (state == RUNLOG_RAN)
		buf_release(&s->tail);
}

static void runlog_output(struct runlog *l, const struct event *ev)
{
	struct runlog_step *s = runlog_running(runlog_stage(l, ev->stage), ev->n);
	size_t n = ev->text_len < RUNLOG_TAIL_MAX ? ev->text_len : RUNLOG_TAIL_MAX;

	if (!s)
		return;
	buf_add(&s->tail, ev->text + (ev->text_len - n), n);
	if (s->tail.n > RUNLOG_TAIL_MAX)
		buf_consume(&s->tail, s->tail.n - RUNLOG_TAIL_MAX);
}

/* The one of this name that is under way; an image's layers are fetched under one name. */
static struct runlog_transfer *runlog_open_transfer(struct runlog *l, const char *what)
{
	for (size_t i = l->transfers.n; i-- > 0;) {
		struct runlog_transfer *t = &l->transfers.v[i];

		if (strcmp(t->text, what) == 0 && !(t->total && t->done >= t->total))
			return t;
	}
	return NULL;
}

static void runlog_move(struct runlog *l, const char *what, uint64_t done, uint64_t total)
{
	struct runlog_transfer *t = runlog_open_transfer(l, what);

	if (!t) {
		vec_push(&l->transfers, (struct runlog_transfer){.text = mem_strdup(what), .begun = runlog_now(l)});
		t = &l->transfers.v[l->transfers.n - 1];
	}
	t->ended = runlog_now(l);
	t->done = done;
	t->total = total;
}

static void runlog_transfer(struct runlog *l, const struct event *ev)
{
	runlog_move(l, ev->text ? ev->text : "transfer", ev->done, ev->total);
}

/* Its size is known at the end, which is one also where nothing was sent. */
static void runlog_upload(struct runlog *l, const struct event *ev)
{
	AUTO_FREE char *what = ev->n ? mem_printf("upload %s step %u to %s", ev->stage, ev->n, ev->text)
				     : mem_printf("upload %s reasons to %s", ev->stage, ev->text);
	bool done = ev->kind == EVENT_UPLOAD_DONE;

	runlog_move(l, what, done ? ev->done : 0, done ? (ev->done ? ev->done : 1) : 0);
}

static void runlog_warning(struct runlog *l, const struct event *ev)
{
	if (l->warnings.n >= RUNLOG_WARNINGS_MAX) {
		l->more_warnings++;
		return;
	}
	vec_push(&l->warnings,
		 (struct runlog_warning){mem_strdup(ev->stage ? ev->stage : ""), mem_strdup(ev->text ? ev->text : "")});
}

static void runlog_why(struct runlog *l, const struct event *ev)
{
	struct runlog_step *s = runlog_running(runlog_stage(l, ev->stage), ev->n);

	if (s && !s->why)
		s->why = mem_strdup_opt(ev->text);
}

static void runlog_take(struct runlog *l, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_BEGIN:
		free(l->first_line);
		l->first_line = mem_strdup_opt(ev->text);
		break;
	case EVENT_STAGE_START:
		runlog_stage(l, ev->stage);
		break;
	case EVENT_STEP_START:
		runlog_add_step(l, ev, RUNLOG_RUNNING);
		break;
	case EVENT_STEP_WHY:
		runlog_why(l, ev);
		break;
	case EVENT_STEP_CACHED:
		runlog_add_step(l, ev, RUNLOG_CACHED);
		break;
	case EVENT_STEP_DONE:
		runlog_end_step(l, ev, RUNLOG_RAN);
		break;
	case EVENT_STEP_ERROR:
		runlog_end_step(l, ev, RUNLOG_FAILED);
		break;
	case EVENT_OUTPUT:
		runlog_output(l, ev);
		break;
	case EVENT_TRANSFER:
		runlog_transfer(l, ev);
		break;
	case EVENT_STAGE_DONE:
		runlog_stage(l, ev->stage)->ended = runlog_now(l);
		break;
	case EVENT_WARNING:
		runlog_warning(l, ev);
		break;
	case EVENT_END:
		if (ev->counts)
			l->counts = *ev->counts;
		/* After a failure nothing follows but a shell perhaps. */
		l->ended = ev->err ? runlog_now(l) : 0;
		break;
	case EVENT_UPLOAD_START:
	case EVENT_UPLOAD_DONE:
		runlog_upload(l, ev);
		break;
	case EVENT_STEP_META:
	case EVENT_WORKER_START:
	case EVENT_WORKER_DONE:
		break;
	}
}

static void runlog_emit(struct event_sink *sink, const struct event *ev)
{
	struct runlog *l = (struct runlog *)(void *)sink;

	if (l->inner && !(l->hide_why && ev->kind == EVENT_STEP_WHY))
		l->inner->emit(l->inner, ev);
	runlog_take(l, ev);
}

static void runlog_tick(struct event_sink *sink)
{
	struct runlog *l = (struct runlog *)(void *)sink;

	if (l->inner && l->inner->tick)
		l->inner->tick(l->inner);
}

static void runlog_no_free(struct event_sink *sink)
{
	(void)sink; /* runlog_release is called by the owner */
}

void runlog_init(struct runlog *l, struct event_sink *inner)
{
	*l = (struct runlog){.sink = {runlog_emit, runlog_tick, runlog_no_free},
			     .inner = inner,
			     .start = clock_mono(),
			     .began = clock_wall() / CLOCK_NS_PER_S,
			     .stages = SMAP_INIT(runlog_stage_free)};
}

void runlog_end(struct runlog *l)
{
	if (!l->ended)
		l->ended = runlog_now(l);
	for (size_t i = 0; i < l->stages.n; i++) {
		struct runlog_stage *st = l->stages.v[i].val;
		struct runlog_step *last = st->steps.n ? &st->steps.v[st->steps.n - 1] : NULL;

		if (!last || last->state != RUNLOG_RUNNING)
			continue;
		last->state = RUNLOG_STOPPED;
		last->ended = l->ended;
	}
}

void runlog_release(struct runlog *l)
{
	smap_release(&l->stages);
	for (size_t i = 0; i < l->transfers.n; i++)
		free(l->transfers.v[i].text);
	vec_release(&l->transfers);
	for (size_t i = 0; i < l->warnings.n; i++) {
		free(l->warnings.v[i].stage);
		free(l->warnings.v[i].text);
	}
	vec_release(&l->warnings);
	free(l->first_line);
	*l = (struct runlog){0};
}
