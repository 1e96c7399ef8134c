/* A build as a report shows it: what the build knows of itself (src/build/facts.h) joined with what happened when
 * (runlog.h). Pure; everything is borrowed from the two. */
#ifndef SLCT_RUNMODEL_H
#define SLCT_RUNMODEL_H

#include "src/cli/runlog.h"
#include "src/util/json.h"

#define RUNMODEL_NONE SIZE_MAX

enum runmodel_result {
	RUNMODEL_BUILT,
	RUNMODEL_LOCAL,
	RUNMODEL_REMOTE,
	RUNMODEL_FAILED,
	RUNMODEL_SKIPPED,  /* not done because of a failure or a signal */
	RUNMODEL_UNNEEDED, /* not done because what needs it was cached */
	RUNMODEL_UNKNOWN,  /* the build ended before it was known */
	RUNMODEL_RESULTS
};

/* "stage": one of the plan; "image": what a stage stands on or copies from. */
struct runmodel_need {
	size_t stage; /* RUNMODEL_NONE: an image */
	const char *image;
	bool base; /* FROM; else files are copied or mounted */
};

struct runmodel_stage {
	const char *name, *label; /* label: without the flavor where there is only one */
	const char *flavor;	  /* NULL: plain Dockerfile */
	enum runmodel_result result;
	bool goal;
	const struct json *facts;
	const struct runlog_stage *log; /* NULL: it was not begun */
	VEC_OF(struct runmodel_need) needs;
	uint64_t size, own; /* bytes of all layers, and of those that its steps made */
	size_t ran;	    /* steps that were started */
	int64_t busy_ns;    /* what they took */
};

/* A step that ran. */
struct runmodel_span {
	size_t stage;
	const struct runlog_step *step;
	size_t lane;   /* place for steps, from 0: the lowest that was free */
	size_t before; /* span that it had to wait for longest; RUNMODEL_NONE: none */
	bool critical;
};

/* A layer, once however many stages have it. */
struct runmodel_layer {
	const char *id;
	uint64_t size;
	size_t stage;	   /* the one that made it, RUNMODEL_NONE: it is of a base image */
	unsigned n;	   /* its step */
	const char *image; /* base image that it is of, or NULL */
};

struct runmodel {
	VEC_OF(struct runmodel_stage) stages;
	VEC_OF(struct runmodel_span) spans;   /* by begin */
	VEC_OF(struct runmodel_layer) layers; /* the largest first */
	VEC_OF(size_t) critical;	      /* spans in order */
	size_t lanes, flavors;
	size_t results[RUNMODEL_RESULTS]; /* stages by result */
};

void runmodel_init(struct runmodel *m, const struct json *facts, const struct runlog *log);
void runmodel_release(struct runmodel *m);
#define AUTO_RUNMODEL AUTO(runmodel_release)

/* "built", "cached", ... as people read them, and a name for styles. */
const char *runmodel_result_text(enum runmodel_result r);
const char *runmodel_result_class(enum runmodel_result r);

#endif
