/* Blobs of a registry into a store or layout. */
#include "registry/blobget.h"

#include <errno.h>
#include <unistd.h>

#include "registry/pull.h"
#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"

struct blobget_set;

struct blobget {
	struct blobget_set *set;
	const struct descriptor *d;
	size_t index; /* of the list */
	struct call call;
	struct store_blob_writer w;
	struct hash *hash;
	uint64_t off;  /* bytes that are written and hashed */
	uint64_t mark; /* `off` when the failures were last forgotten */
	bool open;
	bool sized;    /* the answer said how long it is */
	bool no_range; /* resuming does not work here */
	bool restart;  /* this try is given up in favour of one from the beginning */
	bool wrong;    /* what came is not what the descriptor says */
	bool retried;
	size_t place; /* of set->places */
};

struct blobget_set {
	struct regsession_pool *pool;
	const struct regconf_places *places;
	const struct blobsink *sink;
	const struct registry_watch *watch; /* all of it may be called */
	size_t active;
	struct err err; /* first failure */
};

static void blobget_free(struct blobget *b)
{
	call_release(&b->call);
	if (b->open)
		b->set->sink->abort(b->set->sink->arg, &b->w);
	hash_free(b->hash);
	free(b);
}

int blobget_parse_range(struct sv field, uint64_t *first, uint64_t *total)
{
	struct sv rest = sv_trim(field), from;
	struct sv last;
	uint64_t end;

	if (!sv_starts(rest, "bytes "))
		return -1;
	rest = sv_trim(sv_sub(rest, 6, rest.n));
	from = sv_cut(&rest, '-');
	last = sv_cut(&rest, '/');
	if (num_parse(from, 10, UINT64_MAX, first) || num_parse(last, 10, UINT64_MAX, &end) || end < *first)
		return -1;
	*total = UINT64_MAX;
	return sv_eq_str(rest, "*") ? 0 : num_parse(rest, 10, UINT64_MAX - 1, total);
}

/* --- who follows --- */

static void blobget_unheard_begun(void *arg, size_t i, const char *file)
{
	(void)arg, (void)i, (void)file;
}

static void blobget_unheard_wrote(void *arg, size_t i, uint64_t have)
{
	(void)arg, (void)i, (void)have;
}

static void blobget_unheard_whole(void *arg, size_t i)
{
	(void)arg, (void)i;
}

/* As given, without gaps. */
static struct registry_watch blobget_watch(const struct registry_watch *given)
{
	struct registry_watch w = given ? *given : (struct registry_watch){0};

	w.begun = w.begun ? w.begun : blobget_unheard_begun;
	w.wrote = w.wrote ? w.wrote : blobget_unheard_wrote;
	w.whole = w.whole ? w.whole : blobget_unheard_whole;
	return w;
}

/* --- one try --- */

/* Whoever follows is told before its bytes go. */
static int blobget_rewind(struct blobget *b, struct err *e)
{
	if (b->off)
		b->set->watch->wrote(b->set->watch->arg, b->index, 0);
	if (b->off && (ftruncate(b->w.fd, 0) || lseek(b->w.fd, 0, SEEK_SET) < 0))
		return err_sys(e, ERR_HOST, errno, "truncating a fetched blob");
	hash_reset(b->hash);
	b->off = 0;
	b->mark = 0;
	return 0;
}

static void blobget_attempt(void *arg)
{
	struct blobget *b = arg;

	b->restart = b->wrong = false;
	strv_release(&b->call.headers);
	if (b->off)
		strv_printf(&b->call.headers, "Range: bytes=%llu-", (unsigned long long)b->off);
}

static int blobget_bad(struct blobget *b, struct err *e)
{
	b->wrong = true;
	return err_set(e, ERR_INTEGRITY, "the blob should have %llu bytes, but the registry sends another number",
		       (unsigned long long)b->d->size);
}

/* A part that is not the one that was asked for. */
static int blobget_on_part(struct blobget *b, struct err *e)
{
	uint64_t first, total;

	if (!blobget_parse_range(call_field(&b->call, "Content-Range"), &first, &total) && first == b->off &&
	    (total == b->d->size || total == UINT64_MAX))
		return 0;
	b->no_range = b->restart = true;
	return err_set(e, ERR_REGISTRY, "the registry answers with another range than was asked for");
}

