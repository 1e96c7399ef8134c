/* One entry of --cache-to after the other, each to one place after the other: is it there already? Else its layers are
 * packed by one worker while another one (cachesend.h) sends what there is of them; blobs first, manifest last. */
#ifndef SLCT_CACHEUPLOAD_H
#define SLCT_CACHEUPLOAD_H

#include "src/build/cachesend.h"
#include "src/build/state.h"
#include "src/session/blobs.h"
#include "src/session/blobstream.h"

struct cacheupload_entry {
	size_t stage, step;
	struct ckey input, content;
	struct digest_list stack;
	char *made;
	int64_t built; /* seconds since 1970 */
	bool replace;  /* a forced build replaces a live entry */
	char *why;     /* no entry, but the record of a stage, whose tag follows from `input`; NULL */
	bool use;      /* no entry, but what was read there (cacheuse.h) */
};

struct cacheupload_target {
	const struct cachepick_place *place;
	struct cachesend *send; /* NULL: not started */
	struct smap layers;	/* diff ids of its live entries */
	bool *wrote;		/* by stage: an entry of it was written */
	bool broken;		/* it failed once and is left alone for the rest of the build */
};

struct uploads {
	struct build *b;
	struct cacheupload_target *to;
	size_t nto;
	VEC_OF(struct cacheupload_entry *) queue; /* pointers: workers' arguments point into them */
	size_t next;				  /* entry at work, or to be done next */
	size_t target;				  /* at work */
	bool active;
	bool failed;		 /* a required cache could not be written */
	enum cachejob_kind sent; /* what is sent now */
	bool last;		 /* what follows the entries is in the queue */
	/* of the entry and target at work: */
	struct descriptor *descs; /* of the layers; unset: unknown */
	char **from;		  /* a blob that is not here: the place that has it; NULL: it is here, or was */
	bool assumed;		  /* some blobs are believed to be there, or to be mounted */
	bool certain;		  /* that was tried and failed: blobs are fetched or made */
	struct blobs_request request;
	struct blobstream streams;
	unsigned working; /* workers at it */
	struct json *packed;
	struct err pack_err, send_err;
};

/* Take up the entry at `next`, if no other is at work; those behind it follow by themselves, from the loop. */
void cacheupload_begin(struct uploads *u);

#endif
