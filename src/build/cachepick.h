/* Which remote caches a build reads and writes, for which stages, and how old what they have may be: the operands of
 * --cache-from, --cache-to and --cache-ttl, parsed once, with the names of stages found in the plan. */
#ifndef SLCT_CACHEPICK_H
#define SLCT_CACHEPICK_H

#include "src/build/build.h"
#include "src/build/cacheopt.h"
#include "src/plan/plan.h"

struct cachepick_place {
	struct cacheopt opt;
	bool *only;  /* by stage of the plan; NULL: all */
	bool broken; /* it could not be read once: it is left alone for the rest of the run */
};

struct cachepick_list {
	struct cachepick_place *v;
	size_t n, cap;
};

struct cachepick {
	struct cachepick_list from, to; /* in their order */
	int64_t *ttl_ns;		/* by stage, 0: none; NULL: none at all */
	bool *ttl_named;		/* by stage: it has one of its own */
};

/* ERR_USAGE; ERR_INPUT if a stage is not in the plan. */
int cachepick_init(const struct build_opts *o, const struct plan *p, struct cachepick *out, struct err *e);
void cachepick_release(struct cachepick *c);
/* Whether it is asked for, or given, what a stage has. */
bool cachepick_takes(const struct cachepick_place *at, size_t stage);
/* Age from which an entry of the stage does not count; 0: never. */
int64_t cachepick_ttl(const struct cachepick *c, size_t stage);
/* Whether the stage itself is to be young enough, whatever stands on it. */
bool cachepick_ttl_own(const struct cachepick *c, size_t stage);

#endif
