/* The worker that writes one remote cache: one for each place of --cache-to, from the first entry to the end of the
 * build, so that its connections, its token and what it has learned of the repository serve all entries, and the
 * scheduler sees no secret. It gets one job at a time. */
#ifndef SLCT_CACHESEND_H
#define SLCT_CACHESEND_H

#include "registry/registry.h"
#include "src/build/cachejob.h"
#include "src/build/state.h"

struct cachesend;
/* A job has ended: with an answer (borrowed; cacheput.h), or a set error (to be moved). */
typedef void cachesend_done_fn(void *ctx, const struct json *answer, struct err *e);
/* The worker has ended after cachesend_end(). */
typedef void cachesend_over_fn(void *ctx);

/* NULL with *e. to is borrowed. */
struct cachesend *cachesend_new(struct build *b, const struct cacheopt *to, cachesend_done_fn *done,
				cachesend_over_fn *over, void *ctx, struct err *e);
void cachesend_free(struct cachesend *s); /* its worker must be over */
/* For layers that are being made: the table that the worker sees. */
struct registry_stream *cachesend_table(struct cachesend *s);
/* -1 with *e: the job is too large, or the worker is gone; done is not called then. */
int cachesend_job(struct cachesend *s, const struct cachejob *job, struct err *e);
/* No more jobs. */
void cachesend_end(struct cachesend *s);
bool cachesend_is_over(const struct cachesend *s);

#endif
