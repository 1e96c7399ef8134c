/* The mounts that a step asks for itself (RUN --mount), in its init: sources are opened as detached mounts before the
 * root is there, targets are resolved in the image, missing mount points are made in a layer of their own that is never
 * captured, and the mounts are attached after slct's own. */
#ifndef SLCT_USERMOUNT_H
#define SLCT_USERMOUNT_H

#include "src/sandbox/sandbox.h"

struct usermount {
	const struct sandbox_mount *m;
	int tree;     /* detached mount of the source; attached: still its root */
	bool is_file; /* the source is no directory */
	char *path;   /* the target, links resolved, without leading slash */
	size_t under; /* index of the mount that the target lies in, or USERMOUNT_ROOT, USERMOUNT_DEV */
};

#define USERMOUNT_ROOT SIZE_MAX
#define USERMOUNT_DEV  (SIZE_MAX - 1)

struct usermounts {
	struct usermount *v; /* parents before children */
	size_t n, cap;
};

/* Open the sources. scratch: as in sandbox_spec. */
int usermount_open(const struct sandbox_spec *s, struct usermounts *out, struct err *e);
/* Resolve the targets in the image's layers and make the layer of their missing mount points; its path below
 * root.dirfd in *layer (caller frees), NULL if none is missing. ERR_INPUT for a target that cannot be. */
int usermount_targets(const struct sandbox_spec *s, struct usermounts *u, char **layer, struct err *e);
/* Where target leads to in the root, links followed inside it, missing parts as they are written; "" is the root
 * itself. NULL with errno. Caller frees. */
char *usermount_resolve(int root, const char *target);
/* The same for a mount's target: ERR_INPUT for the root, and for what lies in /proc and /sys. */
char *usermount_target(int root, const char *target, struct err *e);
/* Attach them in the step's root. */
int usermount_attach(int root, struct usermounts *u, struct err *e);
void usermount_release(struct usermounts *u);
#define AUTO_USERMOUNTS AUTO(usermount_release)

#endif
