/* Files of a commit beside the working copy, without touching the repository: the git program writes them into a
 * directory of their own through an index of their own. Submodules are taken from where they are checked out here. */
#ifndef SLCT_GITTREE_H
#define SLCT_GITTREE_H

#include "src/util/err.h"

/* Root of the repository that a directory lies in; NULL with *e if it lies in none, or there is no git. Caller frees.
 */
char *gittree_root(const char *dir, struct err *e);
/* The last tag of the main branch (origin's, else HEAD). ERR_INPUT if there is none. Caller frees. */
char *gittree_last_tag(const char *root, struct err *e);
/* Write the tree of a commit below `to`, which is there and empty. ERR_INPUT: git does not know the commit, or a
 * submodule's. */
int gittree_write(const char *root, const char *commit, const char *to, struct err *e);

#endif
