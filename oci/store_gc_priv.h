/* Internal to store_gc: a run, and what marking and sweeping share. */
#ifndef SLCT_STORE_GC_PRIV_H
#define SLCT_STORE_GC_PRIV_H

#include "oci/store_gc.h"
#include "oci/store_priv.h"

struct store_gc_run {
	struct store *s;
	struct smap blobs, layers; /* sets of digest texts */
	struct smap lists;	   /* of files of contexts, by the digests of their trees */
	int64_t cutoff;		   /* seconds; cache records used before are garbage */
	bool dry_run;
	struct store_gc_stats *stats;
};

/* --- store_gc_mark.c --- */
/* Whether it was not in the set yet. What is not set never is. */
bool store_gc_add(struct smap *set, const struct digest *d);
/* 0 and the error dropped if it is of this kind, else -1: what merely cannot be read must not count as gone. */
int store_gc_forgive(struct err *e, enum err_code code);
/* The layers, and the compressed blobs that are known of them. */
int store_gc_mark_layers(struct store_gc_run *g, const struct digest_list *l, struct err *e);
/* All that image records and the tags of index.json reach. A damaged document is an error: nobody knows what it keeps.
 */
int store_gc_mark_images(struct store_gc_run *g, struct err *e);
int store_gc_mark_tags(struct store_gc_run *g, struct err *e);

#endif
