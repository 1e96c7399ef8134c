#include "src/cli/trace.h"

#include <string.h>

#include "src/cache/inputs.h"
#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/mem.h"

#define TRACE_NS_PER_US 1000
#define TRACE_MAX	((size_t)1 << 30)
/* Rows of stages are numbered from 1, those of the other groups from here: a row's number is unique in the file. */
#define TRACE_LANES(group) ((int)(group)*100000)

struct trace_span {
	int64_t begun; /* microseconds */
	enum trace_group group;
	int lane;
	char *name;
	const char *category;
	struct json *args;
};

static const char *const trace_groups[] = {
	[TRACE_STAGES] = "stages",
	[TRACE_WORKERS] = "workers",
	[TRACE_TRANSFERS] = "transfers",
};
static const char *const trace_lane_names[] = {
	[TRACE_WORKERS] = "worker",
	[TRACE_TRANSFERS] = "transfer",
};

static void trace_span_free(void *p)
{
	struct trace_span *s = p;

	json_free(s->args);
	free(s->name);
	free(s);
}

static int64_t trace_now(const struct trace *t)
{
	return (clock_mono() - t->start) / TRACE_NS_PER_US;
}

static void trace_set_text(struct json *j, const char *key, const char *text)
{
	AUTO_FREE char *masked = inputs_mask_text(text ? text : "");
	AUTO_FREE char *clean = log_mask(masked, strlen(masked), false);

	if (text)
		json_set_str(j, key, clean);
}

static struct json *trace_event(const char *name, const char *kind, int64_t at, enum trace_group group, int lane)
{
	struct json *j = json_new_object();

	trace_set_text(j, "name", name);
	json_set_str(j, "ph", kind);
	json_set_int(j, "ts", at);
	json_set_int(j, "pid", group);
	json_set_int(j, "tid", lane);
	return j;
}

/* --- rows --- */

static void trace_name_row(struct trace *t, const char *what, enum trace_group group, int lane, const char *name)
{
	struct json *j = trace_event(what, "M", 0, group, lane), *args = json_new_object();

	trace_set_text(args, "name", name);
	json_set(j, "args", args);
	json_append(t->rows, j);
}

/* A row for each stage, with its name. */
static int trace_stage_lane(struct trace *t, const char *stage)
{
	int *lane = smap_get(&t->lanes, stage);

	if (lane)
		return *lane;
	lane = mem_new(int);
	*lane = (int)t->lanes.n + 1;
	smap_set(&t->lanes, stage, lane);
	trace_name_row(t, "thread_name", TRACE_STAGES, *lane, stage);
	return *lane;
}

/* The lowest row of the group that is free. */
static int trace_take_lane(struct trace *t, enum trace_group group)
{
	size_t i = 0;

	while (i < t->busy[group].n && t->busy[group].v[i])
		i++;
	if (i == t->busy[group].n) {
		AUTO_FREE char *name = mem_printf("%s %zu", trace_lane_names[group], i + 1);

		vec_push(&t->busy[group], true);
		trace_name_row(t, "thread_name", group, TRACE_LANES(group) + (int)i, name);
	}
	t->busy[group].v[i] = true;
	return TRACE_LANES(group) + (int)i;
}

/* --- spans --- */

/* NULL if a span of this key is open. */
static struct trace_span *trace_begin(struct trace *t, const char *key, enum trace_group group, const char *category,
				      const char *name)
{
	struct trace_span *s;

	if (smap_has(&t->open, key))
		return NULL;
	s = mem_new(struct trace_span);
	*s = (struct trace_span){trace_now(t), group, 0, mem_strdup(name), category, json_new_object()};
	smap_set(&t->open, key, s);
	return s;
}

static void trace_end(struct trace *t, const char *key, const struct err *failure)
{
	struct trace_span *s = smap_get(&t->open, key);
	struct json *j;

	if (!s)
		return;
	j = trace_event(s->name, "X", s->begun, s->group, s->lane);
	json_set_int(j, "dur", trace_now(t) - s->begun);
	json_set_str(j, "cat", s->category);
	if (failure)
		trace_set_text(s->args, "error", failure->msg);
	json_set(j, "args", STEAL_PTR(s->args));
	json_append(t->events, j);
	if (s->group != TRACE_STAGES)
		t->busy[s->group].v[s->lane - TRACE_LANES(s->group)] = false;
	smap_del(&t->open, key);
}

