/* Marks of a layer tree (overlayfs(5)): what stands for "removed here" and "nothing of the layers below is seen". A
 * whiteout is a character device 0:0; where none can be made (a store that lies on an overlay) it is an empty regular
 * file with the attribute user.overlay.whiteout, its directory and the layer's root having user.overlay.opaque=x,
 * without which overlays list the name. An opaque directory carries user.overlay.opaque=y. */
#ifndef SLCT_MARK_H
#define SLCT_MARK_H

#include <sys/stat.h>

#include "src/util/err.h"

/* st: of the entry itself. The file is opened only if it is regular and empty. */
bool mark_is_whiteout(int dirfd, const char *name, const struct stat *st);
/* fd: of a directory, not O_PATH. */
bool mark_is_opaque(int fd);
/* An attribute that is the overlay's own and belongs to a layer, not to the file. */
bool mark_is_attribute(const char *name);

/* 0: a device, 1: an attribute (the layer's root wants mark_root), -1 with *e. */
int mark_whiteout(int dirfd, const char *name, struct err *e);
/* root: of a layer with whiteouts by attribute, may be O_PATH. */
int mark_root(int root, struct err *e);
int mark_opaque(int fd, const char *what, struct err *e);

#endif
