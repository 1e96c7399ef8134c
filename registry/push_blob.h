/* Blobs of a store to a repository: what is there already is not sent. */
#ifndef SLCT_PUSH_BLOB_H
#define SLCT_PUSH_BLOB_H

#include "registry/push.h"

struct push_blob_list {
	const struct descriptor *const *blobs; /* each digest once */
	size_t n;
	struct registry_stream *const *streams; /* besides; being made */
	size_t nstreams;
	size_t assumed; /* out: not asked for, because the repository is known to have them */
};

/* Bring the blobs to push->to, and count in *push. */
int push_blob_all(struct regsession_pool *p, struct registry_push *push, struct push_blob_list *list, struct store *s,
		  registry_progress_fn *fn, void *arg, struct err *e);

#endif
