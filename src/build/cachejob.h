/* What the scheduler tells the worker that writes a remote cache: one entry, as JSON in memory that both share. */
#ifndef SLCT_CACHEJOB_H
#define SLCT_CACHEJOB_H

#include "oci/descriptor.h"
#include "src/cache/ckey.h"
#include "src/util/json.h"

enum cachejob_kind {
	CACHEJOB_ASK, /* whether the entry is there */
	CACHEJOB_WRITE,
	CACHEJOB_WHY, /* `text` under the tag of `input`: see cachewhy.h */
	CACHEJOB_USE, /* `text` is the note of the day `built`: see cacheuse.h */
};

struct cachejob_layer {
	struct digest diff_id;
	struct descriptor blob; /* unset: it is being made */
	char *from;		/* blob that is not in the store: the place (cacheopt.h) that has it; NULL */
	bool there;		/* a live entry of the cache has this layer: most likely the same blob */
	char *stream;		/* temporary file in which it appears, relative to the store; NULL */
};

struct cachejob {
	enum cachejob_kind kind;
	size_t stage, step; /* of the plan */
	struct ckey input, content;
	char *made;		       /* clocal.made */
	int64_t built;		       /* seconds since 1970 */
	bool replace;		       /* a live entry is replaced */
	bool fetch;		       /* bring what is not in the store there first */
	char *text;		       /* WHY */
	struct cachejob_layer *layers; /* bottom first */
	size_t n, cap;
};

void cachejob_release(struct cachejob *j);
#define AUTO_CACHEJOB AUTO(cachejob_release)
/* A new layer at the end, zero but for its diff id; borrowed until the next one. */
struct cachejob_layer *cachejob_add(struct cachejob *j, const struct digest *diff_id);
struct json *cachejob_to_json(const struct cachejob *j);
/* ERR_INTERNAL: both sides are ours. *out is to be released whatever comes. */
int cachejob_from_json(const struct json *from, struct cachejob *out, struct err *e);

#endif
