/* The mount points of a step: directories and empty files in a lower layer of their own, which lies on top of the
 * image's layers, so that nothing of them ever gets into the upper directory, that a link of the image in their place
 * (/dev, /etc/resolv.conf) is hidden instead of followed, and that an image without them (FROM scratch) works. */
#ifndef SLCT_MOUNTPOINT_H
#define SLCT_MOUNTPOINT_H

#include "src/sandbox/overlay.h"

/* Find or make the layer in the directory `scratch` below root->dirfd; its path below dirfd in *layer (caller frees).
 * /etc gets the metadata of the image's own, and the layer's name is made of them, so that all steps of a run that see
 * the same /etc share one layer if they share scratch. Where the image's /etc is no directory (a link), the layer has
 * none. */
int mountpoint_layer(const struct overlay_spec *root, const char *scratch, char **layer, struct err *e);
/* A fresh upper directory becomes the root of the merged tree: give it mode and owner of the topmost layer's root (0755
 * if there is none) as long as it is empty. */
int mountpoint_upper(const struct overlay_spec *root, struct err *e);
/* After the step: give "/" itself the mode and owner back that it had. A layer holds no entry for its root
 * (containerd's and docker's differ alike leave it out), so here as elsewhere the next step sees what it would see on a
 * machine that has pulled the layer. *changed: there was something to give back, which the user is to be told. */
int mountpoint_restore(const struct overlay_spec *root, bool *changed, struct err *e);

#endif
