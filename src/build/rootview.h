/* The merged root file system of a stack of layers, to read. */
#ifndef SLCT_ROOTVIEW_H
#define SLCT_ROOTVIEW_H

#include "src/build/state.h"

/* In a worker that has a mount namespace of its own in the user namespace (WORKER_MOUNT, nsjob): a descriptor of the
 * root, which must not be written to. empty: an empty directory, relative to the store. -1 with *e. */
int rootview_open(const struct build *b, const struct digest_list *stack, const char *empty, struct err *e);

#endif
