/* Blobs of a store to a repository. */
#include "registry/push_blob_priv.h"

#include <stdatomic.h>
#include <unistd.h>

#include "src/util/clock.h"
#include "src/util/mem.h"

/* How soon a blob that is being made is looked at again. */
#define PUSH_BLOB_LOOK_NS INT64_C(5000000)

static void push_blob_done(void *arg);

static void push_blob_free(struct push_blob *b)
{
	call_release(&b->call);
	blobpipe_free(b->pipe);
	http_timer_clear(b->set->pool->http, &b->timer);
	upload_release(&b->up);
	descriptor_release(&b->made);
	if (b->fd >= 0 && (!b->stream || b->stream->fd < 0))
		close(b->fd);
	free(b);
}

static int push_blob_send(struct push_blob *b, struct err *e);
static void push_blob_fail(struct push_blob *b, struct err *e);

/* Sent without a question: what is small enough, and here. */
static bool push_blob_unasked(const struct push_blob *b)
{
	struct store *s = b->set->store; /* NULL where blobs pass through */

	return s && b->d->size <= b->set->push->unasked_bytes && store_blob_has(s, &b->d->digest, NULL);
}

/* --- a blob that is being made --- */

static int push_blob_look(struct push_blob *b, struct err *e)
{
	struct registry_stream *s = b->stream;
	int state = atomic_load(&s->state);

	if (b->d)
		return 0;
	if (state == REGISTRY_STREAM_BROKEN)
		return err_set(e, ERR_CANCELLED, "it was given up");
	/* Without its file it will be whole in a moment. */
	b->up.size = s->fd < 0 ? 0 : atomic_load(&s->ready);
	if (state != REGISTRY_STREAM_WHOLE)
		return 0;
	descriptor_set(&b->made, s->media_type, &s->digest, s->size);
	b->d = &b->made;
	b->up.size = s->size;
	b->up.digest = b->d->digest.text;
	b->up.growing = false;
	b->up.missing = push_blob_unasked(b);
	return 0;
}

static void push_blob_on_timer(void *arg)
{
	struct push_blob *b = arg;
	struct err e = ERR_INIT;
	int rc = push_blob_look(b, &e);

	upload_more(&b->up);
	if (rc || push_blob_send(b, &e))
		push_blob_fail(b, &e);
}

static void push_blob_wait(struct push_blob *b)
{
	b->timer.fn = push_blob_on_timer;
	b->timer.arg = b;
	http_timer_set(b->set->pool->http, &b->timer, PUSH_BLOB_LOOK_NS);
}

static int push_blob_send(struct push_blob *b, struct err *e)
{
	call_release(&b->call);
	if (b->up.ask == UPLOAD_WAIT) {
		push_blob_wait(b);
		return 0;
	}
	if (push_blob_make(b, e))
		return -1;
	b->call.done = push_blob_done;
	b->call.arg = b;
	call_again(&b->call, b->up.pause);
	return 0;
}

/* --- its answer --- */

static void push_blob_count(struct push_blob *b)
{
	struct registry_push *push = b->set->push;

	regsession_know(b->set->pool, push->to, &b->d->digest);
	if (b->up.how == UPLOAD_SENT) {
		push->blobs_sent++;
		push->bytes_sent += b->d->size;
	} else if (b->up.how == UPLOAD_MOUNTED) {
		push->blobs_mounted++;
	} else {
		push->blobs_there++;
	}
}

/* Next request, or the end: 1 if it has ended well. */
static int push_blob_step(struct push_blob *b, struct err *e)
{
	struct call *c = &b->call;
	/* clang-format off */
	struct upload_answer a = {
		.from = &c->at,
		.status = c->err.http ? c->err.http : err_is_set(&c->err) ? 0 : c->status,
		.location = call_field(c, "Location"),
		.length = call_field(c, "Content-Length"),
		.range = call_field(c, "Range"),
		.chunk_min = call_field(c, "OCI-Chunk-Min-Length"),
		.retry_after = c->retry_after,
		.now = clock_mono(),
	};
	/* clang-format on */

	/* Wrong bytes came, and did not go all the way: fetched and sent once more. */
	if (b->pipe && err_is_set(&c->err) && blobpipe_again(b->pipe)) {
		upload_anew(&b->up);
		return push_blob_send(b, e);
	}
	/* Reading the blob failed, or the login was refused: no state of the upload. */
	if (err_is_set(&c->err) && (c->fail == HTTP_ABORTED || (!c->err.http && !c->err.retryable))) {
		err_move(e, &c->err);
		return -1;
	}
	if (upload_next(&b->up, &a, e)) {
		if (!err_is_set(e))
			err_move(e, &c->err);
		return -1;
	}
	if (b->up.ask != UPLOAD_DONE)
		return push_blob_send(b, e);
	push_blob_count(b);
	return 1;
}

