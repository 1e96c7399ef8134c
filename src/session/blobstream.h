/* Layers that are packed while they are pushed: one worker, in the user namespace of the trees, packs into temporary
 * files of the store; another one, which has the network and the logins, sends what is there. They share a table in
 * memory, and the files become blobs as they would without a push. */
#ifndef SLCT_BLOBSTREAM_H
#define SLCT_BLOBSTREAM_H

#include "registry/registry.h"
#include "src/session/blobs.h"

struct blobstream {
	struct blobs_request *r;
	size_t n;      /* layers that are to be packed: those without a digest in r->out */
	size_t *layer; /* their places in r->diff_ids */
	char **names;  /* temporary files, relative to the store */
	struct registry_stream *shared;
	bool borrowed;			  /* the table is the caller's */
	struct registry_stream **streams; /* into `shared`, for registry_push */
};

/* In the scheduler, before the workers start: files and table. r is borrowed; blobs_known() was called. table: memory
 * that the sending worker shares already, for as many layers as r has; NULL: some is made. */
int blobstream_open(struct blobstream *b, struct blobs_request *r, struct registry_stream *table, struct err *e);
/* A table for so many layers; NULL with *e. munmap() ends it. */
struct registry_stream *blobstream_table(size_t layers, struct err *e);
/* In the scheduler: whoever waits for more of what is not whole is told that nothing comes. */
void blobstream_give_up(struct blobstream *b);
/* After both have ended: files that did not become blobs go. */
void blobstream_close(struct blobstream *b);
/* Argument of the packing worker (WORKER_USERNS); its result goes to blobs_take(). */
int blobstream_pack(void *arg, struct worker *w, struct json **result, struct err *e);
/* In the pushing worker: open the file of one of them. */
int blobstream_attach_one(struct store *s, const char *name, struct registry_stream *to, struct err *e);
/* In the pushing worker: open the files. */
int blobstream_attach(struct blobstream *b, struct err *e);
/* In the pushing worker, when all are whole: fill r->out. */
void blobstream_take(struct blobstream *b);

#endif
