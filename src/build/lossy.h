/* Layers of which this tier could not keep something (an attribute that the kernel refuses, an access list with ids
 * that are nobody's here). What is built upon them may differ from what another tier builds: it is recorded under keys
 * of this form alone, and never goes into a remote cache. */
#ifndef SLCT_LOSSY_H
#define SLCT_LOSSY_H

#include "src/build/state.h"

/* A tree of this run's form; remembered in the layer's record. */
void lossy_mark(struct build *b, const struct digest *diff_id);
bool lossy_stack(struct build *b, const struct digest_list *stack);
/* The key under which a result that stands on such a layer is kept. */
void lossy_key(const struct build *b, const struct ckey *key, struct ckey *out);

#endif
