/* A thread that reads ahead. */
#include "oci/readahead.h"

#include <pthread.h>
#include <signal.h>

#include "src/util/mem.h"

#define READAHEAD_BLOCKS 8
#define READAHEAD_BYTES	 ((size_t)256 << 10)

struct readahead {
	struct rstream *src;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t put, taken; /* blocks filled, blocks used up */
	size_t n[READAHEAD_BLOCKS];
	char *mem;   /* READAHEAD_BLOCKS blocks */
	size_t used; /* of the block that the reader is at */
	bool end, failed, stop;
	struct err err;
};

static char *readahead_block(const struct readahead *r, uint64_t i)
{
	return r->mem + (size_t)(i % READAHEAD_BLOCKS) * READAHEAD_BYTES;
}

/* Fill one block, the lock not held; returns whether there may be more. */
static bool readahead_fill(struct readahead *r, struct err *e)
{
	ssize_t n = stream_read_full(r->src, readahead_block(r, r->put), READAHEAD_BYTES, e);

	pthread_mutex_lock(&r->lock);
	if (n < 0) {
		err_move(&r->err, e);
		r->failed = true;
	} else if (n > 0) {
		r->n[r->put % READAHEAD_BLOCKS] = (size_t)n;
		r->put++;
	}
	r->end = n < (ssize_t)READAHEAD_BYTES;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return !r->end;
}

static bool readahead_wait_free(struct readahead *r)
{
	bool stop;

	pthread_mutex_lock(&r->lock);
	while (!r->stop && r->put - r->taken >= READAHEAD_BLOCKS)
		pthread_cond_wait(&r->changed, &r->lock);
	stop = r->stop;
	pthread_mutex_unlock(&r->lock);
	return !stop;
}

static void *readahead_thread(void *arg)
{
	struct readahead *r = arg;
	struct err e = ERR_INIT;

	while (readahead_wait_free(r) && readahead_fill(r, &e))
		;
	err_release(&e);
	return NULL;
}

/* Wait for a block; false at the end or after a failure. */
static bool readahead_wait_full(struct readahead *r)
{
	bool full;

	pthread_mutex_lock(&r->lock);
	while (r->put == r->taken && !r->end)
		pthread_cond_wait(&r->changed, &r->lock);
	full = r->put > r->taken;
	pthread_mutex_unlock(&r->lock);
	return full;
}

static void readahead_release_block(struct readahead *r)
{
	r->used = 0;
	pthread_mutex_lock(&r->lock);
	r->taken++;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

static ssize_t readahead_read(struct rstream *s, void *p, size_t n, struct err *e)
{
	struct readahead *r = s->self;
	size_t have, k;

	if (!readahead_wait_full(r)) {
		if (!r->failed)
			return 0;
		err_move(e, &r->err);
		return -1;
	}
	have = r->n[r->taken % READAHEAD_BLOCKS] - r->used;
	k = n < have ? n : have;
	memcpy(p, readahead_block(r, r->taken) + r->used, k);
	r->used += k;
	if (k == have)
		readahead_release_block(r);
	return (ssize_t)k;
}

static void readahead_free(struct readahead *r)
{
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	err_release(&r->err);
	free(r->mem);
	free(r);
}

static void readahead_close(struct rstream *s)
{
	struct readahead *r = s->self;

	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	stream_rclose(r->src);
	readahead_free(r);
	free(s);
}

struct rstream *readahead_new(struct rstream *src)
{
	struct readahead *r = mem_new(struct readahead);
	struct rstream *s;
	sigset_t all, old;
	int bad;

	r->src = src;
	r->mem = mem_array(READAHEAD_BLOCKS, READAHEAD_BYTES);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	sigfillset(&all); /* signals stay with the caller's thread */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	bad = pthread_create(&r->thread, NULL, readahead_thread, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (bad) {
		readahead_free(r);
		return src;
	}
	s = mem_new(struct rstream);
	*s = (struct rstream){.read = readahead_read, .close = readahead_close, .self = r};
	return s;
}
