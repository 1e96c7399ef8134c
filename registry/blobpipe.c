/* A blob of one registry for another one. */
#include "registry/blobpipe.h"

#include "oci/limits.h"
#include "registry/blobget.h"
#include "registry/pull.h"
#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/num.h"

struct blobpipe {
	struct regsession_pool *pool;
	const struct regconf_places *places;
	size_t place; /* of places */
	const struct descriptor *d;
	void (*more)(void *arg);
	void *arg;
	struct call call;
	struct http_timer timer; /* what must not happen inside of a callback: (re)starting the call */
	uint8_t *ring;
	uint64_t lo, hi;   /* bytes of the blob that the ring holds */
	uint64_t skip;	   /* bytes that a server sends although they were not asked for */
	struct hash *hash; /* of all before lo */
	struct hash *mark; /* of all before mark_at */
	uint64_t mark_at;
	uint64_t progress; /* `hi` when failures were last forgotten */
	bool begun;	   /* the call is there, or due */
	bool stale;	   /* what it still gives is not wanted */
	bool waits;	   /* the reader does */
	bool full;	   /* the call waits for room */
	bool sized, no_range, verified;
	bool wrong; /* what came is not what the descriptor says */
	bool retried, again;
	struct err err; /* final */
};

struct blobpipe *blobpipe_new(struct regsession_pool *p, const struct regconf_places *from, const struct descriptor *d,
			      void (*more)(void *arg), void *arg)
{
	struct blobpipe *b = mem_new(struct blobpipe);

	*b = (struct blobpipe){.pool = p, .places = from, .d = d, .more = more, .arg = arg};
	b->hash = hash_new(digest_alg(&d->digest));
	b->mark = hash_new(digest_alg(&d->digest));
	b->ring = mem_alloc(BLOBPIPE_BYTES);
	return b;
}

void blobpipe_free(struct blobpipe *b)
{
	if (!b)
		return;
	http_timer_clear(b->pool->http, &b->timer);
	call_release(&b->call);
	hash_free(b->hash);
	hash_free(b->mark);
	err_release(&b->err);
	free(b->ring);
	free(b);
}

static void blobpipe_wake(struct blobpipe *b)
{
	if (!b->waits)
		return;
	b->waits = false;
	b->more(b->arg);
}

static void blobpipe_fail(struct blobpipe *b, struct err *e)
{
	if (e->code == ERR_NOT_FOUND)
		e->code = ERR_REGISTRY; /* the image exists, but is not whole */
	err_move(&b->err, e);
	blobpipe_wake(b);
}

/* --- the ring --- */

static size_t blobpipe_free_bytes(const struct blobpipe *b)
{
	return BLOBPIPE_BYTES - (size_t)(b->hi - b->lo);
}

static void blobpipe_put(struct blobpipe *b, const uint8_t *p, size_t n)
{
	size_t at = (size_t)(b->hi % BLOBPIPE_BYTES), first = BLOBPIPE_BYTES - at;

	if (first > n)
		first = n;
	memcpy(b->ring + at, p, first);
	memcpy(b->ring, p + first, n - first);
	b->hi += n;
}

/* The longest piece from `off` that lies together. */
static size_t blobpipe_piece(const struct blobpipe *b, uint64_t off, const uint8_t **p)
{
	size_t at = (size_t)(off % BLOBPIPE_BYTES), n = BLOBPIPE_BYTES - at;

	*p = b->ring + at;
	return n < b->hi - off ? n : (size_t)(b->hi - off);
}

/* Passed on, or dropped. */
static void blobpipe_take(struct blobpipe *b, const uint8_t *p, size_t n)
{
	hash_add(b->hash, p, n);
	b->lo += n;
	if (!b->full || blobpipe_free_bytes(b) < BLOBPIPE_BYTES / 2)
		return;
	b->full = false;
	call_unpause(&b->call);
}

/* --- what comes --- */

static void blobpipe_attempt(void *arg)
{
	struct blobpipe *b = arg;

	b->skip = 0;
	b->full = b->wrong = false;
	strv_release(&b->call.headers);
	if (b->hi && !b->no_range)
		strv_printf(&b->call.headers, "Range: bytes=%llu-", (unsigned long long)b->hi);
}

static int blobpipe_bad(struct blobpipe *b, struct err *e)
{
	b->wrong = true;
	return err_set(e, ERR_INTEGRITY, "the blob should have %llu bytes, but the registry sends another number",
		       (unsigned long long)b->d->size);
}

