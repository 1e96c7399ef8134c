/* The upload of one blob as a state machine. */
#include "registry/upload.h"

#include "src/util/mem.h"
#include "src/util/num.h"

/* Sessions that may get lost, and answers that contradict each other, before one PUT is tried. */
#define UPLOAD_LOST_MAX	  2
#define UPLOAD_BEHIND_MAX 3

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

/* --- what follows where nothing is under way --- */

static bool upload_chunked(const struct upload *u)
{
	return u->chunk && !u->whole && (u->growing || u->off || u->size > u->chunk);
}

static int upload_patch(struct upload *u)
{
	uint64_t left = u->size - u->off;
	uint64_t least = !u->growing ? 1 : u->chunk < UPLOAD_STREAM_BYTES ? u->chunk : UPLOAD_STREAM_BYTES;

	/* A registry that wants longer chunks has raised u->chunk beyond the usual. */
	if (u->growing && u->chunk > UPLOAD_CHUNK_BYTES)
		least = u->chunk;
	if (left < least)
		return upload_go(u, u->growing ? UPLOAD_WAIT : UPLOAD_CLOSE);
	u->len = left < u->chunk ? left : u->chunk;
	return upload_go(u, UPLOAD_PATCH);
}

static int upload_plan(struct upload *u)
{
	bool missing = u->missing;

	if (u->location)
		return upload_chunked(u) ? upload_patch(u) : upload_go(u, u->growing ? UPLOAD_WAIT : UPLOAD_PUT);
	if (u->growing)
		return upload_go(u, upload_chunked(u) && u->size >= UPLOAD_STREAM_BYTES ? UPLOAD_OPEN : UPLOAD_WAIT);
	u->missing = false;
	return upload_go(u, missing ? UPLOAD_OPEN : UPLOAD_HEAD);
}

void upload_begin(struct upload *u)
{
	upload_plan(u);
}

void upload_more(struct upload *u)
{
	upload_plan(u);
}

char *upload_target(const struct upload *u)
{
	char *target = mem_strdup(u->location ? u->location : "");

	if (u->ask == UPLOAD_PUT || u->ask == UPLOAD_CLOSE)
		return url_add_query(target, "digest", u->digest);
	return target;
}

/* --- sessions --- */

static int upload_take_location(struct upload *u, const struct upload_answer *a, struct err *e)
{
	struct url at;

	if (url_upload(a->from, a->location, &at, e))
		return -1;
	free(u->location);
	u->location = STEAL_PTR(at.target);
	url_release(&at);
	return 0;
}

/* Begin anew; what the registry has of it is unknown, and asking costs one request. */
static int upload_restart(struct upload *u)
{
	free(u->location);
	u->location = NULL;
	u->off = u->len = 0;
	u->missing = false;
	return upload_plan(u);
}

void upload_anew(struct upload *u)
{
	u->pause = 0;
	upload_restart(u);
}

/* Chunks do not work here: all in one. */
static int upload_fall_back(struct upload *u)
{
	u->whole = true;
	u->retry.used = 0;
	u->retry.since = 0;
	return upload_restart(u);
}

static int upload_again(struct upload *u, const struct upload_answer *a, bool lost)
{
	if (!retry_next(&u->retry, lost ? 0 : a->retry_after, a->now, &u->pause))
		return -1;
	if (lost && upload_chunked(u) && ++u->lost >= UPLOAD_LOST_MAX)
		u->whole = true;
	return upload_restart(u);
}

static bool upload_is_lost(int status)
{
	return status == 404 || status == 416;
}

/* --- answers --- */

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

/* OCI-Chunk-Min-Length. */
static void upload_take_minimum(struct upload *u, const struct upload_answer *a)
{
	uint64_t least;

	if (!u->chunk || num_parse(a->chunk_min, 10, UINT64_MAX, &least))
		return;
	if (least > UPLOAD_CHUNK_MAX_BYTES)
		u->whole = true;
	else if (least > u->chunk)
		u->chunk = least;
}

