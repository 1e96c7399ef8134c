/* --cache-to: writing finished steps into remote caches, in the background. */
#ifndef SLCT_CACHEWRITE_H
#define SLCT_CACHEWRITE_H

#include "src/build/state.h"

/* Nothing happens without --cache-to. */
void cachewrite_init(struct build *b);
/* Queue a step that has just been built. */
void cachewrite_step(struct build *b, size_t stage, size_t step, const struct ckey *content);
/* Queue what the local cache answered. */
void cachewrite_cached(struct build *b);
/* Nothing is left to do, and the workers have ended: they are told to when all else is over, so ask last. */
bool cachewrite_over(struct build *b);
void cachewrite_release(struct build *b);

#endif
