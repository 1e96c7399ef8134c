/* Ordered map from string to string or pointer: iteration is in the order of first insertion (what ENV and LABEL
 * need); look-up by hash. */
#ifndef SLCT_SMAP_H
#define SLCT_SMAP_H

#include "src/util/base.h"
#include "src/util/cleanup.h"

struct smap_item {
	char *key; /* owned */
	void *val; /* owned if the map has a free function */
	size_t hash;
};

struct smap {
	struct smap_item *v; /* items in order, v[0..n) */
	size_t n, cap;
	size_t *slot; /* open addressing, index + 1; 0 is empty */
	size_t slots;
	void (*free_val)(void *);
};

#define SMAP_INIT(free_fn) ((struct smap){.free_val = (free_fn)})
/* A map whose values are owned C strings: smap_set_str copies. */
#define SMAP_STR SMAP_INIT(free)

#define AUTO_SMAP AUTO(smap_release)
void smap_release(struct smap *m);
void *smap_get(const struct smap *m, const char *key); /* NULL if absent */
bool smap_has(const struct smap *m, const char *key);
/* Insert or replace; the value's ownership passes. A replaced key keeps its place. */
void smap_set(struct smap *m, const char *key, void *val);
void smap_set_str(struct smap *m, const char *key, const char *val);
/* Remove; returns whether it was there. */
bool smap_del(struct smap *m, const char *key);
void smap_copy_str(struct smap *to, const struct smap *from);

#endif