static void trace_stage(struct trace *t, const struct event *ev)
{
	AUTO_FREE char *key = mem_printf("stage %s", ev->stage);
	struct trace_span *s;

	if (ev->kind == EVENT_STAGE_DONE) {
		s = smap_get(&t->open, key);
		if (s)
			json_set_str(s->args, "source", ev->source ? ev->source : "built");
		trace_end(t, key, NULL);
		return;
	}
	s = trace_begin(t, key, TRACE_STAGES, "stage", ev->stage);
	if (s)
		s->lane = trace_stage_lane(t, ev->stage);
}

static void trace_step(struct trace *t, const struct event *ev)
{
	AUTO_FREE char *key = mem_printf("step %s %u", ev->stage, ev->n);
	struct trace_span *s;

	if (ev->kind == EVENT_STEP_WHY) {
		s = smap_get(&t->open, key);
		if (s)
			trace_set_text(s->args, "why", ev->text);
		return;
	}
	if (ev->kind != EVENT_STEP_START) {
		trace_end(t, key, ev->err);
		return;
	}
	s = trace_begin(t, key, TRACE_STAGES, "step", ev->text ? ev->text : key);
	if (!s)
		return;
	s->lane = trace_stage_lane(t, ev->stage);
	trace_set_text(s->args, "stage", ev->stage);
	json_set_int(s->args, "step", ev->n);
}

/* A step that was taken from a cache takes no time. */
static void trace_mark(struct trace *t, const struct event *ev)
{
	struct json *j = trace_event(ev->text ? ev->text : "cached", "i", trace_now(t), TRACE_STAGES,
				     trace_stage_lane(t, ev->stage));
	struct json *args = json_new_object();

	json_set_str(j, "s", "t");
	json_set_str(j, "cat", "cached");
	json_set_str(args, "source", ev->source);
	json_set_int(args, "step", ev->n);
	json_set(j, "args", args);
	json_append(t->events, j);
}

static void trace_worker(struct trace *t, const struct event *ev)
{
	AUTO_FREE char *key = mem_printf("worker %u", ev->n);
	AUTO_FREE char *name = ev->source ? mem_printf("%s %s", ev->text, ev->source) : mem_strdup(ev->text);
	struct trace_span *s;

	if (ev->kind == EVENT_WORKER_DONE) {
		trace_end(t, key, ev->err);
		return;
	}
	s = trace_begin(t, key, TRACE_WORKERS, "worker", name);
	if (!s)
		return;
	s->lane = trace_take_lane(t, TRACE_WORKERS);
	json_set_str(s->args, "role", ev->text);
	trace_set_text(s->args, "of", ev->source);
}

static void trace_transfer(struct trace *t, const struct event *ev)
{
	const char *what = ev->text ? ev->text : "transfer";
	AUTO_FREE char *key = mem_printf("transfer %s", what);
	struct trace_span *s = trace_begin(t, key, TRACE_TRANSFERS, "transfer", what);

	if (s)
		s->lane = trace_take_lane(t, TRACE_TRANSFERS);
	s = smap_get(&t->open, key);
	json_set_int(s->args, "bytes", (int64_t)ev->done);
	if (ev->total && ev->done >= ev->total)
		trace_end(t, key, NULL);
}

/* An entry of a remote cache on its way. */
static void trace_upload(struct trace *t, const struct event *ev)
{
	AUTO_FREE char *name =
		ev->n ? mem_printf("upload %s step %u", ev->stage, ev->n) : mem_printf("upload %s reasons", ev->stage);
	AUTO_FREE char *key = mem_printf("%s to %s", name, ev->text);
	struct trace_span *s;

	if (ev->kind == EVENT_UPLOAD_DONE) {
		s = smap_get(&t->open, key);
		if (s)
			json_set_int(s->args, "bytes", (int64_t)ev->done);
		trace_end(t, key, ev->err);
		return;
	}
	s = trace_begin(t, key, TRACE_TRANSFERS, "upload", name);
	if (!s)
		return;
	s->lane = trace_take_lane(t, TRACE_TRANSFERS);
	trace_set_text(s->args, "stage", ev->stage);
	json_set_int(s->args, "step", ev->n);
	trace_set_text(s->args, "to", ev->text);
}

