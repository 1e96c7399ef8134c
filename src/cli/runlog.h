/* What happened in a build, kept for a report at its end: a sink that passes every event on and remembers stages,
 * steps, transfers and warnings with their times. Texts are as they came, neither masked nor escaped. */
#ifndef SLCT_RUNLOG_H
#define SLCT_RUNLOG_H

#include "src/session/event.h"
#include "src/util/buf.h"
#include "src/util/smap.h"
#include "src/util/vec.h"

/* Of a failed step's output, the end that is kept. */
#define RUNLOG_TAIL_MAX ((size_t)32 << 10)
/* Further warnings are only counted. */
#define RUNLOG_WARNINGS_MAX 200

enum runlog_state { RUNLOG_CACHED, RUNLOG_RUNNING, RUNLOG_RAN, RUNLOG_FAILED, RUNLOG_STOPPED };

/* Times are nanoseconds since the log began. */
struct runlog_step {
	unsigned n;
	enum runlog_state state;
	char *text, *source,
		*why; /* source: "local", "remote" of a cached one; why: --explain's text; each may be NULL */
	int64_t begun, ended;
	struct buf tail; /* of a step that did not end well */
};

struct runlog_stage {
	char *name;
	int64_t begun, ended; /* ended -1: not reached */
	VEC_OF(struct runlog_step) steps;
};

struct runlog_transfer {
	char *text;
	int64_t begun, ended;
	uint64_t done, total;
};

struct runlog_warning {
	char *stage, *text; /* stage "": of none */
};

struct runlog {
	struct event_sink sink;
	struct event_sink *inner; /* borrowed; may be NULL */
	bool hide_why;		  /* EVENT_STEP_WHY is for the log alone */
	int64_t start;		  /* monotonic */
	int64_t began;		  /* wall clock, seconds */
	int64_t ended;
	char *first_line; /* of EVENT_BEGIN; NULL: it did not come */
	struct event_counts counts;
	struct smap stages; /* name → struct runlog_stage, in the order of their beginning */
	VEC_OF(struct runlog_transfer) transfers;
	VEC_OF(struct runlog_warning) warnings;
	size_t more_warnings;
};

void runlog_init(struct runlog *l, struct event_sink *inner);
/* Nothing follows: what has not ended ends now. */
void runlog_end(struct runlog *l);
void runlog_release(struct runlog *l);
#define AUTO_RUNLOG AUTO(runlog_release)

#endif