static void push_blob_fail(struct push_blob *b, struct err *e)
{
	struct push_blob_set *set = b->set;

	if (!err_is_set(&set->err)) {
		/* A 404 here is not one of a name that the user gave. */
		if (e->code == ERR_NOT_FOUND)
			e->code = ERR_REGISTRY;
		err_wrap(e, "blob %s", push_blob_name(b));
		err_move(&set->err, e);
	}
	err_release(e);
	call_release(&b->call);
	set->active--;
}

static void push_blob_done(void *arg)
{
	struct push_blob *b = arg;
	struct err e = ERR_INIT;
	int rc;

	/* A stream may have been finished meanwhile: what comes next then is the rest. */
	rc = b->stream && push_blob_look(b, &e) ? -1 : push_blob_step(b, &e);
	if (!rc)
		return;
	if (rc < 0) {
		push_blob_fail(b, &e);
		return;
	}
	call_release(&b->call);
	b->set->active--;
}

/* --- all of them --- */

static struct push_blob *push_blob_new(struct push_blob_set *set)
{
	struct push_blob *b = mem_new(struct push_blob);

	b->set = set;
	b->fd = -1;
	b->up = (struct upload){.chunk = UPLOAD_CHUNK_BYTES, .retry.max = set->pool->retries};
	set->active++;
	return b;
}

static void push_blob_more(void *arg)
{
	struct push_blob *b = arg;

	call_unpause(&b->call);
}

/* docker-registry 2.8 answers a mount by SHA-512 with 201, and does not have the blob afterwards. */
static bool push_blob_mounts(const struct registry_push *push, const struct descriptor *d)
{
	return push->mount_from && digest_alg(&d->digest) == HASH_SHA256 &&
	       !strcmp(push->mount_from->host, push->to->host) && strcmp(push->mount_from->path, push->to->path);
}

static int push_blob_start(struct push_blob *b, const struct descriptor *d, struct err *e)
{
	const struct registry_push *push = b->set->push;

	b->d = d;
	b->up.digest = d->digest.text;
	b->up.size = d->size;
	b->up.missing = push_blob_unasked(b);
	b->up.mount_from = push_blob_mounts(push, d) ? push->mount_from->path : NULL;
	if (b->set->from.n)
		b->pipe = blobpipe_new(b->set->pool, &b->set->from, d, push_blob_more, b);
	upload_begin(&b->up);
	return push_blob_send(b, e);
}

static int push_blob_start_stream(struct push_blob *b, struct registry_stream *s, struct err *e)
{
	b->stream = s;
	b->fd = s->fd;
	b->up.growing = true;
	if (push_blob_look(b, e))
		return -1;
	upload_begin(&b->up);
	return push_blob_send(b, e);
}

/* The next one of the list: -1, or how many requests began (0: it is known to be there). */
static int push_blob_next(struct push_blob_set *set, struct push_blob_list *l, size_t i, struct push_blob **job,
			  struct err *e)
{
	/* The longest way first: what is being made takes its time. */
	if (i < l->nstreams) {
		*job = push_blob_new(set);
		return push_blob_start_stream(*job, l->streams[i], e);
	}
	i -= l->nstreams;
	if (regsession_knows(set->pool, set->push->to, &l->blobs[i]->digest)) {
		set->push->blobs_there++;
		l->assumed++;
		return 0;
	}
	*job = push_blob_new(set);
	return push_blob_start(*job, l->blobs[i], e);
}

static int push_blob_run(struct push_blob_set *set, struct push_blob_list *l, struct push_blob **jobs, struct err *e)
{
	size_t next = 0, n = l->nstreams + l->n;

	while ((next < n || set->active) && !err_is_set(&set->err)) {
		if (next == n || set->active == (set->from.n ? PUSH_PARALLEL_PIPES : PUSH_PARALLEL)) {
			if (http_step(set->pool->http, e))
				return -1;
		} else if (push_blob_next(set, l, next, &jobs[next], e)) {
			return -1;
		} else {
			next++;
		}
	}
	if (!err_is_set(&set->err))
		return 0;
	err_move(e, &set->err);
	return -1;
}

int push_blob_all(struct regsession_pool *p, struct registry_push *push, struct push_blob_list *list, struct store *s,
		  registry_progress_fn *fn, void *arg, struct err *e)
{
	struct push_blob_set set = {.pool = p, .push = push, .store = s, .progress = fn, .arg = arg};
	size_t n = list->nstreams + list->n;
	AUTO_FREE struct push_blob **jobs = mem_zalloc((n + 1) * sizeof(*jobs));
	int rc;

	list->assumed = 0;
	if (push->pipe_from && list->n) {
		struct ref from = {
			.host = push->pipe_from->host, .path = push->pipe_from->path, .digest = list->blobs[0]->digest};

		if (regconf_places(p->conf, &from, &set.from, e))
			return -1;
	}
	rc = push_blob_run(&set, list, jobs, e);
	for (size_t i = 0; i < n; i++)
		if (jobs[i])
			push_blob_free(jobs[i]);
	regconf_places_release(&set.from);
	err_release(&set.err);
	return rc;
}
