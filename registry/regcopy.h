/* Images from a repository or a layout directory to another one, without a store between: documents in memory, blobs
 * mounted or passed through (blobpipe.h). */
#ifndef SLCT_REGCOPY_H
#define SLCT_REGCOPY_H

#include "registry/registry.h"
#include "registry/regsession.h"

/* Indexes in indexes, and referrers of referrers. */
#define REGCOPY_DEPTH_MAX 4

/* As registry_copy. */
int regcopy_run(struct regsession_pool *p, struct registry_copy *c, struct err *e);

#endif
