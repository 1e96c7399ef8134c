/* --cache-to: writing finished steps into remote caches, in the background. */
#ifndef SLCT_UPLOAD_H
#define SLCT_UPLOAD_H

#include "src/build/state.h"

/* Parse --cache-to; nothing happens without it. */
int upload_init(struct build *b, struct err *e);
/* Queue a step that has just been built. */
void upload_step(struct build *b, size_t stage, size_t step, const struct ckey *content);
/* Queue what the local cache answered. */
void upload_cached(struct build *b);
bool upload_busy(const struct build *b);
void upload_release(struct build *b);

#endif
