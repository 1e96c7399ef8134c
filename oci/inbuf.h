/* A source with look-ahead for decoders: a window on an rstream. */
#ifndef SLCT_INBUF_H
#define SLCT_INBUF_H

#include "src/util/stream.h"

#define INBUF_BYTES STREAM_BLOCK_BYTES

struct inbuf {
	struct rstream *src; /* borrowed */
	uint8_t *p;	     /* next byte */
	size_t n;	     /* bytes from p on */
	bool end;	     /* src has nothing more */
	uint64_t total;	     /* bytes taken from src so far */
	uint8_t mem[INBUF_BYTES];
};

void inbuf_init(struct inbuf *b, struct rstream *src);
/* Have at least `want` (<= INBUF_BYTES) bytes at p unless the end comes first; 0/-1. */
int inbuf_fill(struct inbuf *b, size_t want, struct err *e);
static inline void inbuf_skip(struct inbuf *b, size_t n)
{
	b->p += n;
	b->n -= n;
}
/* Whether the window begins with these bytes (call inbuf_fill before). */
static inline bool inbuf_starts(const struct inbuf *b, const void *magic, size_t n)
{
	return b->n >= n && memcmp(b->p, magic, n) == 0;
}
/* Take zeros up to the end; -1 (ERR_INTEGRITY, `what` names the format) if there is something else. */
int inbuf_skip_zeros(struct inbuf *b, const char *what, struct err *e);

#endif
