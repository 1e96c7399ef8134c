/* build --trace FILE: stages, steps and transfers with their times, as the trace events that chrome://tracing and Perfetto
 * show (JSON object format; times in microseconds since the beginning). A sink that passes every event on. */
#ifndef SLCT_TRACE_H
#define SLCT_TRACE_H

#include "src/build/event.h"
#include "src/util/json.h"
#include "src/util/smap.h"

struct trace {
	struct event_sink sink;
	struct event_sink *inner; /* borrowed; may be NULL */
	struct json *events;
	struct smap open;  /* what has begun: "=STAGE", "STAGE N", "~TRANSFER" → struct trace_span */
	struct smap lanes; /* stage → number of its row */
	int64_t start;
	int nlanes;
};

void trace_init(struct trace *t, struct event_sink *inner);
/* ERR_HOST if it cannot be written. */
int trace_write(struct trace *t, const char *path, struct err *e);
void trace_release(struct trace *t);
#define AUTO_TRACE AUTO(trace_release)

#endif
