/* Hard links between layer trees: COPY --from may link a file of another layer's tree in place of copying it. Layer
 * trees are never written to once they are published, so that does no harm, but for one thing: two paths with one inode
 * in one root are a hard link to whoever looks (`cp a b` refuses, a tar of the root gets other bytes).
 *
 * So a tree that has inodes of others says whose, as an attribute of its root that comes and goes with the tree.
 * Whoever puts trees together to a root sees to it that no two of them have an inode in common (src/build/apart.h). */
#ifndef SLCT_SHARES_H
#define SLCT_SHARES_H

#include "src/util/err.h"
#include "src/util/vec.h"

#define SHARES_XATTR "user.slct.shares"
/* Layers that one tree may share with: file systems keep some KiB of attributes. */
#define SHARES_MAX 24

/* Hex digits of the diff ids of the layers whose inodes the tree (a directory below dirfd) may have are added to out.
 * 0, or -1 if that cannot be found out: then it may have any. */
int shares_get(int dirfd, const char *tree, struct strv *out);
/* Before the first link is made. tree: an open directory; at most SHARES_MAX. -1 with *e (ERR_HOST): make none. */
int shares_set(int tree, const struct strv *layers, struct err *e);

#endif
