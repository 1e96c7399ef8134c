/* What happens during a build, as typed events to one sink: the live display, plain lines or JSON lines (src/cli). */
#ifndef SLCT_EVENT_H
#define SLCT_EVENT_H

#include "src/util/err.h"

enum event_kind {
	EVENT_BEGIN,	    /* once: text is the first line ("isolation: range ..."); total: stages */
	EVENT_STAGE_START,  /* stage */
	EVENT_STEP_START,   /* stage, n, m, text: the instruction as it is shown */
	EVENT_STEP_WHY,	    /* stage, n, m, text: why the step that has just started runs (--explain) */
	EVENT_STEP_CACHED,  /* stage, n, m, text, source: "local" or "remote" */
	EVENT_STEP_DONE,    /* stage, n, m, elapsed_ns; only for a step that ran */
	EVENT_STEP_ERROR,   /* stage, n, m, elapsed_ns, err */
	EVENT_STEP_META,    /* stage, n, m, text: an instruction that only changes the config */
	EVENT_OUTPUT,	    /* stage, n, text: raw bytes of a running step's output */
	EVENT_TRANSFER,	    /* stage or "", text: what ("pull debian:12", "push ..."), done, total bytes */
	EVENT_STAGE_DONE,   /* stage, source NULL or "local"/"remote" when all of it was cached, elapsed_ns */
	EVENT_WARNING,	    /* stage or "", text */
	EVENT_UPLOAD_START, /* for traces: stage, n, text: a cache that gets this step's entry now; n 0: the stage's
			       reasons */
	EVENT_UPLOAD_DONE,  /* the same; done: bytes sent; err if it failed */
	EVENT_WORKER_START, /* for traces: n: number of the worker, text: its role, source: what it works on, or NULL */
	EVENT_WORKER_DONE,  /* n; err if it failed */
	EVENT_END,	    /* counts, elapsed_ns, err if the build failed */
};

struct event_counts {
	unsigned stages, stages_cached, steps_run, steps_cached, steps_meta;
	uint64_t requests, bytes_in, bytes_out;
};

struct event {
	enum event_kind kind;
	const char *stage;
	unsigned n, m; /* step n of m in its stage, from 1 */
	const char *text;
	size_t text_len; /* EVENT_OUTPUT; else strlen */
	const char *source;
	int64_t elapsed_ns;
	uint64_t done, total;
	const struct event_counts *counts;
	const struct err *err;
};

/* A sink is called from the scheduler only, never from a worker. Pointers are valid during the call. */
struct event_sink {
	void (*emit)(struct event_sink *s, const struct event *ev);
	void (*tick)(struct event_sink *s); /* about ten times a second while the build runs; may be NULL */
	void (*free)(struct event_sink *s);
};

#endif
