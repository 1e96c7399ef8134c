/* Blocks through a codec by several threads, out in order: bytes are the same for any number of threads. */
#ifndef SLCT_BLOCKRING_H
#define SLCT_BLOCKRING_H

#include "oci/codec.h"

struct blockring;

/* dst is borrowed and written by one thread at a time. threads <= 1 compresses in the caller. Threads begin with the
 * second block, so a small stream has none. */
struct blockring *blockring_new(const struct codec_enc *enc, int level, unsigned threads, size_t block_bytes,
				struct wstream *dst);
int blockring_write(struct blockring *r, const void *p, size_t n, struct err *e);
/* Compress and write what is left, and the stream's tail. Ends the threads. */
int blockring_finish(struct blockring *r, struct err *e);
void blockring_free(struct blockring *r); /* NULL is fine; ends the threads */

#endif
