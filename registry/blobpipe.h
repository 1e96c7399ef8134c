/* A blob of one registry for another one, without a file between: what comes is passed on as soon as it is there.
 *
 * The one who sends it on asks for bytes by their offset. They are hashed in that order, and the last one is not given
 * before all of them have the digest: nobody can close an upload of wrong bytes. A wrong digest is fetched once more.
 * What was cut goes on by Range. Going back (an upload that broke) fetches again, from the last mark at most. Memory is
 * BLOBPIPE_BYTES, whatever the size. */
#ifndef SLCT_BLOBPIPE_H
#define SLCT_BLOBPIPE_H

#include "oci/descriptor.h"
#include "registry/regsession.h"

/* What is fetched ahead. Not less than the transport gives at once. */
#define BLOBPIPE_BYTES ((size_t)1 << 20)

struct blobpipe;

/* All is borrowed. more() says that there is something again after a WAIT; it may come from inside of a callback of the
 * transport's. No request is sent before the first byte is asked for. */
struct blobpipe *blobpipe_new(struct regsession_pool *p, const struct regconf_places *from, const struct descriptor *d,
			      void (*more)(void *arg), void *arg);
void blobpipe_free(struct blobpipe *b); /* NULL is fine */
/* Up to n bytes from offset off: the number, HTTP_WAIT, or -1. */
ssize_t blobpipe_read(struct blobpipe *b, uint64_t off, void *p, size_t n, struct err *e);
/* Going back to what is read next, or behind it, does not begin at 0. */
void blobpipe_mark(struct blobpipe *b);
/* Whether the last -1 was a wrong digest for the first time: then all is to be read again, from 0. Asking resets it. */
bool blobpipe_again(struct blobpipe *b);

#endif
