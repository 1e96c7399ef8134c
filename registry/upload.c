/* The upload of one blob as a state machine. */
#include "registry/upload.h"

#include "src/util/mem.h"
#include "src/util/num.h"

void upload_release(struct upload *u)
{
	free(u->location);
	u->location = NULL;
}

static bool upload_success(int status)
{
	return status >= 200 && status <= 299;
}

static int upload_go(struct upload *u, enum upload_ask ask)
{
	u->ask = ask;
	return 0;
}

static int upload_done(struct upload *u, enum upload_how how)
{
	u->how = how;
	return upload_go(u, UPLOAD_DONE);
}

static int upload_on_head(struct upload *u, const struct upload_answer *a)
{
	uint64_t length;

	if (a->status == 404)
		return upload_go(u, UPLOAD_OPEN);
	if (!upload_success(a->status))
		return -1;
	/* A blob of another size is not ours, whatever its name: the registry will check what we send. */
	if (!num_parse(a->length, 10, UINT64_MAX, &length) && length != u->size)
		return upload_go(u, UPLOAD_OPEN);
	return upload_done(u, UPLOAD_THERE);
}

static int upload_on_open(struct upload *u, const struct upload_answer *a, struct err *e)
{
	bool mounting = u->mount_from;
	struct url at;

	u->mount_from = NULL;
	if (!upload_success(a->status))
		return mounting && a->status >= 400 && a->status < 500 ? 0 : -1; /* without the mount, then */
	if (mounting && a->status == 201)
		return upload_done(u, UPLOAD_MOUNTED);
	if (!a->location.n)
		return err_set(e, ERR_REGISTRY, "the registry opens an upload, but does not say where");
	if (url_upload(a->from, a->location, &at, e))
		return -1;
	free(u->location);
	u->location = url_add_query(STEAL_PTR(at.target), "digest", u->digest);
	url_release(&at);
	return upload_go(u, UPLOAD_PUT);
}

/* What becomes of an upload that broke is unknown; asking costs one request. */
static int upload_on_put(struct upload *u, const struct upload_answer *a)
{
	bool lost = a->status == 404 || a->status == 416;

	if (upload_success(a->status))
		return upload_done(u, UPLOAD_SENT);
	if (a->status && !lost && !retry_status(a->status))
		return -1;
	if (!retry_next(&u->retry, lost ? 0 : a->retry_after, a->now, &u->pause))
		return -1;
	return upload_go(u, UPLOAD_HEAD);
}

int upload_next(struct upload *u, const struct upload_answer *a, struct err *e)
{
	u->pause = 0;
	switch (u->ask) {
	case UPLOAD_HEAD:
		return upload_on_head(u, a);
	case UPLOAD_OPEN:
		return upload_on_open(u, a, e);
	case UPLOAD_PUT:
		return upload_on_put(u, a);
	case UPLOAD_DONE:
		break;
	}
	return err_set(e, ERR_INTERNAL, "an answer to an upload that is over");
}
