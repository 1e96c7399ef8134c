/* Asking the remote caches for keys. */
#ifndef SLCT_CACHEREAD_H
#define SLCT_CACHEREAD_H

#include "src/build/state.h"

struct cacheread_key {
	struct ckey key;
	size_t stage; /* that asks */
};

struct cacheread_keys {
	struct cacheread_key *v;
	size_t n, cap;
};

/* Ask the places of --cache-from, in their order, each for all keys of stages that it is for at once; answers that
 * carry their key go into b->hits. A place that cannot be asked is a warning and the build goes on without it, unless
 * it is `required`. */
int cacheread_remote(struct build *b, const struct cacheread_keys *keys, struct err *e);

/* Records of stages (cachewhy.h): for keys[i], whose tag with the suffix names one, fn gets the manifests of all places
 * that have it, in their order. Places that cannot be asked are left out. */
typedef void cacheread_why_fn(void *ctx, size_t i, const struct manifest *m);
void cacheread_whys(struct build *b, const struct cacheread_keys *keys, cacheread_why_fn *fn, void *ctx);

/* The same for one content key while the build runs: in a worker that asks one repository after the other. done is
 * called once, whether there was an answer or not; 0, or -1 if there is nobody to ask (done is not called then). */
typedef void cacheread_done_fn(void *ctx);
int cacheread_later(struct build *b, size_t stage, const struct ckey *key, cacheread_done_fn *done, void *ctx);

#endif
