/* Lower directories of a stack of layers. The first look for a name that is nowhere costs an overlay some microseconds
 * per lower directory, and the kernel takes 500 at most: a stack of more than LOWERS_PLAIN layers has rows of its
 * layers folded into one tree of hard links each (oci/merge.h).
 *
 * Rows have LOWERS_ROW^k layers and begin at multiples of that, so a stack that grows keeps its folds, n layers need
 * about LOWERS_ROW * log(n) lower directories, and each layer is folded log(n) times. Large layers, which cost most to
 * fold and are few, stay as they are and end the row that they would be in.
 *
 * A fold is made in the run's directory and gets its place in the store when the run ends, after the trees that it is
 * made of were made durable: what a crash leaves behind in the store is never half a fold. */
#ifndef SLCT_LOWERS_H
#define SLCT_LOWERS_H

#include "src/build/state.h"

#define LOWERS_PLAIN 16
#define LOWERS_ROW   8
/* A layer of this size or more is not folded, but for those beyond the first LOWERS_LARGE_MAX. */
#define LOWERS_LARGE_BYTES ((uint64_t)16 << 20)
#define LOWERS_LARGE_MAX   16

/* In the scheduler, before a worker that uses the rest is forked: look up what layers there are large. Without it
 * each call looks again. */
void lowers_learn(struct build *b, const struct digest_list *stack);
/* Paths relative to the store, bottom first, with the folds that are there. Release with strv_release. */
void lowers_paths(const struct build *b, const struct digest_list *stack, struct strv *out);
/* Whether folds are missing. */
bool lowers_missing(const struct build *b, const struct digest_list *stack);
/* Make them; in the user namespace. Needs b->tmp. */
int lowers_make(const struct build *b, const struct digest_list *stack, struct err *e);
/* Move the folds of this run to their place, in a worker; only after record_flush. */
void lowers_publish(struct build *b);

#endif
