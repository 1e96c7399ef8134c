/* One layer's blob into its tree, by a worker in the user namespace. */
#ifndef SLCT_TREEUNPACK_H
#define SLCT_TREEUNPACK_H

#include "src/build/trees_priv.h"

/* From t->tar, or the blob in the store, or with t->tail from the file that is still being written. Ends in
 * trees_finish(); but as long as t->arriving, it is only noted how it went. */
void treeunpack_start(struct tree_state *t);
/* The worker that fetched it has ended (*failed is set: without it, perhaps), and t->tail has come to its end: what is
 * to come of t. */
void treeunpack_arrived(struct tree_state *t, const struct err *failed);

#endif