static int blobpipe_on_part(struct blobpipe *b, struct err *e)
{
	uint64_t first, total;

	if (!blobget_parse_range(call_field(&b->call, "Content-Range"), &first, &total) && first == b->hi &&
	    (total == b->d->size || total == UINT64_MAX))
		return 0;
	b->no_range = true;
	return err_set(e, ERR_REGISTRY, "the registry answers with another range than was asked for");
}

static int blobpipe_head(void *arg, struct err *e)
{
	struct blobpipe *b = arg;
	bool encoded = call_field(&b->call, "Content-Encoding").n > 0;
	uint64_t length;

	b->no_range |= encoded; /* ranges would count encoded bytes */
	b->sized = !num_parse(call_field(&b->call, "Content-Length"), 10, UINT64_MAX, &length) && !encoded;
	if (b->call.req.status == 206)
		return blobpipe_on_part(b, e);
	b->skip = b->hi;
	return b->sized && length != b->d->size ? blobpipe_bad(b, e) : 0;
}

static int blobpipe_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct blobpipe *b = arg;
	size_t skip = b->skip < n ? (size_t)b->skip : n;

	if (b->stale)
		return HTTP_WAIT; /* until the timer removes this call */
	if (n - skip > b->d->size - b->hi)
		return blobpipe_bad(b, e);
	if (n - skip > blobpipe_free_bytes(b)) {
		b->full = true;
		return HTTP_WAIT;
	}
	b->skip -= skip;
	blobpipe_put(b, (const uint8_t *)p + skip, n - skip);
	if (b->hi - b->progress >= RETRY_PROGRESS_BYTES) {
		retry_progress(&b->call.retry);
		b->progress = b->hi;
	}
	blobpipe_wake(b);
	return 0;
}

/* --- its end --- */

static int blobpipe_result(struct blobpipe *b, struct err *e)
{
	if (err_is_set(&b->call.err)) {
		err_move(e, &b->call.err);
		return -1;
	}
	if (b->hi == b->d->size)
		return 0;
	if (b->sized)
		return blobpipe_bad(b, e);
	err_set(e, ERR_REGISTRY, "the connection ended after %llu of %llu bytes", (unsigned long long)b->hi,
		(unsigned long long)b->d->size);
	e->retryable = true;
	return -1;
}

/* What the transport does not try again by itself: ranges that do not work, an end that nobody announced. */
static bool blobpipe_repeat(struct blobpipe *b, const struct err *e, int64_t *pause)
{
	bool range = b->call.status == 416 && b->hi && !b->no_range;
	bool cut = e->retryable && b->call.fail == HTTP_OK && b->call.status < 300;
	bool shifted = b->call.status == 206 && b->no_range && b->call.fail == HTTP_ABORTED && e->code == ERR_REGISTRY;

	b->no_range |= range;
	*pause = 0;
	return (range || cut || shifted) && retry_next(&b->call.retry, cut ? RETRY_AFTER_NONE : 0, clock_mono(), pause);
}

static void blobpipe_restart(struct blobpipe *b);
static void blobpipe_rewind(struct blobpipe *b, uint64_t off);

/* Wrong for the first time. What was passed on already must be taken back by its reader. */
static void blobpipe_from_start(struct blobpipe *b, struct err *e)
{
	bool passed = b->lo > 0;

	b->retried = true;
	b->mark_at = 0;
	blobpipe_rewind(b, 0);
	b->again = passed;
	if (passed) {
		blobpipe_fail(b, e);
		return;
	}
	err_release(e);
	blobpipe_restart(b);
}

static void blobpipe_done(void *arg)
{
	struct blobpipe *b = arg;
	struct err e = ERR_INIT;
	int64_t pause;

	if (b->stale)
		return;
	if (!blobpipe_result(b, &e)) {
		regsession_know(b->pool, &b->places->v[b->place], &b->d->digest);
		blobpipe_wake(b);
		return;
	}
	if (b->wrong && !b->retried) {
		blobpipe_from_start(b, &e);
	} else if (blobpipe_repeat(b, &e, &pause)) {
		err_release(&e);
		call_again(&b->call, pause);
	} else if (b->place + 1 < b->places->n) {
		pull_note_mirror(&b->places->v[b->place++], &e);
		call_release(&b->call);
		b->no_range = false;
		blobpipe_restart(b);
	} else {
		blobpipe_fail(b, &e);
	}
}

/* --- its beginning --- */

