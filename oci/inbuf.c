/* A source with look-ahead for decoders. */
#include "oci/inbuf.h"

void inbuf_init(struct inbuf *b, struct rstream *src)
{
	b->src = src;
	b->p = b->mem;
	b->n = 0;
	b->end = false;
	b->total = 0;
}

int inbuf_fill(struct inbuf *b, size_t want, struct err *e)
{
	if (b->n >= want || b->end)
		return 0;
	memmove(b->mem, b->p, b->n);
	b->p = b->mem;
	while (b->n < want && !b->end) {
		ssize_t got = stream_read(b->src, b->mem + b->n, sizeof b->mem - b->n, e);

		if (got < 0)
			return -1;
		b->end = got == 0;
		b->n += (size_t)got;
		b->total += (uint64_t)got;
	}
	return 0;
}

int inbuf_skip_zeros(struct inbuf *b, const char *what, struct err *e)
{
	for (;;) {
		if (inbuf_fill(b, 1, e) < 0)
			return -1;
		if (!b->n)
			return 0;
		for (size_t i = 0; i < b->n; i++)
			if (b->p[i])
				return err_set(e, ERR_INTEGRITY,
					       "%s: foreign bytes after the end of the data, at byte %llu", what,
					       (unsigned long long)(b->total - b->n + i));
		inbuf_skip(b, b->n);
	}
}
