/* The mounts of one step besides the usual ones: RUN --mount. Their sources are opened before the root is mounted, as
 * detached trees; what is missing as mount point is made in a lower layer of its own, with the metadata of the
 * directories on the way, so that nothing of it reaches the upper directory. */
#ifndef SLCT_USERMOUNT_H
#define SLCT_USERMOUNT_H

#include "src/sandbox/sandbox.h"

struct usermount {
	const struct sandbox_spec *s;
	int *tree;    /* detached mounts, by index of s->mounts */
	char *points; /* layer of mount points below s->root.dirfd, or NULL: none is needed */
};

/* In the step's mount namespace, before its root is mounted. Release also after an error. */
int usermount_open(struct usermount *u, const struct sandbox_spec *s, struct err *e);
/* Attach all of them, in their order, beneath the mounted root. Links in a target are followed inside the root. */
int usermount_attach(const struct usermount *u, int root, struct err *e);
void usermount_release(struct usermount *u);

#endif
