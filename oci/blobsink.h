/* Where fetched blobs go: a store, or a layout directory. Whoever fetches hashes while it writes. */
#ifndef SLCT_BLOBSINK_H
#define SLCT_BLOBSINK_H

#include "oci/store.h"

struct blobsink {
	void *arg;
	bool (*has)(void *arg, const struct descriptor *d); /* by its size */
	/* A temp file, positioned at its beginning; it ends by one of the other two. */
	int (*begin)(void *arg, struct store_blob_writer *w, struct err *e);
	int (*commit)(void *arg, struct store_blob_writer *w, const struct descriptor *d, struct err *e);
	void (*abort)(void *arg, struct store_blob_writer *w);
};

/* Borrows the store. */
struct blobsink blobsink_of_store(struct store *s);

#endif
