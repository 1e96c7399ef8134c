/* Replaces texts in a stream by "***", also where they are cut into pieces. What may be the beginning of one is held
 * back until it is known. */
#ifndef SLCT_MASKSTREAM_H
#define SLCT_MASKSTREAM_H

#include "src/util/buf.h"

struct maskstream_text {
	const char *p;
	size_t n;
};

struct maskstream {
	struct maskstream_text *v; /* longest first */
	size_t n, cap;
	bool first[256]; /* a text begins with this byte */
	struct buf held;
};

/* max: bytes of the longest text and of one piece of input together. */
void maskstream_init(struct maskstream *m, size_t max);
/* A new one of all secrets that this process knows (log.h), which are borrowed; NULL if it knows none. piece: bytes of
 * one piece of input. The caller releases and frees it. */
struct maskstream *maskstream_of_secrets(size_t piece);
void maskstream_release(struct maskstream *m);
/* The text is borrowed; an empty one is ignored. */
void maskstream_add(struct maskstream *m, const char *p, size_t n);
/* Appends to out. */
void maskstream_feed(struct maskstream *m, const char *p, size_t n, struct buf *out);
void maskstream_end(struct maskstream *m, struct buf *out);

#endif
