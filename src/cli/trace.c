#include "src/cli/trace.h"

#include <string.h>

#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/mem.h"

#define TRACE_NS_PER_US 1000
#define TRACE_TRANSFERS "transfers"
#define TRACE_MAX	((size_t)1 << 30)

struct trace_span {
	int64_t begun; /* microseconds */
	char *name;
};

static void trace_span_free(void *p)
{
	struct trace_span *s = p;

	free(s->name);
	free(s);
}

static int64_t trace_now(const struct trace *t)
{
	return (clock_mono() - t->start) / TRACE_NS_PER_US;
}

static struct json *trace_event(const char *name, const char *kind, int64_t at, int lane)
{
	struct json *j = json_new_object();
	AUTO_FREE char *clean = log_mask(name, strlen(name), false);

	json_set_str(j, "name", clean);
	json_set_str(j, "ph", kind);
	json_set_int(j, "ts", at);
	json_set_int(j, "pid", 1);
	json_set_int(j, "tid", lane);
	return j;
}

/* A row for each stage, with its name. */
static int trace_lane(struct trace *t, const char *stage)
{
	int *lane = smap_get(&t->lanes, stage);
	struct json *j, *args;

	if (lane)
		return *lane;
	lane = mem_new(int);
	*lane = ++t->nlanes;
	smap_set(&t->lanes, stage, lane);
	j = trace_event("thread_name", "M", 0, *lane);
	args = json_new_object();
	json_set_str(args, "name", stage);
	json_set(j, "args", args);
	json_append(t->events, j);
	return *lane;
}

static void trace_begin(struct trace *t, const char *key, const char *name)
{
	struct trace_span *s;

	if (smap_get(&t->open, key))
		return;
	s = mem_new(struct trace_span);
	*s = (struct trace_span){trace_now(t), mem_strdup(name)};
	smap_set(&t->open, key, s);
}

static void trace_end(struct trace *t, const char *key, const char *lane, const char *category, const char *failure)
{
	const struct trace_span *s = smap_get(&t->open, key);
	struct json *j, *args;

	if (!s)
		return;
	j = trace_event(s->name, "X", s->begun, trace_lane(t, lane));
	json_set_int(j, "dur", trace_now(t) - s->begun);
	json_set_str(j, "cat", category);
	if (failure) {
		AUTO_FREE char *clean = log_mask(failure, strlen(failure), false);

		args = json_new_object();
		json_set_str(args, "error", clean);
		json_set(j, "args", args);
	}
	json_append(t->events, j);
	smap_del(&t->open, key);
}

/* A step that was taken from a cache takes no time. */
static void trace_mark(struct trace *t, const struct event *ev)
{
	struct json *j = trace_event(ev->text ? ev->text : "cached", "i", trace_now(t), trace_lane(t, ev->stage));
	struct json *args = json_new_object();

	json_set_str(j, "s", "t");
	json_set_str(j, "cat", "cached");
	json_set_str(args, "source", ev->source);
	json_set(j, "args", args);
	json_append(t->events, j);
}

static void trace_transfer(struct trace *t, const struct event *ev)
{
	const char *what = ev->text ? ev->text : "transfer";
	AUTO_FREE char *key = mem_printf("~%s", what);

	trace_begin(t, key, what);
	if (ev->total && ev->done >= ev->total)
		trace_end(t, key, TRACE_TRANSFERS, "transfer", NULL);
}

static void trace_emit(struct event_sink *sink, const struct event *ev)
{
	struct trace *t = (struct trace *)(void *)sink;
	const char *stage = ev->stage ? ev->stage : "";
	AUTO_FREE char *step = mem_printf("%s %u", stage, ev->n), *whole = mem_printf("=%s", stage);

	if (t->inner)
		t->inner->emit(t->inner, ev);
	if (ev->kind == EVENT_STAGE_START)
		trace_begin(t, whole, stage);
	else if (ev->kind == EVENT_STEP_START)
		trace_begin(t, step, ev->text ? ev->text : step);
	else if (ev->kind == EVENT_STEP_CACHED)
		trace_mark(t, ev);
	else if (ev->kind == EVENT_STEP_DONE || ev->kind == EVENT_STEP_ERROR)
		trace_end(t, step, stage, "step", ev->err ? ev->err->msg : NULL);
	else if (ev->kind == EVENT_STAGE_DONE)
		trace_end(t, whole, stage, "stage", NULL);
	else if (ev->kind == EVENT_TRANSFER)
		trace_transfer(t, ev);
}

static void trace_tick(struct event_sink *sink)
{
	struct trace *t = (struct trace *)(void *)sink;

	if (t->inner && t->inner->tick)
		t->inner->tick(t->inner);
}

static void trace_no_free(struct event_sink *sink)
{
	(void)sink; /* trace_release is called by the owner */
}

void trace_init(struct trace *t, struct event_sink *inner)
{
	*t = (struct trace){.sink = {trace_emit, trace_tick, trace_no_free},
			    .inner = inner,
			    .events = json_new_array(),
			    .open = SMAP_INIT(trace_span_free),
			    .lanes = SMAP_INIT(free),
			    .start = clock_mono()};
}

int trace_write(struct trace *t, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(TRACE_MAX);
	AUTO_JSON struct json *j = json_new_object();

	/* What has not come to its end (a failure elsewhere, a transfer of unknown size) ends here. */
	while (t->open.n) {
		AUTO_FREE char *key = mem_strdup(t->open.v[0].key);
		bool transfer = key[0] == '~';
		AUTO_FREE char *stage = mem_strndup(key, strcspn(key, " "));

		trace_end(t, key, transfer ? TRACE_TRANSFERS : key[0] == '=' ? key + 1 : stage,
			  transfer ? "transfer" : "unfinished", NULL);
	}
	json_set(j, "traceEvents", json_ref(t->events));
	json_set_str(j, "displayTimeUnit", "ms");
	json_write(j, &text);
	buf_char_add(&text, '\n');
	return io_write_output(path, buf_str(&text), text.n, e) ? err_wrap(e, "--trace") : 0;
}

void trace_release(struct trace *t)
{
	json_free(t->events);
	smap_release(&t->open);
	smap_release(&t->lanes);
	*t = (struct trace){0};
}
