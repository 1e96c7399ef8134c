/* A layer tree that is there in another form only (it was made in another tier, or before this user got other
 * subordinate ids) becomes a tar, from which it is unpacked in this run's form. */
#ifndef SLCT_REFORM_H
#define SLCT_REFORM_H

#include "src/session/session.h"
#include "src/session/worker.h"

/* A form other than this run's that has the layer and that this user can enter; caller frees, NULL: none. */
char *reform_find(const struct session *s, const struct digest *diff_id);
/* Write the tree of that form to the new file `path` (relative to the store); done is called as for worker_start(). The
 * strings and the digest stay the caller's, until then. -1 with *e: done is not called. */
struct reform {
	struct session *s;
	const char *form, *path;
	const struct digest *diff_id;
	int nsfd; /* of that form, in the worker */
};
int reform_start(struct reform *r, worker_done_fn *done, void *ctx, struct err *e);

#endif
