/* Blocks through a codec by several threads, out in order.
 *
 * The caller fills a block and hands it over; threads take blocks in order and compress them; whoever finishes the
 * head block writes it and all finished ones behind it. So there is no writer thread that waits, and no more than
 * RING_BLOCKS blocks are in memory. */
#include "oci/blockring.h"

#include <pthread.h>
#include <signal.h>

#include "src/util/mem.h"

#define RING_BLOCKS	 12
#define RING_THREADS_MAX 4

enum ring_state { RING_FREE, RING_FULL, RING_BUSY, RING_READY };

struct ring_block {
	enum ring_state state;
	uint8_t *in, *out; /* allocated at first use */
	size_t n, nout;
	uint32_t crc;
};

struct blockring {
	const struct codec_enc *enc;
	int level;
	unsigned threads;
	size_t block_bytes, cap;
	struct wstream *dst;
	struct codec_sum sum; /* of what was written; used by who writes */
	bool begun;	      /* the head was written */
	void *own;	      /* encoder of the caller, if it compresses itself */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct ring_block block[RING_BLOCKS];
	uint64_t put, take, out; /* blocks handed over, taken, written; out <= take <= put */
	bool writing, end, failed;
	struct err err; /* first failure */
	pthread_t thread[RING_THREADS_MAX];
	unsigned started;
};

struct blockring *blockring_new(const struct codec_enc *enc, int level, unsigned threads, size_t block_bytes,
				struct wstream *dst)
{
	struct blockring *r = mem_new(struct blockring);

	r->enc = enc;
	r->level = level;
	r->threads = threads > RING_THREADS_MAX ? RING_THREADS_MAX : threads;
	r->block_bytes = block_bytes;
	r->cap = enc->bound(block_bytes);
	r->dst = dst;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	return r;
}

static struct ring_block *ring_at(struct blockring *r, uint64_t i)
{
	return &r->block[i % RING_BLOCKS];
}

/* The block that the caller fills. */
static struct ring_block *ring_head(struct blockring *r)
{
	struct ring_block *b = ring_at(r, r->put);

	if (!b->in) {
		b->in = mem_alloc(r->block_bytes);
		b->out = mem_alloc(r->cap);
	}
	return b;
}

static int ring_compress(struct blockring *r, void *enc, struct ring_block *b, struct err *e)
{
	b->nout = r->enc->block(enc, b->in, b->n, b->out, r->cap, &b->crc);
	return b->nout ? 0 : err_set(e, ERR_INTERNAL, "the compressor refused a block of %zu bytes", b->n);
}

static int ring_begin(struct blockring *r, struct err *e)
{
	uint8_t head[32];
	size_t n;

	if (r->begun)
		return 0;
	r->begun = true;
	n = r->enc->head(r->level, head);
	return n ? stream_write(r->dst, head, n, e) : 0;
}

static int ring_emit(struct blockring *r, const struct ring_block *b, struct err *e)
{
	if (ring_begin(r, e) < 0 || stream_write(r->dst, b->out, b->nout, e) < 0)
		return -1;
	r->enc->add(&r->sum, b->crc, b->n);
	return 0;
}

/* --- threads; the lock is held at the beginning and end of these functions --- */

static void ring_fail(struct blockring *r, struct err *e)
{
	if (!r->failed)
		err_move(&r->err, e);
	r->failed = true;
	err_release(e);
}

static void ring_drain(struct blockring *r)
{
	r->writing = true;
	while (!r->failed && r->out < r->take && ring_at(r, r->out)->state == RING_READY) {
		struct ring_block *b = ring_at(r, r->out);
		struct err e = ERR_INIT;
		int bad;

		pthread_mutex_unlock(&r->lock);
		bad = ring_emit(r, b, &e);
		pthread_mutex_lock(&r->lock);
		if (bad)
			ring_fail(r, &e);
		b->state = RING_FREE;
		b->n = 0;
		r->out++;
		pthread_cond_broadcast(&r->changed);
	}
	r->writing = false;
}

