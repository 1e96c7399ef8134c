/* Blobs of a store to a repository. */
#include "registry/push_blob.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/auth.h"
#include "registry/upload.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

struct push_blob_set {
	struct regsession_pool *pool;
	struct registry_push *push;
	struct store *store;
	registry_progress_fn *progress;
	void *arg;
	size_t active, assumed;
	struct err err; /* first failure */
};

struct push_blob {
	struct push_blob_set *set;
	const struct descriptor *d;
	struct upload up;
	struct call call;
	struct http_body body;
	int fd; /* -1: not open */
};

static void push_blob_done(void *arg);

static void push_blob_free(struct push_blob *b)
{
	call_release(&b->call);
	upload_release(&b->up);
	if (b->fd >= 0)
		close(b->fd);
	free(b);
}

static ssize_t push_blob_read(void *arg, uint64_t off, void *p, size_t n, struct err *e)
{
	struct push_blob *b = arg;
	struct push_blob_set *set = b->set;
	ssize_t got;

	do
		got = pread(b->fd, p, n, (off_t)off);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, ERR_HOST, errno, "reading blob %s", b->d->digest.text);
	if (set->progress)
		set->progress(set->arg, &b->d->digest, off + (uint64_t)got, b->d->size);
	return got;
}

static int push_blob_open(struct push_blob *b, struct err *e)
{
	struct stat st;

	if (b->fd >= 0)
		return 0;
	b->fd = store_blob_open(b->set->store, &b->d->digest, e);
	if (b->fd < 0)
		return -1;
	if (fstat(b->fd, &st))
		return err_sys(e, ERR_HOST, errno, "blob in the store");
	if ((uint64_t)st.st_size != b->d->size)
		return err_set(e, ERR_INTEGRITY, "it has %lld bytes in the store, its manifest says %llu",
			       (long long)st.st_size, (unsigned long long)b->d->size);
	return 0;
}

/* --- the request that the machine asks for --- */

static int push_blob_make_open(struct push_blob *b, struct err *e)
{
	struct call *c = &b->call;
	const char *from = b->up.mount_from;
	AUTO_FREE char *scope = NULL, *old = NULL;

	if (regsession_call(b->set->pool, b->set->push->to, HTTP_POST, "blobs/uploads/", "pull,push", c, e))
		return -1;
	if (!from)
		return 0;
	c->target = url_add_query(c->target, "mount", b->d->digest.text);
	c->target = url_add_query(c->target, "from", from);
	scope = auth_scope(from, "pull");
	old = c->scope;
	c->scope = auth_scopes(old, scope);
	return 0;
}

static int push_blob_make_put(struct push_blob *b, struct err *e)
{
	struct call *c = &b->call;

	if (push_blob_open(b, e))
		return -1;
	if (regsession_call(b->set->pool, b->set->push->to, HTTP_PUT, "", "pull,push", c, e))
		return -1;
	free(c->target);
	c->target = mem_strdup(b->up.location);
	strv_add(&c->headers, "Content-Type: application/octet-stream");
	b->body = (struct http_body){.read = push_blob_read, .arg = b, .size = b->d->size};
	c->body = &b->body;
	c->once = true; /* the session is spent after a failure: upload.h decides */
	return 0;
}

static int push_blob_make(struct push_blob *b, struct err *e)
{
	AUTO_FREE char *tail = mem_printf("blobs/%s", b->d->digest.text);

	if (b->up.ask == UPLOAD_OPEN)
		return push_blob_make_open(b, e);
	if (b->up.ask == UPLOAD_PUT)
		return push_blob_make_put(b, e);
	return regsession_call(b->set->pool, b->set->push->to, HTTP_HEAD, tail, "pull,push", &b->call, e);
}

static int push_blob_send(struct push_blob *b, struct err *e)
{
	call_release(&b->call);
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
	struct upload_answer a = {
		.from = &c->at,
		.status = c->err.http ? c->err.http : err_is_set(&c->err) ? 0 : c->status,
		.location = call_field(c, "Location"),
		.length = call_field(c, "Content-Length"),
		.retry_after = c->retry_after,
		.now = clock_mono(),
	};

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

static void push_blob_done(void *arg)
{
	struct push_blob *b = arg;
	struct push_blob_set *set = b->set;
	struct err e = ERR_INIT;
	int rc = push_blob_step(b, &e);

	if (!rc)
		return;
	if (rc < 0 && !err_is_set(&set->err)) {
		/* A 404 here is not one of a name that the user gave. */
		if (e.code == ERR_NOT_FOUND)
			e.code = ERR_REGISTRY;
		err_wrap(&e, "blob %s", b->d->digest.text);
		err_move(&set->err, &e);
	}
	err_release(&e);
	call_release(&b->call);
	set->active--;
}

/* --- all of them --- */

static struct push_blob *push_blob_start(struct push_blob_set *set, const struct descriptor *d, struct err *e)
{
	const struct registry_push *push = set->push;
	struct push_blob *b = mem_new(struct push_blob);
	bool mount = push->mount_from && !strcmp(push->mount_from->host, push->to->host) &&
		     strcmp(push->mount_from->path, push->to->path);

	b->set = set;
	b->d = d;
	b->fd = -1;
	b->up = (struct upload){.digest = d->digest.text, .size = d->size, .retry.max = set->pool->retries};
	b->up.mount_from = mount ? push->mount_from->path : NULL;
	if (push_blob_send(b, e)) {
		push_blob_free(b);
		return NULL;
	}
	set->active++;
	return b;
}

static int push_blob_run(struct push_blob_set *set, const struct descriptor *const *blobs, size_t n,
			 struct push_blob **jobs, struct err *e)
{
	size_t next = 0;

	while ((next < n || set->active) && !err_is_set(&set->err)) {
		if (next == n || set->active == PUSH_PARALLEL) {
			if (http_step(set->pool->http, e))
				return -1;
		} else if (regsession_knows(set->pool, set->push->to, &blobs[next]->digest)) {
			set->push->blobs_there++;
			set->assumed++;
			next++;
		} else {
			jobs[next] = push_blob_start(set, blobs[next], e);
			if (!jobs[next++])
				return -1;
		}
	}
	if (!err_is_set(&set->err))
		return 0;
	err_move(e, &set->err);
	return -1;
}

int push_blob_all(struct regsession_pool *p, struct registry_push *push, const struct descriptor *const *blobs, size_t n,
		  struct store *s, registry_progress_fn *fn, void *arg, size_t *assumed, struct err *e)
{
	struct push_blob_set set = {.pool = p, .push = push, .store = s, .progress = fn, .arg = arg};
	AUTO_FREE struct push_blob **jobs = mem_zalloc((n + 1) * sizeof(*jobs));
	int rc = push_blob_run(&set, blobs, n, jobs, e);

	for (size_t i = 0; i < n; i++)
		if (jobs[i])
			push_blob_free(jobs[i]);
	err_release(&set.err);
	*assumed = set.assumed;
	return rc;
}
