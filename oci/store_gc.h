/* Reachability and verification of the store. */
#ifndef SLCT_STORE_GC_H
#define SLCT_STORE_GC_H

#include "oci/store.h"

struct store_gc_stats {
	uint64_t blobs, layers, records; /* deleted */
	uint64_t bytes;			 /* freed, as far as known */
	uint64_t kept;
	uint64_t kept_bytes; /* of what stays: blobs by their size, layers by that of their tar, as far as known */
};
/* Mark from images/, index.json and cache records used within keep_ns (0: none of them), delete the rest. Needs the
 * exclusive store. Trees go to trash/ and are removed by store_empty_trash. dry_run only counts. */
int store_gc(struct store *s, int64_t keep_ns, bool dry_run, struct store_gc_stats *out, struct err *e);

/* Problems found by fsck are given one by one to fn (text for people). Verifies: layout file, every blob's digest,
 * every record's references, and for each layer tree `verify_tree` (re-tar and compare; supplied by the caller because
 * it runs in the trees' user namespace; NULL: skipped). arg goes to both functions. Returns the number of problems or
 * -1. */
typedef void store_problem_fn(void *arg, const char *text);
typedef int store_verify_tree_fn(void *arg, const char *form, const struct digest *diff_id, struct digest *found,
				 struct err *e);
int store_fsck(struct store *s, store_verify_tree_fn *verify_tree, store_problem_fn *fn, void *arg, struct err *e);

#endif
