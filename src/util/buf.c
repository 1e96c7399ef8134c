/* Growable byte buffer with a mandatory maximum. */
#include "src/util/buf.h"

#include <stdarg.h>

#include "src/util/mem.h"

#define BUF_FIRST_BYTES 64

void buf_release(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT(b->max);
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->over = false;
	if (b->p)
		b->p[0] = '\0';
}

/* cap counts the NUL, max does not. */
static void buf_grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;

	while (cap <= need && cap <= SIZE_MAX / 2)
		cap *= 2;
	if (cap <= need)
		cap = need + 1;
	if (cap > b->max && b->max >= need && b->max < SIZE_MAX)
		cap = b->max + 1;
	b->p = mem_realloc(b->p, cap);
	b->cap = cap;
}

char *buf_reserve(struct buf *b, size_t n)
{
	size_t need;

	if (__builtin_add_overflow(b->n, n, &need) || need > b->max || need == SIZE_MAX) {
		b->over = true;
		return NULL;
	}
	if (need >= b->cap) {
		buf_grow(b, need);
		b->p[b->n] = '\0';
	}
	return b->p + b->n;
}

void buf_used(struct buf *b, size_t n)
{
	if (n > b->cap - b->n - (b->cap ? 1 : 0))
		abort(); /* the memory is already overrun */
	b->n += n;
	if (b->p)
		b->p[b->n] = '\0';
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = b->over ? NULL : buf_reserve(b, n);

	if (!to)
		return;
	if (n)
		memcpy(to, p, n);
	buf_used(b, n);
}

void buf_str_add(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_sv_add(struct buf *b, struct sv v)
{
	buf_add(b, v.p, v.n);
}

void buf_char_add(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->over = true;
		return;
	}
	buf_add(b, s, (size_t)n);
	free(s);
}

static void buf_escape_add(struct buf *b, char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *hit = c ? strchr(from, c) : NULL;
	unsigned char u = (unsigned char)c;

	if (hit) {
		buf_char_add(b, '\\');
		buf_char_add(b, to[hit - from]);
	} else if (u < 0x20 || u == 0x7f) {
		buf_printf(b, "\\u%04x", u);
	} else {
		buf_char_add(b, c);
	}
}

void buf_quoted_add(struct buf *b, const char *s)
{
	buf_char_add(b, '"');
	for (; *s; s++)
		buf_escape_add(b, *s);
	buf_char_add(b, '"');
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	b->p[b->n] = '\0';
}

const char *buf_str(const struct buf *b)
{
	return b->p ? b->p : "";
}

struct sv buf_sv(const struct buf *b)
{
	return sv_of(buf_str(b), b->n);
}

char *buf_steal(struct buf *b)
{
	char *s = b->p ? b->p : mem_strdup("");

	*b = BUF_INIT(b->max);
	return s;
}
