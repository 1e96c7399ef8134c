/* build --trace FILE: what happened when, as the trace events that chrome://tracing and Perfetto show (Trace Event
 * Format, JSON object form; times in microseconds since the beginning, sorted). A sink that passes every event on.
 *
 * Three groups of rows ("processes" there): the stages, each with its steps; the workers, a row for each that were
 * alive at one time, with what they did (run, copy, fetch, unpack, pack, push, ...); the transfers. Spans of one row
 * never overlap but for steps within their stage. */
#ifndef SLCT_TRACE_H
#define SLCT_TRACE_H

#include "src/session/event.h"
#include "src/util/json.h"
#include "src/util/smap.h"
#include "src/util/vec.h"

enum trace_group { TRACE_STAGES = 1, TRACE_WORKERS, TRACE_TRANSFERS };

struct trace {
	struct event_sink sink;
	struct event_sink *inner;   /* borrowed; may be NULL */
	struct json *events, *rows; /* rows: their names, which come first in the file */
	struct smap open;	    /* what has begun: "stage NAME", "step NAME N", ... → struct trace_span */
	struct smap lanes;	    /* stage → number of its row */
	VEC_OF(bool)
	busy[TRACE_TRANSFERS + 1]; /* by group, of rows without a name of their own: whether they are taken */
	int64_t start;
};

void trace_init(struct trace *t, struct event_sink *inner);
/* ERR_HOST if it cannot be written. */
int trace_write(struct trace *t, const char *path, struct err *e);
void trace_release(struct trace *t);
#define AUTO_TRACE AUTO(trace_release)

#endif
