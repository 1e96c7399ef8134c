/* One stage: does what can be done for it now. Who looks at which stage and when is the scheduler's (sched.c). */
#ifndef SLCT_ADVANCE_H
#define SLCT_ADVANCE_H

#include "src/build/state.h"

enum advance {
	ADVANCE_AGAIN,	 /* something was done: call again */
	ADVANCE_WAITS,	 /* for another stage, or for a worker of its own: their ends wake it */
	ADVANCE_TWIN,	 /* for the running step that has its content key (stage_run.content) */
	ADVANCE_PLACE,	 /* for a free place */
	ADVANCE_DONE,	 /* the stage is complete */
	ADVANCE_STOPPED, /* it will never be: what it needs failed, or the build is being stopped */
};

/* The stage is STAGE_WAITING. */
enum advance advance_stage(struct build *b, size_t at);

#endif
