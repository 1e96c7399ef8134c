/* Streams: the common part, the ends (descriptor, memory, nothing) and the decorators (hash, limit). */
#include "src/util/stream.h"

#include <errno.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"

/* After a failure the first error is what counts; a caller with a fresh one must not take this for success. */
static int stream_stuck(struct err *e)
{
	return err_is_set(e) ? -1 : err_set(e, ERR_INTERNAL, "the stream failed before");
}

ssize_t stream_read(struct rstream *s, void *p, size_t n, struct err *e)
{
	ssize_t r;

	if (s->failed)
		return stream_stuck(e);
	r = s->read(s, p, n, e);
	s->failed = r < 0;
	return r;
}

ssize_t stream_read_full(struct rstream *s, void *p, size_t n, struct err *e)
{
	char *c = p;
	size_t done = 0;

	while (done < n) {
		ssize_t r = stream_read(s, c + done, n - done, e);

		if (r < 0)
			return -1;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

int stream_write(struct wstream *s, const void *p, size_t n, struct err *e)
{
	if (s->failed)
		return stream_stuck(e);
	s->failed = s->write(s, p, n, e) < 0;
	return s->failed ? -1 : 0;
}

int stream_finish(struct wstream *s, struct err *e)
{
	if (s->failed)
		return stream_stuck(e);
	s->failed = s->finish && s->finish(s, e) < 0;
	return s->failed ? -1 : 0;
}

void stream_rclose(struct rstream *s)
{
	if (s)
		s->close(s);
}

void stream_wclose(struct wstream *s)
{
	if (s)
		s->close(s);
}

int64_t stream_pump(struct rstream *r, struct wstream *w, struct err *e)
{
	AUTO_FREE char *block = mem_alloc(STREAM_BLOCK_BYTES);
	int64_t sum = 0;
	ssize_t n;

	while ((n = stream_read(r, block, STREAM_BLOCK_BYTES, e)) > 0) {
		if (stream_write(w, block, (size_t)n, e) < 0)
			return -1;
		sum += n;
	}
	return n < 0 ? -1 : sum;
}

static struct rstream *stream_new_r(ssize_t (*read_fn)(struct rstream *, void *, size_t, struct err *),
				    void (*close_fn)(struct rstream *), void *self)
{
	struct rstream *s = mem_new(struct rstream);

	*s = (struct rstream){.read = read_fn, .close = close_fn, .self = self};
	return s;
}

static struct wstream *stream_new_w(int (*write_fn)(struct wstream *, const void *, size_t, struct err *),
				    int (*finish_fn)(struct wstream *, struct err *),
				    void (*close_fn)(struct wstream *), void *self)
{
	struct wstream *s = mem_new(struct wstream);

	*s = (struct wstream){.write = write_fn, .finish = finish_fn, .close = close_fn, .self = self};
	return s;
}

struct stream_fd {
	int fd;
	bool own;
	char *what;
};

static struct stream_fd *stream_fd_new(int fd, bool own, const char *what)
{
	struct stream_fd *f = mem_new(struct stream_fd);

	*f = (struct stream_fd){fd, own, mem_strdup(what)};
	return f;
}

static void stream_fd_free(struct stream_fd *f)
{
	if (f->own)
		close(f->fd);
	free(f->what);
	free(f);
}

static ssize_t stream_fd_read(struct rstream *s, void *p, size_t n, struct err *e)
{
	const struct stream_fd *f = s->self;
	ssize_t r;

	do
		r = read(f->fd, p, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, ERR_HOST, errno, "cannot read %s", f->what) : r;
}

static void stream_fd_rclose(struct rstream *s)
{
	stream_fd_free(s->self);
	free(s);
}

struct rstream *stream_from_fd(int fd, bool own, const char *what)
{
	return stream_new_r(stream_fd_read, stream_fd_rclose, stream_fd_new(fd, own, what));
}

static int stream_fd_write(struct wstream *s, const void *p, size_t n, struct err *e)
{
	const struct stream_fd *f = s->self;

	return io_write_all(f->fd, p, n, f->what, e);
}

static void stream_fd_wclose(struct wstream *s)
{
	stream_fd_free(s->self);
	free(s);
}

struct wstream *stream_to_fd(int fd, bool own, const char *what)
{
	return stream_new_w(stream_fd_write, NULL, stream_fd_wclose, stream_fd_new(fd, own, what));
}

static ssize_t stream_bytes_read(struct rstream *s, void *p, size_t n, struct err *e ATTR_UNUSED)
{
	struct sv *left = s->self;
	struct sv head = sv_sub(*left, 0, n);

	if (head.n)
		memcpy(p, head.p, head.n);
	*left = sv_sub(*left, head.n, left->n);
	return (ssize_t)head.n;
}

static void stream_bytes_close(struct rstream *s)
{
	free(s->self);
	free(s);
}

struct rstream *stream_from_bytes(const void *p, size_t n)
{
	struct sv *left = mem_new(struct sv);

	*left = sv_of(p, n);
	return stream_new_r(stream_bytes_read, stream_bytes_close, left);
}

struct stream_sum {
	struct rstream *src; /* one of the two */
	struct wstream *dst;
	struct hash *h;
	uint64_t *count;
};

static void stream_sum_add(const struct stream_sum *t, const void *p, size_t n)
{
	if (t->h)
		hash_add(t->h, p, n);
	if (t->count)
		*t->count += n;
}

static ssize_t stream_sum_read(struct rstream *s, void *p, size_t n, struct err *e)
{
	const struct stream_sum *t = s->self;
	ssize_t r = stream_read(t->src, p, n, e);

	if (r > 0)
		stream_sum_add(t, p, (size_t)r);
	return r;
}

static void stream_sum_rclose(struct rstream *s)
{
	struct stream_sum *t = s->self;

	stream_rclose(t->src);
	free(t);
	free(s);
}

struct rstream *stream_hash_r(struct rstream *src, struct hash *h, uint64_t *count)
{
	struct stream_sum *t = mem_new(struct stream_sum);

	*t = (struct stream_sum){.src = src, .h = h, .count = count};
	return stream_new_r(stream_sum_read, stream_sum_rclose, t);
}

static int stream_sum_write(struct wstream *s, const void *p, size_t n, struct err *e)
{
	const struct stream_sum *t = s->self;

	if (stream_write(t->dst, p, n, e) < 0)
		return -1;
	stream_sum_add(t, p, n);
	return 0;
}

static int stream_sum_finish(struct wstream *s, struct err *e)
{
	const struct stream_sum *t = s->self;

	return stream_finish(t->dst, e);
}

static void stream_sum_wclose(struct wstream *s)
{
	struct stream_sum *t = s->self;

	stream_wclose(t->dst);
	free(t);
	free(s);
}

struct wstream *stream_hash_w(struct wstream *dst, struct hash *h, uint64_t *count)
{
	struct stream_sum *t = mem_new(struct stream_sum);

	*t = (struct stream_sum){.dst = dst, .h = h, .count = count};
	return stream_new_w(stream_sum_write, stream_sum_finish, stream_sum_wclose, t);
}

static int stream_null_write(struct wstream *s ATTR_UNUSED, const void *p ATTR_UNUSED, size_t n ATTR_UNUSED,
			     struct err *e ATTR_UNUSED)
{
	return 0;
}

static void stream_null_close(struct wstream *s)
{
	free(s);
}

struct wstream *stream_null(void)
{
	return stream_new_w(stream_null_write, NULL, stream_null_close, NULL);
}