static int upload_on_open(struct upload *u, const struct upload_answer *a, struct err *e)
{
	bool mounting = u->mount_from;

	u->mount_from = NULL;
	if (!upload_success(a->status))
		return mounting && a->status >= 400 && a->status < 500 ? 0 : -1; /* without the mount, then */
	if (mounting && a->status == 201)
		return upload_done(u, UPLOAD_MOUNTED);
	if (!a->location.n)
		return err_set(e, ERR_REGISTRY, "the registry opens an upload, but does not say where");
	if (upload_take_location(u, a, e))
		return -1;
	u->off = u->len = 0;
	upload_take_minimum(u, a);
	return upload_plan(u);
}

/* "0-99", with or without "bytes=" before it: 100. An upload without bytes is "0-0", too. */
static int upload_parse_range(struct sv range, uint64_t *end)
{
	struct sv rest = sv_trim(range);
	uint64_t first, last;

	if (sv_starts(rest, "bytes="))
		rest = sv_sub(rest, 6, rest.n);
	if (num_parse(sv_cut(&rest, '-'), 10, UINT64_MAX, &first) || first ||
	    num_parse(rest, 10, UINT64_MAX - 1, &last))
		return -1;
	*end = last ? last + 1 : 0;
	return 0;
}

/* Else an upload whose closing always fails would be tried for ever: its chunks go well each time. */
static void upload_reached(struct upload *u, uint64_t end)
{
	if (end <= u->best)
		return;
	u->best = end;
	retry_progress(&u->retry);
}

static int upload_on_chunk(struct upload *u, const struct upload_answer *a, struct err *e)
{
	uint64_t end;

	if (a->location.n && upload_take_location(u, a, e))
		return -1;
	if (a->range.n && (upload_parse_range(a->range, &end) || end != u->off + u->len))
		return ++u->behind > UPLOAD_BEHIND_MAX ? upload_fall_back(u) : upload_go(u, UPLOAD_STATUS);
	u->off += u->len;
	upload_reached(u, u->off);
	return upload_plan(u);
}

static int upload_on_patch(struct upload *u, const struct upload_answer *a, struct err *e)
{
	if (upload_success(a->status))
		return upload_on_chunk(u, a, e);
	if (a->status == 401 || a->status == 403)
		return -1;
	if (a->status == 404)
		return upload_again(u, a, true);
	/* 416 for the first chunk, or another word against it: not taken here. */
	if (a->status && !retry_status(a->status) && (a->status != 416 || !u->off))
		return upload_fall_back(u);
	if (!retry_next(&u->retry, a->status == 416 ? 0 : a->retry_after, a->now, &u->pause))
		return a->status == 416 ? upload_fall_back(u) : -1;
	return upload_go(u, UPLOAD_STATUS);
}

static int upload_on_status(struct upload *u, const struct upload_answer *a, struct err *e)
{
	uint64_t end;

	if (!upload_success(a->status))
		return upload_again(u, a, true);
	if (a->location.n && upload_take_location(u, a, e))
		return -1;
	if (upload_parse_range(a->range, &end) || end > u->off + u->len)
		return upload_fall_back(u);
	upload_reached(u, end);
	u->off = end;
	return upload_plan(u);
}

static int upload_on_put(struct upload *u, const struct upload_answer *a)
{
	bool lost = upload_is_lost(a->status);

	if (upload_success(a->status))
		return upload_done(u, UPLOAD_SENT);
	/* What came in pieces is not what was sent. */
	if (u->ask == UPLOAD_CLOSE && a->status == 400)
		return upload_fall_back(u);
	if (a->status && !lost && !retry_status(a->status))
		return -1;
	return upload_again(u, a, lost);
}

int upload_next(struct upload *u, const struct upload_answer *a, struct err *e)
{
	u->pause = 0;
	switch (u->ask) {
	case UPLOAD_HEAD:
		return upload_on_head(u, a);
	case UPLOAD_OPEN:
		return upload_on_open(u, a, e);
	case UPLOAD_PATCH:
		return upload_on_patch(u, a, e);
	case UPLOAD_STATUS:
		return upload_on_status(u, a, e);
	case UPLOAD_PUT:
	case UPLOAD_CLOSE:
		return upload_on_put(u, a);
	case UPLOAD_WAIT:
	case UPLOAD_DONE:
		break;
	}
	return err_set(e, ERR_INTERNAL, "an answer to an upload that waits or is over");
}
