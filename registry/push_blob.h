/* Blobs of a store to a repository: what is there already is not sent. */
#ifndef SLCT_PUSH_BLOB_H
#define SLCT_PUSH_BLOB_H

#include "registry/push.h"

/* Bring the n blobs (each digest once) to push->to, and count in *push. *assumed: how many were not asked for, because
 * the repository is known to have them. */
int push_blob_all(struct regsession_pool *p, struct registry_push *push, const struct descriptor *const *blobs, size_t n,
		  struct store *s, registry_progress_fn *fn, void *arg, size_t *assumed, struct err *e);

#endif
