/* The request that the upload's machine asks for. */
#include "registry/push_blob_priv.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/auth.h"
#include "src/util/mem.h"

const char *push_blob_name(const struct push_blob *b)
{
	return b->d ? b->d->digest.text : "of a layer that is being packed";
}

/* The body of a request: the whole blob, or the chunk that is its turn. */
static ssize_t push_blob_read(void *arg, uint64_t off, void *p, size_t n, struct err *e)
{
	struct push_blob *b = arg;
	struct push_blob_set *set = b->set;
	uint64_t at = off + (b->up.ask == UPLOAD_PATCH ? b->up.off : 0);
	ssize_t got;

	if (b->pipe)
		return blobpipe_read(b->pipe, at, p, n, e);
	do
		got = pread(b->fd, p, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, ERR_HOST, errno, "reading blob %s", push_blob_name(b));
	if (set->progress && b->d)
		set->progress(set->arg, &b->d->digest, at + (uint64_t)got, b->d->size);
	return got;
}

static int push_blob_open(struct push_blob *b, struct err *e)
{
	struct stat st;

	if (b->pipe || b->fd >= 0) /* a stream's always is */
		return 0;
	b->fd = b->set->push->dir ? layout_dir_open_blob(b->set->push->dir, b->d, e)
				  : store_blob_open(b->set->store, &b->d->digest, e);
	if (b->fd < 0)
		return -1;
	if (fstat(b->fd, &st))
		return err_sys(e, ERR_HOST, errno, "blob in the store");
	if ((uint64_t)st.st_size != b->d->size)
		return err_set(e, ERR_INTEGRITY, "it has %lld bytes in the store, its manifest says %llu",
			       (long long)st.st_size, (unsigned long long)b->d->size);
	return 0;
}

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

/* A request to the address of the upload, with a body of n bytes if it has one. */
static int push_blob_make_upload(struct push_blob *b, enum http_method method, uint64_t n, struct err *e)
{
	struct call *c = &b->call;

	if (push_blob_open(b, e) || regsession_call(b->set->pool, b->set->push->to, method, "", "pull,push", c, e))
		return -1;
	free(c->target);
	c->target = upload_target(&b->up);
	c->once = b->up.ask != UPLOAD_STATUS; /* what follows a failure is upload.h's to decide */
	if (!n)
		return 0;
	strv_add(&c->headers, "Content-Type: application/octet-stream");
	if (b->up.ask == UPLOAD_PATCH)
		strv_printf(&c->headers, "Content-Range: %llu-%llu", (unsigned long long)b->up.off,
			    (unsigned long long)(b->up.off + n - 1));
	if (b->pipe && b->up.ask == UPLOAD_PATCH)
		blobpipe_mark(b->pipe);
	b->body = (struct http_body){.read = push_blob_read, .arg = b, .size = n, .once = true};
	c->body = &b->body;
	return 0;
}

static int push_blob_make_head(struct push_blob *b, struct err *e)
{
	AUTO_FREE char *tail = mem_printf("blobs/%s", b->d->digest.text);

	return regsession_call(b->set->pool, b->set->push->to, HTTP_HEAD, tail, "pull,push", &b->call, e);
}

int push_blob_make(struct push_blob *b, struct err *e)
{
	switch (b->up.ask) {
	case UPLOAD_HEAD:
		return push_blob_make_head(b, e);
	case UPLOAD_OPEN:
		return push_blob_make_open(b, e);
	case UPLOAD_PUT:
		return push_blob_make_upload(b, HTTP_PUT, b->d->size, e);
	case UPLOAD_PATCH:
		return push_blob_make_upload(b, HTTP_PATCH, b->up.len, e);
	case UPLOAD_STATUS:
		return push_blob_make_upload(b, HTTP_GET, 0, e);
	case UPLOAD_CLOSE:
		return push_blob_make_upload(b, HTTP_PUT, 0, e);
	case UPLOAD_WAIT:
	case UPLOAD_DONE:
		break;
	}
	return err_set(e, ERR_INTERNAL, "an upload without a request");
}
