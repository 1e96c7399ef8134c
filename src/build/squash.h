/* --squash: everything above the base image as one layer. What was built stays in the cache step by step; only the
 * goal's image is another. */
#ifndef SLCT_SQUASH_H
#define SLCT_SQUASH_H

#include "src/build/state.h"

/* Replace layers and history of a finished goal's config (result_config) by the base image's, one layer, and the
 * history that docker writes: the steps' entries without layers, and one for the merge. Without layers above the base
 * nothing changes. The layer is a function of the stack alone. ERR_HOST, ERR_REGISTRY (layers that are not here yet).
 */
int squash_goal(struct build *b, size_t stage, struct imgconfig *config, struct err *e);

#endif
