/* Image indexes of the store: made of the images of several platforms, under names of their own. */
#ifndef SLCT_IMGINDEX_H
#define SLCT_IMGINDEX_H

#include "oci/descriptor.h"
#include "src/session/session.h"

/* Make an index of the images (operands of slct copy; of an index all that it names), or with `add` put them into the
 * one that has the name; an image of the same platform is replaced. All their blobs come into the store, and gc keeps
 * them. *digest: of the index. */
int imgindex_make(struct session *s, const char *name, const struct strv *images, bool add, struct digest *digest,
		  struct err *e);
/* The index of a name. ERR_NOT_FOUND. */
int imgindex_find(struct session *s, const char *name, struct descriptor *out, struct err *e);

#endif