static void ring_take(struct blockring *r, void *enc)
{
	struct ring_block *b = ring_at(r, r->take++);
	struct err e = ERR_INIT;
	int bad;

	b->state = RING_BUSY;
	pthread_mutex_unlock(&r->lock);
	bad = ring_compress(r, enc, b, &e);
	pthread_mutex_lock(&r->lock);
	b->state = RING_READY;
	if (bad)
		ring_fail(r, &e);
	pthread_cond_broadcast(&r->changed);
}

static void *ring_thread(void *arg)
{
	struct blockring *r = arg;
	void *enc = r->enc->open(r->level);

	pthread_mutex_lock(&r->lock);
	while (!r->failed) {
		if (!r->writing && r->out < r->take && ring_at(r, r->out)->state == RING_READY)
			ring_drain(r);
		else if (r->take < r->put)
			ring_take(r, enc);
		else if (r->end)
			break; /* whoever holds the last blocks writes them */
		else
			pthread_cond_wait(&r->changed, &r->lock);
	}
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	r->enc->close(enc);
	return NULL;
}

/* Signals stay with the caller's thread. Where no thread can be made, the caller compresses. */
static void ring_start(struct blockring *r)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (r->started < r->threads && pthread_create(&r->thread[r->started], NULL, ring_thread, r) == 0)
		r->started++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!r->started)
		r->threads = 0;
}

static void ring_join(struct blockring *r)
{
	pthread_mutex_lock(&r->lock);
	r->end = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	for (unsigned i = 0; i < r->started; i++)
		pthread_join(r->thread[i], NULL);
	r->started = 0;
}

/* --- the caller's side --- */

/* Compress and write the filled block here. */
static int ring_inline(struct blockring *r, struct err *e)
{
	struct ring_block *b = ring_head(r);

	if (!r->own)
		r->own = r->enc->open(r->level);
	if (ring_compress(r, r->own, b, e) < 0 || ring_emit(r, b, e) < 0)
		return -1;
	b->n = 0;
	return 0;
}

/* Give the filled block to the threads; wait until the next one is free. */
static int ring_hand_over(struct blockring *r, struct err *e)
{
	bool failed;

	if (!r->started && r->threads > 1)
		ring_start(r);
	if (!r->started)
		return ring_inline(r, e);
	pthread_mutex_lock(&r->lock);
	ring_at(r, r->put++)->state = RING_FULL;
	pthread_cond_broadcast(&r->changed);
	while (!r->failed && r->put - r->out >= RING_BLOCKS)
		pthread_cond_wait(&r->changed, &r->lock);
	failed = r->failed;
	if (failed)
		err_move(e, &r->err);
	pthread_mutex_unlock(&r->lock);
	return failed ? -1 : 0;
}

int blockring_write(struct blockring *r, const void *p, size_t n, struct err *e)
{
	const uint8_t *from = p;

	while (n) {
		struct ring_block *b = ring_head(r);
		size_t room = r->block_bytes - b->n, k = n < room ? n : room;

		memcpy(b->in + b->n, from, k);
		b->n += k;
		from += k;
		n -= k;
		/* A full block goes only when more comes: a stream of exactly one block needs no threads. */
		if (b->n == r->block_bytes && n && ring_hand_over(r, e) < 0)
			return -1;
	}
	return 0;
}

int blockring_finish(struct blockring *r, struct err *e)
{
	uint8_t tail[32];
	size_t n;

	if (ring_head(r)->n && (r->started ? ring_hand_over(r, e) : ring_inline(r, e)) < 0)
		return -1;
	ring_join(r);
	if (r->failed) { /* the threads have ended: no lock needed */
		err_move(e, &r->err);
		return -1;
	}
	if (ring_begin(r, e) < 0)
		return -1;
	n = r->enc->tail(&r->sum, tail);
	return n ? stream_write(r->dst, tail, n, e) : 0;
}

void blockring_free(struct blockring *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->failed = true;
	pthread_mutex_unlock(&r->lock);
	ring_join(r);
	for (size_t i = 0; i < RING_BLOCKS; i++) {
		free(r->block[i].in);
		free(r->block[i].out);
	}
	if (r->own)
		r->enc->close(r->own);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	err_release(&r->err);
	free(r);
}
