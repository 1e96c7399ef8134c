/* Blobs of a registry into a store or layout: several at once, each hashed while it is written, resumed where it was
 * cut. */
#ifndef SLCT_BLOBGET_H
#define SLCT_BLOBGET_H

#include "oci/blobsink.h"
#include "oci/descriptor.h"
#include "oci/store.h"
#include "registry/registry.h"
#include "oci/limits.h"
#include "registry/regsession.h"

#define BLOBGET_PARALLEL 6

/* As registry_fetch_blobs. */
int blobget_all(struct regsession_pool *p, const struct ref *repo, const struct descriptor *const *blobs, size_t n,
		const struct blobsink *sink, const struct registry_watch *watch, struct err *e);

/* "bytes 100-199/200", or with a star for the total (RFC 9110, section 14.4): then it is UINT64_MAX. 0/-1. */
int blobget_parse_range(struct sv field, uint64_t *first, uint64_t *total);

#endif
