/* Images from the store's blobs to anywhere, byte for byte. */
#ifndef SLCT_IMGGIVE_H
#define SLCT_IMGGIVE_H

#include "src/image/imgplace.h"
#include "src/session/session.h"

/* Give what *root, a manifest or index, stands for. The store and a docker archive take a manifest only. */
int imggive(struct session *s, const struct descriptor *root, const struct imgplace *to, struct err *e);

#endif
