/* Blobs of a store to a repository: what is there already is not sent. */
#ifndef SLCT_PUSH_BLOB_H
#define SLCT_PUSH_BLOB_H

#include "registry/push.h"

/* Bring the n blobs (each digest once) to push->to, and count in *push. */
int push_blob_all(struct session_pool *p, struct registry_push *push, const struct descriptor *const *blobs, size_t n,
		  struct store *s, registry_progress_fn *fn, void *arg, struct err *e);

#endif
