#include "oci/blobsink.h"

static bool blobsink_store_has(void *arg, const struct descriptor *d)
{
	uint64_t size;

	return store_blob_has(arg, &d->digest, &size) && size == d->size;
}

static int blobsink_store_begin(void *arg, struct store_blob_writer *w, struct err *e)
{
	return store_blob_begin(arg, w, e);
}

static int blobsink_store_commit(void *arg, struct store_blob_writer *w, const struct descriptor *d, struct err *e)
{
	return store_blob_commit(arg, w, &d->digest, d->size, d, e);
}

static void blobsink_store_abort(void *arg, struct store_blob_writer *w)
{
	store_blob_abort(arg, w);
}

struct blobsink blobsink_of_store(struct store *s)
{
	return (struct blobsink){
		.arg = s,
		.has = blobsink_store_has,
		.begin = blobsink_store_begin,
		.commit = blobsink_store_commit,
		.abort = blobsink_store_abort,
	};
}
