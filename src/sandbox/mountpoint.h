/* The mount points of a step: directories and empty files in a lower layer of their own, which lies on top of the
 * image's layers, so that nothing of them ever gets into the upper directory, that a link of the image in their place
 * (/dev, /etc/resolv.conf) is hidden instead of followed, and that an image without them (FROM scratch) works. */
#ifndef SLCT_MOUNTPOINT_H
#define SLCT_MOUNTPOINT_H

#include "src/sandbox/overlay.h"

/* Make the layer as directory `name` below root->dirfd. /etc gets the metadata of the image's own; where the image's
 * /etc is no directory (a link), the layer has none and *has_etc is false. Nothing to undo on failure: the caller
 * removes its scratch directory. */
int mountpoint_make(const struct overlay_spec *root, const char *name, bool *has_etc, struct err *e);
/* A fresh upper directory becomes the root of the merged tree: give it mode and owner of the topmost layer's root (0755
 * if there is none) as long as it is empty. */
int mountpoint_upper(const struct overlay_spec *root, struct err *e);

#endif
