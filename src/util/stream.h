/* One pull-stream and one push-stream interface; decorators stack. An error sticks to the stream: after the first
 * failure reads and writes do nothing and fail again, so loop bodies need not branch; check the last call.
 *
 * Makers of streams fill the functions and leave the rest zero; users call only the functions below. */
#ifndef SLCT_STREAM_H
#define SLCT_STREAM_H

#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/hash.h"

#define STREAM_BLOCK_BYTES ((size_t)128 << 10)

struct rstream {
	/* Up to n bytes into p; 0 at the end; -1 on error with *e set. */
	ssize_t (*read)(struct rstream *s, void *p, size_t n, struct err *e);
	void (*close)(struct rstream *s); /* frees s, closes what it owns (decorators close their source) */
	void *self;
	bool failed; /* kept by stream_read */
};

struct wstream {
	int (*write)(struct wstream *s, const void *p, size_t n, struct err *e);
	int (*finish)(struct wstream *s, struct err *e); /* flush what is held back; not yet durable; may be NULL */
	void (*close)(struct wstream *s);
	void *self;
	bool failed; /* kept by stream_write and stream_finish */
};

/* 1 to n bytes, 0 at the end, -1 with *e. After a failure every further call fails. */
ssize_t stream_read(struct rstream *s, void *p, size_t n, struct err *e);
/* Exactly n bytes unless the end comes first; returns the number. */
ssize_t stream_read_full(struct rstream *s, void *p, size_t n, struct err *e);
int stream_write(struct wstream *s, const void *p, size_t n, struct err *e);
int stream_finish(struct wstream *s, struct err *e);
void stream_rclose(struct rstream *s); /* NULL is fine */
void stream_wclose(struct wstream *s);
/* Everything from r to w; returns bytes or -1. */
int64_t stream_pump(struct rstream *r, struct wstream *w, struct err *e);

/* own: the descriptor is closed with the stream. what: names it in errors; copied. */
struct rstream *stream_from_fd(int fd, bool own, const char *what);
struct rstream *stream_from_bytes(const void *p, size_t n); /* borrowed */
struct wstream *stream_to_fd(int fd, bool own, const char *what);
/* Adds what passes to h and counts it; h and count are borrowed and may be NULL. */
struct rstream *stream_hash_r(struct rstream *src, struct hash *h, uint64_t *count);
struct wstream *stream_hash_w(struct wstream *dst, struct hash *h, uint64_t *count);
struct wstream *stream_null(void);

#endif