static int blobget_head(void *arg, struct err *e)
{
	struct blobget *b = arg;
	bool encoded = call_field(&b->call, "Content-Encoding").n > 0;
	uint64_t length;

	b->sized = !num_parse(call_field(&b->call, "Content-Length"), 10, UINT64_MAX, &length) && !encoded;
	if (encoded)
		b->no_range = true; /* ranges would count encoded bytes */
	if (b->call.req.status == 206)
		return blobget_on_part(b, e);
	if (blobget_rewind(b, e))
		return -1;
	return b->sized && length != b->d->size ? blobget_bad(b, e) : 0;
}

static int blobget_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct blobget *b = arg;
	struct blobget_set *set = b->set;

	if (n > b->d->size - b->off)
		return blobget_bad(b, e);
	if (io_write_all(b->w.fd, p, n, "a fetched blob", e))
		return -1;
	hash_add(b->hash, p, n);
	b->off += n;
	if (b->off - b->mark >= RETRY_PROGRESS_BYTES) {
		retry_progress(&b->call.retry);
		b->mark = b->off;
	}
	set->watch->wrote(set->watch->arg, b->index, b->off);
	return 0;
}

/* --- its end --- */

static int blobget_commit(struct blobget *b, struct err *e)
{
	enum hash_alg alg = digest_alg(&b->d->digest);
	struct digest got;

	digest_from_hash(alg, b->hash, &got);
	if (!digest_eq(&got, &b->d->digest)) {
		b->wrong = true;
		return err_set(e, ERR_INTEGRITY, "the blob should be %s, but what came is %s", b->d->digest.text,
			       got.text);
	}
	b->open = false; /* committed or removed, whatever happens */
	if (b->set->sink->commit(b->set->sink->arg, &b->w, b->d, e) < 0)
		return -1;
	b->set->watch->whole(b->set->watch->arg, b->index);
	return 0;
}

static int blobget_result(struct blobget *b, struct err *e)
{
	if (err_is_set(&b->call.err)) {
		err_move(e, &b->call.err);
		if (e->http == 416 && b->off)
			b->no_range = b->restart = true;
		return -1;
	}
	if (b->off == b->d->size)
		return blobget_commit(b, e);
	if (b->sized)
		return blobget_bad(b, e);
	err_set(e, ERR_REGISTRY, "the connection ended after %llu of %llu bytes", (unsigned long long)b->off,
		(unsigned long long)b->d->size);
	e->retryable = true;
	return -1;
}

/* Whether the failure is worth another try of ours; those of the transport are behind us. */
static bool blobget_repeat(struct blobget *b, const struct err *e, int64_t *pause)
{
	bool cut = e->retryable && b->call.fail == HTTP_OK && b->call.status < 300;

	*pause = 0;
	if (b->wrong && !b->retried)
		return b->retried = true;
	if (!b->restart && !cut)
		return false;
	return retry_next(&b->call.retry, b->restart ? 0 : RETRY_AFTER_NONE, clock_mono(), pause);
}

static void blobget_fail(struct blobget *b, struct err *e)
{
	struct blobget_set *set = b->set;

	if (err_is_set(&set->err))
		return;
	if (e->code == ERR_NOT_FOUND)
		e->code = ERR_REGISTRY; /* the image exists, but is not whole */
	err_wrap(e, "blob %s", b->d->digest.text);
	err_move(&set->err, e);
}

static int blobget_begin(struct blobget *b, struct err *e);

static void blobget_done(void *arg)
{
	struct blobget *b = arg;
	struct blobget_set *set = b->set;
	struct err e = ERR_INIT;
	int64_t pause;

	if (!blobget_result(b, &e)) {
		regsession_know(set->pool, &set->places->v[b->place], &b->d->digest);
	} else if (blobget_repeat(b, &e, &pause) && (!(b->wrong || b->restart) || !blobget_rewind(b, &e))) {
		err_release(&e);
		call_again(&b->call, pause);
		return;
	} else if (e.code != ERR_HOST && b->place + 1 < set->places->n) {
		pull_note_mirror(&set->places->v[b->place++], &e);
		if (!blobget_begin(b, &e))
			return;
		blobget_fail(b, &e);
	} else {
		blobget_fail(b, &e);
	}
	err_release(&e);
	set->active--;
	call_release(&b->call);
}
/* --- all of them --- */

