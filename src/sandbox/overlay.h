/* Kernel overlayfs as the merged root of a stack of layer trees (overlayfs(5); sandbox.md "Overlay in a user
 * namespace"). Always with userxattr; volatile where there is an upper directory; with xino=on where that lies on
 * another file system than the lowers, so that all files show one device as they do elsewhere. */
#ifndef SLCT_OVERLAY_H
#define SLCT_OVERLAY_H

#include "src/util/err.h"

struct overlay_spec {
	int dirfd;		  /* lower, upper and work are relative to it (the store) */
	const char *const *lower; /* bottom layer first; may be none if there is an upper: an empty directory
				   * `<work>.lower` is made then */
	size_t nlower;
	const char *tree;	  /* not NULL: no overlay, but this merged tree; writable if there is a `upper`, else
				   * never written to. The rest is not looked at */
	const char *upper, *work; /* NULL: read-only */
	const char *empty;	  /* an empty directory: fills up a read-only mount of less than two layers */
};

/* In a worker that has joined the user namespace and unshared its mount namespace: mount, nodev, and return a
 * descriptor of the root of the detached mount; closing it ends the mount. The mounted root's mode and owner are those
 * of the upper directory. By fsopen(2) with "lowerdir+" (Linux 6.7), else by mount(2). -1 with *e (ERR_HOST). */
int overlay_mount(const struct overlay_spec *s, struct err *e);
/* Whether an upper directory's entry differs from nothing: true if the directory `upperfd` holds any entry. */
bool overlay_upper_used(int upperfd);
/* The same directory in the mount namespace that we are in now (O_PATH), where its mounts can be copied and mounted
 * upon. -1 with errno. */
int overlay_reopen(int dirfd);
/* userns_join + unshare(CLONE_NEWNS) + private propagation: what copy, flatten and look-up workers call first. */
int overlay_enter(int nsfd, struct err *e);

#endif
