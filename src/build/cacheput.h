/* In the worker that writes one remote cache (cachesend.h): ask for an entry, write it, and the like. */
#ifndef SLCT_CACHEPUT_H
#define SLCT_CACHEPUT_H

#include "registry/registry.h"
#include "src/build/cachejob.h"
#include "src/build/cacheknown.h"
#include "src/build/cacheopt.h"
#include "src/build/state.h"

struct cacheput {
	const struct build *b; /* as it was when the worker began: only what does not change is looked at */
	const struct cacheopt *to;
	struct registry_stream *table; /* of a job's layers that are being made, in their order */
	struct registry *reg; /* made for the first job: one client, with its connections and tokens, for all of them */
	struct ref repo;
	struct cacheknown known;
};

/* Members of *answer: "there" (an entry that need not be written; ASK), "sent" (bytes; WRITE). An error leaves the
 * worker ready for the next job. */
int cacheput_do(struct cacheput *p, const struct cachejob *job, struct json *answer, struct err *e);

/* --- of its parts --- */

/* A blob of this size is sent as quickly as it is asked for. */
#define CACHEPUT_SMALL_BYTES ((uint64_t)64 << 10)

/* The client, once. */
int cacheput_connect(struct cacheput *p, struct err *e);
int cacheput_why(struct cacheput *p, const struct cachejob *job, struct err *e);
int cacheput_use(struct cacheput *p, const struct cachejob *job, struct err *e);

#endif