static int blobget_check(const struct descriptor *d, struct err *e)
{
	if (mediatype_kind_of(d->media_type) == MEDIATYPE_FOREIGN_LAYER)
		return err_set(e, ERR_REGISTRY,
			       "layer %s is a foreign layer, kept outside of the registry: fetching these is not "
			       "supported yet",
			       d->digest.text);
	if (d->size > LAYER_MAX_BYTES)
		return err_set(e, ERR_REGISTRY, "blob %s: its size of %llu bytes is beyond all bounds", d->digest.text,
			       (unsigned long long)d->size);
	return 0;
}

/* From the beginning, at b's place. */
static int blobget_begin(struct blobget *b, struct err *e)
{
	struct blobget_set *set = b->set;
	AUTO_FREE char *tail = mem_printf("blobs/%s", b->d->digest.text);

	call_release(&b->call);
	b->no_range = b->retried = false;
	if (blobget_rewind(b, e) ||
	    regsession_call(set->pool, &set->places->v[b->place], HTTP_GET, tail, "pull", &b->call, e))
		return -1;
	b->call.attempt = blobget_attempt;
	b->call.head = blobget_head;
	b->call.data = blobget_data;
	b->call.done = blobget_done;
	b->call.arg = b;
	call_again(&b->call, 0);
	return 0;
}

static struct blobget *blobget_start(struct blobget_set *set, const struct descriptor *d, size_t index, struct err *e)
{
	struct blobget *b = mem_new(struct blobget);

	b->set = set;
	b->d = d;
	b->index = index;
	b->hash = hash_new(digest_alg(&d->digest));
	b->open = !set->sink->begin(set->sink->arg, &b->w, e);
	if (!b->open || blobget_begin(b, e)) {
		blobget_free(b);
		return NULL;
	}
	set->watch->begun(set->watch->arg, index, b->w.name);
	set->active++;
	return b;
}

/* There, or twice in the list: whoever follows is told of the first one. */
static bool blobget_needless(struct blobget_set *set, const struct descriptor *const *blobs, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (digest_eq(&blobs[k]->digest, &blobs[i]->digest))
			return true;
	if (!set->sink->has(set->sink->arg, blobs[i]))
		return false;
	set->watch->whole(set->watch->arg, i);
	return true;
}

static int blobget_run(struct blobget_set *set, const struct descriptor *const *blobs, size_t n, struct blobget **jobs,
		       struct err *e)
{
	size_t next = 0;

	while ((next < n || set->active) && !err_is_set(&set->err)) {
		if (next == n || set->active == BLOBGET_PARALLEL) {
			if (http_step(set->pool->http, e))
				return -1;
			continue;
		}
		if (!blobget_needless(set, blobs, next)) {
			jobs[next] = blobget_check(blobs[next], e) ? NULL : blobget_start(set, blobs[next], next, e);
			if (!jobs[next])
				return -1;
		}
		next++;
	}
	if (!err_is_set(&set->err))
		return 0;
	err_move(e, &set->err);
	return -1;
}

int blobget_all(struct regsession_pool *p, const struct ref *repo, const struct descriptor *const *blobs, size_t n,
		const struct blobsink *sink, const struct registry_watch *watch, struct err *e)
{
	AUTO_REGCONF_PLACES struct regconf_places places = {0};
	struct registry_watch all = blobget_watch(watch);
	struct blobget_set set = {.pool = p, .places = &places, .sink = sink, .watch = &all};
	AUTO_FREE struct blobget **jobs = mem_zalloc((n + 1) * sizeof(*jobs));
	struct ref ref = {.host = repo->host, .path = repo->path};
	int rc;

	/* Blobs are asked for by digest, whatever the image was. */
	if (n)
		ref.digest = blobs[0]->digest;
	rc = regconf_places(p->conf, &ref, &places, e) ? -1 : blobget_run(&set, blobs, n, jobs, e);
	for (size_t i = 0; i < n; i++)
		if (jobs[i])
			blobget_free(jobs[i]);
	err_release(&set.err);
	return rc;
}
