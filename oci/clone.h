/* One file with all that belongs to it from one tree into another: content by reflink where the file system can share
 * it (FICLONE: xfs, btrfs), else by copying, holes kept; owner, mode, extended attributes, times. Overlay marks are not
 * copied (mark.h), recorded owners are. */
#ifndef SLCT_CLONE_H
#define SLCT_CLONE_H

#include <sys/stat.h>

#include "src/util/err.h"
#include "src/util/ownview.h"

/* Anything but a directory; `to` must not be there. st: of the file itself, as it is on disk. view (may be NULL): what
 * its table has of a link or fifo goes with it. */
int clone_node(int fromdir, const char *from, const struct stat *st, int todir, const char *to,
	       const struct ownview *view, struct err *e);
/* Owner, mode, attributes and times of an open regular file or directory; making something in a directory afterwards
 * changes its time again. */
int clone_meta(int from, const struct stat *st, int to, const char *what, struct err *e);

#endif
