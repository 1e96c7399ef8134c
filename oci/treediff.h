/* What has changed in a tree since its index was taken, as a layer tree: the same that an overlay's upper directory
 * would hold (docs/internals/oci-layer.md has the exceptions). */
#ifndef SLCT_TREEDIFF_H
#define SLCT_TREEDIFF_H

#include "oci/treeindex.h"

struct treediff_opts {
	treeindex_skip_fn *skip; /* as for the index */
	void *arg;
	const struct ownview *view; /* as for merge_opts; may be NULL */
	bool clamp;    /* times of what has changed are limited in the tree itself, as layer_clamp does in a layer */
	int64_t limit; /* seconds */
};

/* root: the tree; upper: an empty directory on the same file system, which gets the changed entries with the
 * directories above them, whiteouts and opaque marks; its own metadata becomes the root's. Files are cloned (clone.h),
 * so that the tree may go on changing. The index is used up. Sockets are left out. -1 with *e. */
int treediff_write(int root, struct treeindex *then, int upper, const struct treediff_opts *o, struct err *e);

#endif
