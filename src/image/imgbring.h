/* Images from anywhere into the store's blobs, byte for byte. */
#ifndef SLCT_IMGBRING_H
#define SLCT_IMGBRING_H

#include "src/image/imgplace.h"
#include "src/session/session.h"

/* Bring an image (platform NULL: all of an index) into the store; *root is its manifest or index. The store has no name
 * for it, so gc removes it. documents: only manifests and indexes, no layers and configs; a place that cannot be read
 * in parts gives all. */
int imgbring(struct session *s, const struct imgplace *from, const struct platform *platform, bool documents,
	     struct descriptor *root, struct err *e);

#endif
