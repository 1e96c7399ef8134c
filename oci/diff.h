/* A tree on disk as members of a canonical tar: sorted walk on directory descriptors, each file read once. */
#ifndef SLCT_DIFF_H
#define SLCT_DIFF_H

#include "oci/owners.h"
#include "oci/tar_write.h"

struct diff_opts {
	/* The tree is an overlay's upper directory: whiteouts become `.wh.NAME`, opaque directories get `.wh..wh..opq`.
	 * Else it is a merged tree, which has neither: a device 0:0 is a device. */
	bool marks;
	const struct ownview *view; /* how owners are recorded; NULL: only on files and directories */
	struct owners *owners;	    /* gets all that is recorded, the root's too; NULL: not wanted */
	/* Leave out this path and all below it. NULL: nothing. */
	bool (*skip)(void *arg, const char *path);
	void *arg;
};

/* Write all members below rootfd (a directory, O_PATH too), not the root itself; the end of the tar is the caller's. No
 * link is followed, no file system boundary is crossed, nothing but regular files and directories is opened; sockets
 * are left out. Recorded owners (ownrec.h) take the place of what is on disk. A file that changes its size while it is
 * read, or whose name begins with ".wh." in a tree with marks, is an error (ERR_INPUT) that names it. */
int diff_write(int rootfd, const struct diff_opts *o, struct tar_write *t, struct err *e);

#endif
