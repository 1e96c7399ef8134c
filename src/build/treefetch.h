/* Layers on their way: one worker, and so one client with its connections and tokens, fetches the blobs of one
 * repository, and each is unpacked while it arrives. */
#ifndef SLCT_TREEFETCH_H
#define SLCT_TREEFETCH_H

#include "registry/registry.h"
#include "src/build/trees_priv.h"
#include "src/session/worker.h"

struct treefetch {
	struct build *b;
	struct blobtail *tails; /* shared with the workers */
	size_t room;		/* of them, and of v */
	struct tree_state **v;	/* by the blobs' places; NULL: nobody waits for that one */
	uint64_t *told;		/* in the worker: bytes of each that the scheduler knows of */
	struct worker *w;
};

/* In the scheduler, before the worker starts: for at most `room` blobs. */
int treefetch_open(struct treefetch *f, struct build *b, size_t room, struct err *e);
/* t's blob is the one in that place. From now on it arrives. */
void treefetch_put(struct treefetch *f, size_t place, struct tree_state *t);
/* A message of the worker; others than ours are left alone. */
void treefetch_message(struct treefetch *f, const struct json *j);
/* After the worker has ended, with *e if it failed; f is released. Without treefetch_open() nothing happens. */
void treefetch_end(struct treefetch *f, const struct err *e);

/* In the worker: the blobs into the store. f->w is the worker. */
int treefetch_run(struct treefetch *f, struct registry *reg, const struct ref *repo,
		  const struct descriptor *const *blobs, size_t n, struct err *e);

/* In the scheduler: fetch the blobs of these (each with its t->repo) and unpack them, a worker for each repository. */
void treefetch_start(struct build *b, struct tree_state *const *v, size_t n);
void treefetch_release(struct build *b); /* jobs that never began */

#endif
