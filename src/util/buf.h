/* Growable byte buffer with a mandatory maximum.
 *
 * The contents are always followed by a NUL that does not count, so buf_str() is a C string. An append beyond the
 * maximum is not done and sets `over`, which sticks: callers check once at the end. */
#ifndef SLCT_BUF_H
#define SLCT_BUF_H

#include "src/util/base.h"
#include "src/util/cleanup.h"
#include "src/util/sv.h"

struct buf {
	char *p; /* NULL until the first append */
	size_t n, cap, max;
	bool over;
};

/* For text that slct itself makes and whose size its own inputs bound. */
#define BUF_TEXT_MAX	((size_t)64 << 20)
#define BUF_INIT(limit) ((struct buf){.max = (limit)})

void buf_release(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory and the maximum */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str_add(struct buf *b, const char *s);
void buf_sv_add(struct buf *b, struct sv v);
void buf_char_add(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* s as a JSON string with quotes (also right for messages: control characters become escapes). */
void buf_quoted_add(struct buf *b, const char *s);
/* Room for n more bytes at the end (b->p + b->n); NULL beyond the maximum. Add what was used to b->n with buf_used. */
char *buf_reserve(struct buf *b, size_t n);
void buf_used(struct buf *b, size_t n);
/* Drop n bytes at the front. */
void buf_consume(struct buf *b, size_t n);
/* Contents as a C string ("" if empty); valid until the next change. */
const char *buf_str(const struct buf *b);
struct sv buf_sv(const struct buf *b);
/* Give the C string away (caller frees); the buffer is empty afterwards. */
char *buf_steal(struct buf *b);

#define AUTO_BUF AUTO(buf_release)

#endif
