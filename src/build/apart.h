/* Trees of a stack that have inodes of other trees of it (oci/shares.h). A layer's tree is shared by all stacks with
 * that layer, and was linked when it was made for one of them: in another one, its files may meet their other names. */
#ifndef SLCT_APART_H
#define SLCT_APART_H

#include "src/build/state.h"

/* By index of the stack: whether a copy with inodes of its own must stand for the tree. NULL: none, which is the rule.
 * The caller frees it. In whatever process can read the trees; what cannot be read counts as shared. */
bool *apart_find(const struct build *b, const struct digest_list *stack);

#endif
