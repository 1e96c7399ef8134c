/* Push of an image: tags asked first (a repeated push ends there), blobs in parallel, manifest last. */
#ifndef SLCT_PUSH_H
#define SLCT_PUSH_H

#include "registry/registry.h"
#include "registry/regsession.h"

/* Blobs under way at once. */
#define PUSH_PARALLEL 12
/* The same where each of them needs a connection to read from, too: both may be among HTTP_HOST_CONNECTIONS of one
 * host. */
#define PUSH_PARALLEL_PIPES 3

/* As registry_push_image. */
int push_image(struct regsession_pool *p, struct registry_push *push, struct store *s, registry_progress_fn *fn,
	       void *arg, struct err *e);

#endif
