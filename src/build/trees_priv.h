/* What the files that make layer trees share. */
#ifndef SLCT_TREES_PRIV_H
#define SLCT_TREES_PRIV_H

#include "oci/blobtail.h"
#include "src/session/reform.h"
#include "src/build/state.h"

enum trees_making { TREES_PRESENT, TREES_MAKING, TREES_FAILED };

struct trees_waiter;

struct tree_state {
	enum trees_making state;
	struct build *b;
	struct digest diff_id;
	struct descriptor blob;
	char *repo; /* where to fetch the blob, NULL: it is in the store */
	char *form; /* it is there in this form and becomes a tar of that name; NULL: there is a blob */
	char *tar;
	struct reform reform;
	char *what; /* image or stage, for messages */
	char *dir;  /* being unpacked, relative to the store */
	VEC_OF(struct trees_waiter *) waiters;
	/* while its blob is on its way (treefetch.h): */
	bool arriving;	       /* the worker that fetches has not ended */
	bool unpacking;	       /* a worker is at it */
	bool made;	       /* unpacked: present when that one has ended */
	bool lost;	       /* it could not be fetched: err says why */
	bool misled;	       /* what it was unpacked from was wrong, or never came */
	char *file;	       /* where the bytes go, relative to the store */
	struct blobtail *tail; /* it is unpacked from there; NULL: from the blob */
	struct err err;	       /* why it was not unpacked */
};

/* A new state, nothing of it begun; NULL: somebody makes it, or it is there. Borrowed. */
struct tree_state *trees_expect(struct build *b, const struct digest *diff_id, const struct descriptor *blob,
				const char *what);
/* The last word about t: *e set or not. A waiter may ask for the same layer again, which after a failure makes a new
 * state: t is not used any more then. */
void trees_finish(struct tree_state *t, struct err *e);
/* *to is set as *from, if it is not set yet. */
void trees_copy_error(struct err *to, const struct err *from);

#endif