typedef void trace_fn(struct trace *t, const struct event *ev);

/* clang-format off */
static trace_fn *const trace_table[] = {
	[EVENT_STAGE_START] = trace_stage,   [EVENT_STAGE_DONE] = trace_stage,
	[EVENT_STEP_START] = trace_step,     [EVENT_STEP_WHY] = trace_step,
	[EVENT_STEP_DONE] = trace_step,	     [EVENT_STEP_ERROR] = trace_step,
	[EVENT_STEP_CACHED] = trace_mark,    [EVENT_TRANSFER] = trace_transfer,
	[EVENT_UPLOAD_START] = trace_upload, [EVENT_UPLOAD_DONE] = trace_upload,
	[EVENT_WORKER_START] = trace_worker, [EVENT_WORKER_DONE] = trace_worker,
	[EVENT_END] = NULL,
};
/* clang-format on */

static void trace_emit(struct event_sink *sink, const struct event *ev)
{
	struct trace *t = (struct trace *)(void *)sink;

	if (t->inner)
		t->inner->emit(t->inner, ev);
	if (trace_table[ev->kind])
		trace_table[ev->kind](t, ev);
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
			    .rows = json_new_array(),
			    .open = SMAP_INIT(trace_span_free),
			    .lanes = SMAP_INIT(free),
			    .start = clock_mono()};
	for (int g = TRACE_STAGES; g <= TRACE_TRANSFERS; g++)
		trace_name_row(t, "process_name", (enum trace_group)g, 0, trace_groups[g]);
}

/* --- the file --- */

/* By begin; what encloses comes before what is within it. */
static int trace_compare(const void *a, const void *b)
{
	const struct json *p = *(const struct json *const *)a, *q = *(const struct json *const *)b;
	int64_t x = json_get_int(p, "ts", 0), y = json_get_int(q, "ts", 0);

	if (x != y)
		return x < y ? -1 : 1;
	x = json_get_int(p, "dur", 0);
	y = json_get_int(q, "dur", 0);
	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(json_get_str(p, "cat"), json_get_str(q, "cat"));
}

static struct json *trace_sorted(const struct trace *t)
{
	size_t n = json_len(t->events);
	AUTO_FREE struct json **v = mem_array(n + 1, sizeof *v);
	struct json *all = json_new_array();

	for (size_t i = 0; i < json_len(t->rows); i++)
		json_append(all, json_ref(json_at(t->rows, i)));
	for (size_t i = 0; i < n; i++)
		v[i] = json_at(t->events, i);
	qsort(v, n, sizeof *v, trace_compare);
	for (size_t i = 0; i < n; i++)
		json_append(all, json_ref(v[i]));
	return all;
}

int trace_write(struct trace *t, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(TRACE_MAX);
	AUTO_JSON struct json *j = json_new_object();

	/* What has not come to its end (a failure elsewhere, a transfer of unknown size) ends here; what began last
	 * first, so that a step ends with or before its stage. */
	while (t->open.n) {
		AUTO_FREE char *key = mem_strdup(t->open.v[t->open.n - 1].key);
		struct trace_span *s = t->open.v[t->open.n - 1].val;

		json_set_bool(s->args, "unfinished", true);
		trace_end(t, key, NULL);
	}
	json_set(j, "traceEvents", trace_sorted(t));
	json_set_str(j, "displayTimeUnit", "ms");
	json_write(j, &text);
	buf_char_add(&text, '\n');
	return io_write_output(path, buf_str(&text), text.n, e) ? err_wrap(e, "--trace") : 0;
}

void trace_release(struct trace *t)
{
	json_free(t->events);
	json_free(t->rows);
	smap_release(&t->open);
	smap_release(&t->lanes);
	for (size_t i = 0; i < ARRAY_LEN(t->busy); i++)
		vec_release(&t->busy[i]);
	*t = (struct trace){0};
}
