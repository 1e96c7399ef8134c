/* The mounts of a step, made by its init in its own mount namespace. Everything goes by descriptor (open_tree(2),
 * fsmount(2), move_mount(2), Linux 5.12) onto targets that are looked up beneath the root without following any link.
 */
#ifndef SLCT_MOUNTS_CHILD_H
#define SLCT_MOUNTS_CHILD_H

#include "src/sandbox/plan_ops.h"

/* Attach the detached mount `root` over "/" and execute the list in it. What may be missing is warned of on the
 * childmsg descriptor chan. */
int mounts_child_apply(int root, const struct plan_ops *ops, int chan, struct err *e);
/* Make `root` the root directory and the working directory; everything of the host is unmounted. */
int mounts_child_pivot(int root, struct err *e);
/* Detached mount of a new file system; options comma-separated, attrs MOUNT_ATTR_*; -1 with errno. */
int mounts_child_fs(const char *type, const char *options, unsigned attrs);

#endif
