/* Internal to push_blob: one blob on its way, and all of a list. */
#ifndef SLCT_PUSH_BLOB_PRIV_H
#define SLCT_PUSH_BLOB_PRIV_H

#include "registry/blobpipe.h"
#include "registry/push_blob.h"
#include "registry/upload.h"

struct push_blob_set {
	struct regsession_pool *pool;
	struct registry_push *push;
	struct store *store;
	struct regconf_places from; /* of pipes; none: n is 0 */
	registry_progress_fn *progress;
	void *arg;
	size_t active;
	struct err err; /* first failure */
};

struct push_blob {
	struct push_blob_set *set;
	const struct descriptor *d;	/* NULL as long as it is being made */
	struct descriptor made;		/* of a stream */
	struct registry_stream *stream; /* NULL: it is not being made */
	struct blobpipe *pipe;		/* NULL: it is in the store */
	struct upload up;
	struct call call;
	struct http_timer timer; /* in WAIT */
	struct http_body body;
	int fd; /* -1: not open */
};

/* --- push_blob_make.c --- */
/* For messages: the digest, if it is known yet; borrowed. */
const char *push_blob_name(const struct push_blob *b);
/* Fill b->call with the request of b->up.ask, with its body; opens the blob if it has one. ERR_HOST, ERR_INTEGRITY. */
int push_blob_make(struct push_blob *b, struct err *e);

#endif