static int blobpipe_start(struct blobpipe *b, struct err *e)
{
	AUTO_FREE char *tail = mem_printf("blobs/%s", b->d->digest.text);
	struct retry retry = b->call.retry;
	bool more = b->call.http;

	if (b->d->size > LAYER_MAX_BYTES)
		return err_set(e, ERR_REGISTRY, "its size of %llu bytes is beyond all bounds",
			       (unsigned long long)b->d->size);
	call_release(&b->call);
	if (regsession_call(b->pool, &b->places->v[b->place], HTTP_GET, tail, "pull", &b->call, e))
		return -1;
	if (more)
		b->call.retry = retry;
	b->call.apart = true;
	b->call.attempt = blobpipe_attempt;
	b->call.head = blobpipe_head;
	b->call.data = blobpipe_data;
	b->call.done = blobpipe_done;
	b->call.arg = b;
	call_start(&b->call);
	return 0;
}

static void blobpipe_on_timer(void *arg)
{
	struct blobpipe *b = arg;
	struct err e = ERR_INIT;

	b->stale = b->full = false;
	if (blobpipe_start(b, &e))
		blobpipe_fail(b, &e);
}

/* A new call from b->hi on. */
static void blobpipe_restart(struct blobpipe *b)
{
	b->begun = true;
	b->stale = true;
	b->timer.fn = blobpipe_on_timer;
	b->timer.arg = b;
	http_timer_set(b->pool->http, &b->timer, 0);
}

static void blobpipe_rewind(struct blobpipe *b, uint64_t off)
{
	b->lo = b->hi = b->mark_at <= off ? b->mark_at : 0;
	b->progress = b->hi;
	b->verified = false;
	if (b->lo)
		hash_copy(b->hash, b->mark);
	else
		hash_reset(b->hash);
	b->begun = false;
	b->stale = true;
}

void blobpipe_mark(struct blobpipe *b)
{
	hash_copy(b->mark, b->hash);
	b->mark_at = b->lo;
}

/* --- the reader --- */

/* All is there, beginning with lo in the ring. */
static int blobpipe_verify(struct blobpipe *b, struct err *e)
{
	enum hash_alg alg = digest_alg(&b->d->digest);
	AUTO_HASH struct hash *h = hash_new(alg);
	struct digest got;
	const uint8_t *p;
	size_t n;

	if (b->verified)
		return 0;
	hash_copy(h, b->hash);
	for (uint64_t off = b->lo; (n = blobpipe_piece(b, off, &p)) > 0; off += n)
		hash_add(h, p, n);
	digest_from_hash(alg, h, &got);
	if (digest_eq(&got, &b->d->digest)) {
		b->verified = true;
		return 0;
	}
	b->again = !b->retried;
	b->retried = true;
	b->mark_at = 0;
	blobpipe_rewind(b, 0);
	return err_set(e, ERR_INTEGRITY, "the blob should be %s, but what came is %s", b->d->digest.text, got.text);
}

bool blobpipe_again(struct blobpipe *b)
{
	bool again = b->again;

	b->again = false;
	if (again)
		err_release(&b->err);
	return again;
}

/* Whether what is there begins at `off`. */
static bool blobpipe_seek(struct blobpipe *b, uint64_t off)
{
	const uint8_t *p;
	size_t n;

	if (off < b->lo)
		blobpipe_rewind(b, off);
	while (b->lo < off && (n = blobpipe_piece(b, b->lo, &p)) > 0)
		blobpipe_take(b, p, n < off - b->lo ? n : (size_t)(off - b->lo));
	return b->lo == off && b->hi > off;
}

static int blobpipe_error(const struct blobpipe *b, struct err *e)
{
	err_set(e, b->err.code, "%s", b->err.msg);
	e->http = b->err.http;
	return b->err.hint ? err_hint(e, "%s", b->err.hint) : -1;
}

ssize_t blobpipe_read(struct blobpipe *b, uint64_t off, void *p, size_t n, struct err *e)
{
	const uint8_t *from;
	bool there = blobpipe_seek(b, off);
	size_t have;

	if (err_is_set(&b->err))
		return blobpipe_error(b, e);
	if (!there) {
		if (!b->begun)
			blobpipe_restart(b);
		b->waits = true;
		return HTTP_WAIT;
	}
	if (b->hi == b->d->size && blobpipe_verify(b, e))
		return -1;
	have = blobpipe_piece(b, off, &from);
	if (have > n)
		have = n;
	memcpy(p, from, have);
	blobpipe_take(b, from, have);
	return (ssize_t)have;
}
