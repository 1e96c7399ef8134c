/* Several layer trees as one: as a plain tree without marks (what an overlay of them would show), or as one layer that
 * stands for all of them. */
#ifndef SLCT_MERGE_H
#define SLCT_MERGE_H

#include <stddef.h>

#include "src/util/err.h"
#include "src/util/ownview.h"

struct merge_opts {
	bool marks; /* the result is a layer: whiteouts and opaque directories are kept, since it will lie on others */
	const struct ownview
		*view; /* its table has the owners of links and fifos, and gets those of copies; may be NULL */
	bool share; /* files are hard links to those of the layers: the result must never be written to. Else, and where
		     * a link is refused, each is a file of its own (clone.h) */
	bool own_files; /* but regular files, which alone are shared between layers (shares.h), are none */
};

/* Merge layer[0] (the bottom) to layer[n-1], directories below dirfd, into the empty directory outfd (opened for
 * reading). Hard links within a layer stay hard links. The merged root gets the metadata of the topmost one. Uses few
 * descriptors, however many layers there are and however deep they are. -1 with *e (ERR_HOST; ERR_INPUT for a path
 * beyond LAYER_PATH_MAX). */
int merge_trees(int dirfd, const char *const *layer, size_t n, int outfd, const struct merge_opts *o, struct err *e);

#endif
