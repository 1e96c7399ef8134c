/* The upload of one blob as a state machine. */
#include "registry/upload.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

/* UPLOAD_HEAD is 0. */
#define HEAD 100
#define D    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* One answer (0: none came), and what must follow; ask -1: final. */
struct step {
	int status;
	const char *location, *length;
	int ask;	    /* 0 is the end of the list: see HEAD */
	const char *target; /* of a PUT */
};

static const struct {
	const char *mount;
	struct step v[8];
	enum upload_how how; /* if it ends in DONE */
} runs[] = {
	{NULL, {{200, NULL, "10", UPLOAD_DONE, NULL}}, UPLOAD_THERE},
	{NULL, {{200, NULL, NULL, UPLOAD_DONE, NULL}}, UPLOAD_THERE},
	{NULL, {{200, NULL, "5", UPLOAD_OPEN, NULL}}, UPLOAD_THERE},
	{NULL, {{403, NULL, NULL, -1, NULL}}, UPLOAD_THERE},
	{NULL,
	 {{404, NULL, NULL, UPLOAD_OPEN, NULL},
	  {202, "/u/1", NULL, UPLOAD_PUT, "/u/1?digest=" D},
	  {201, NULL, NULL, UPLOAD_DONE, NULL}},
	 UPLOAD_SENT},
	{NULL,
	 {{404, NULL, NULL, UPLOAD_OPEN, NULL},
	  {202, "http://r/u/1?_s=a%3D", NULL, UPLOAD_PUT, "/u/1?_s=a%3D&digest=" D},
	  {204, NULL, NULL, UPLOAD_DONE, NULL}},
	 UPLOAD_SENT},
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, NULL, NULL, -1, NULL}}, UPLOAD_THERE},
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "http://evil/u", NULL, -1, NULL}}, UPLOAD_THERE},
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {401, NULL, NULL, -1, NULL}}, UPLOAD_THERE},
	{"a/b", {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {201, "/v2/x", NULL, UPLOAD_DONE, NULL}}, UPLOAD_MOUNTED},
	{"a/b", {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "/u/2", NULL, UPLOAD_PUT, "/u/2?digest=" D}}, UPLOAD_SENT},
	/* a mount that is refused is not the end */
	{"a/b",
	 {{404, NULL, NULL, UPLOAD_OPEN, NULL},
	  {403, NULL, NULL, UPLOAD_OPEN, NULL},
	  {202, "/u", NULL, UPLOAD_PUT, "/u?digest=" D}},
	 UPLOAD_SENT},
	/* an upload that broke: ask first */
	{NULL,
	 {{404, NULL, NULL, UPLOAD_OPEN, NULL},
	  {202, "/u", NULL, UPLOAD_PUT, NULL},
	  {0, NULL, NULL, HEAD, NULL},
	  {200, NULL, "10", UPLOAD_DONE, NULL}},
	 UPLOAD_THERE},
	{NULL,
	 {{404, NULL, NULL, UPLOAD_OPEN, NULL},
	  {202, "/u", NULL, UPLOAD_PUT, NULL},
	  {416, NULL, NULL, HEAD, NULL},
	  {404, NULL, NULL, UPLOAD_OPEN, NULL},
	  {202, "/v", NULL, UPLOAD_PUT, "/v?digest=" D},
	  {503, NULL, NULL, HEAD, NULL},
	  {404, NULL, NULL, UPLOAD_OPEN, NULL}},
	 UPLOAD_THERE},
	{NULL,
	 {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "/u", NULL, UPLOAD_PUT, NULL}, {400, NULL, NULL, -1, NULL}},
	 UPLOAD_THERE},
};

START_TEST(walks)
{
	AUTO_URL struct url from = {0};
	struct err e = ERR_INIT;

	unit_ok(url_parse(SV("http://r/v2/x/blobs/uploads/"), &from, &e), e);
	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		struct upload u = {.digest = D, .size = 10, .mount_from = runs[i].mount, .retry.max = 3};

		for (size_t k = 0; k < ARRAY_LEN(runs[i].v) && runs[i].v[k].ask; k++) {
			const struct step *s = &runs[i].v[k];
			struct upload_answer a = {.from = &from,
						  .status = s->status,
						  .location = sv_from(s->location),
						  .length = sv_from(s->length),
						  .retry_after = RETRY_AFTER_NONE,
						  .now = 1};
			int rc = upload_next(&u, &a, &e);

			ck_assert_msg(rc == (s->ask < 0 ? -1 : 0), "run %zu step %zu", i, k);
			ck_assert_msg(rc || (int)u.ask == s->ask % HEAD, "run %zu step %zu: %d", i, k, (int)u.ask);
			if (s->target) {
				AUTO_FREE char *target = upload_target(&u);

				ck_assert_str_eq(target, s->target);
			}
			if (!rc && u.ask == UPLOAD_DONE)
				ck_assert_int_eq(u.how, runs[i].how);
			err_release(&e);
		}
		upload_release(&u);
	}
}
END_TEST

/* A registry that loses every session is left in the end. */
START_TEST(is_bounded)
{
	AUTO_URL struct url from = {0};
	struct upload u = {.digest = D, .size = 10, .retry.max = 3};
	struct err e = ERR_INIT;
	int puts = 0;

	unit_ok(url_parse(SV("http://r/v2/x/blobs/uploads/"), &from, &e), e);
	for (int i = 0; i < 100; i++) {
		struct upload_answer a = {.from = &from,
					  .status = u.ask == UPLOAD_OPEN ? 202 : 404,
					  .location = SV("/u"),
					  .retry_after = RETRY_AFTER_NONE,
					  .now = 1};

		puts += u.ask == UPLOAD_PUT;
		if (upload_next(&u, &a, &e))
			break;
	}
	ck_assert_int_eq(puts, 4);
	upload_release(&u);
	err_release(&e);
}
END_TEST

/* Every chunk is taken, and the upload can never be closed: chunks that are sent once more are no progress. */
START_TEST(closing_is_bounded)
{
	AUTO_URL struct url from = {0};
	struct upload u = {.digest = D, .size = 25, .chunk = 10, .retry.max = 3};
	struct err e = ERR_INIT;
	int closed = 0, rc = 0;

	unit_ok(url_parse(SV("http://r/v2/x/blobs/uploads/"), &from, &e), e);
	for (int i = 0; i < 200 && !rc; i++) {
		struct upload_answer a = {
			.from = &from, .location = SV("/u"), .retry_after = RETRY_AFTER_NONE, .now = 1};

		a.status = u.ask == UPLOAD_HEAD ? 404 : u.ask == UPLOAD_CLOSE ? 500 : 202;
		closed += u.ask == UPLOAD_CLOSE;
		rc = upload_next(&u, &a, &e);
	}
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(closed, 4);
	upload_release(&u);
	err_release(&e);
}
END_TEST

/* --- chunks: 25 bytes in chunks of 10 */

struct chunk_step {
	int status;
	const char *range, *chunk_min;
	int ask;	   /* as above */
	uint64_t off, len; /* of a PATCH that must follow */
};

#define PATCH  UPLOAD_PATCH
#define STATUS UPLOAD_STATUS
#define CLOSE  UPLOAD_CLOSE
#define START                                                                                                          \
	{404, NULL, NULL, UPLOAD_OPEN, 0, 0},                                                                          \
	{                                                                                                              \
		202, "0-0", NULL, PATCH, 0, 10                                                                         \
	}

/* clang-format off */
static const struct chunk_step chunk_runs[][12] = {
	/* all goes well, with and without Range */
	{START, {202, "0-9", NULL, PATCH, 10, 10}, {202, NULL, NULL, PATCH, 20, 5}, {202, "bytes=0-24", NULL, CLOSE, 0, 0},
	 {201, NULL, NULL, UPLOAD_DONE, 0, 0}},
	/* a cut in the middle of a chunk: what the registry has is not sent again */
	{START, {202, "0-9", NULL, PATCH, 10, 10}, {0, NULL, NULL, STATUS, 0, 0}, {204, "0-14", NULL, PATCH, 15, 10},
	 {202, "0-24", NULL, CLOSE, 0, 0}},
	/* the same, the answer was lost */
	{START, {0, NULL, NULL, STATUS, 0, 0}, {204, "0-9", NULL, PATCH, 10, 10}},
	{START, {503, NULL, NULL, STATUS, 0, 0}, {204, "0-0", NULL, PATCH, 0, 10}},
	/* the session is gone */
	{START, {404, NULL, NULL, HEAD, 0, 0}, {404, NULL, NULL, UPLOAD_OPEN, 0, 0}, {202, NULL, NULL, PATCH, 0, 10},
	 {404, NULL, NULL, HEAD, 0, 0}, {404, NULL, NULL, UPLOAD_OPEN, 0, 0}, {202, NULL, NULL, UPLOAD_PUT, 0, 0}},
	{START, {0, NULL, NULL, STATUS, 0, 0}, {404, NULL, NULL, HEAD, 0, 0}, {200, NULL, NULL, UPLOAD_DONE, 0, 0}},
	/* chunks are not taken */
	{START, {415, NULL, NULL, HEAD, 0, 0}, {404, NULL, NULL, UPLOAD_OPEN, 0, 0}, {202, NULL, NULL, UPLOAD_PUT, 0, 0},
	 {201, NULL, NULL, UPLOAD_DONE, 0, 0}},
	{START, {416, NULL, NULL, HEAD, 0, 0}, {404, NULL, NULL, UPLOAD_OPEN, 0, 0}, {202, NULL, NULL, UPLOAD_PUT, 0, 0}},
	{START, {202, "0-9", NULL, PATCH, 10, 10}, {416, NULL, NULL, STATUS, 0, 0}, {204, "0-9", NULL, PATCH, 10, 10}},
	{START, {403, NULL, NULL, -1, 0, 0}},
	/* a Range that contradicts what was taken */
	{START, {202, "0-3", NULL, STATUS, 0, 0}, {204, "0-9", NULL, PATCH, 10, 10}},
	{START, {202, "x", NULL, STATUS, 0, 0}, {204, "0-99", NULL, HEAD, 0, 0}, {404, NULL, NULL, UPLOAD_OPEN, 0, 0},
	 {202, NULL, NULL, UPLOAD_PUT, 0, 0}},
	{START, {202, "0-3", NULL, STATUS, 0, 0}, {204, "0-3", NULL, PATCH, 4, 10}, {202, "0-3", NULL, STATUS, 0, 0},
	 {204, "0-3", NULL, PATCH, 4, 10}, {202, "0-3", NULL, STATUS, 0, 0}, {204, "0-3", NULL, PATCH, 4, 10},
	 {202, "0-3", NULL, HEAD, 0, 0}, {404, NULL, NULL, UPLOAD_OPEN, 0, 0}, {202, NULL, NULL, UPLOAD_PUT, 0, 0}},
	/* the registry's own length */
	{{404, NULL, NULL, UPLOAD_OPEN, 0, 0}, {202, NULL, "15", PATCH, 0, 15}, {202, NULL, NULL, PATCH, 15, 10},
	 {202, NULL, NULL, CLOSE, 0, 0}},
	{{404, NULL, NULL, UPLOAD_OPEN, 0, 0}, {202, NULL, "25", UPLOAD_PUT, 0, 0}},
	{{404, NULL, NULL, UPLOAD_OPEN, 0, 0}, {202, NULL, "9999999999999", UPLOAD_PUT, 0, 0}},
	/* the pieces do not make the whole */
	{START, {202, NULL, NULL, PATCH, 10, 10}, {202, NULL, NULL, PATCH, 20, 5}, {202, NULL, NULL, CLOSE, 0, 0},
	 {400, NULL, NULL, HEAD, 0, 0}, {404, NULL, NULL, UPLOAD_OPEN, 0, 0}, {202, NULL, NULL, UPLOAD_PUT, 0, 0},
	 {400, NULL, NULL, -1, 0, 0}},
	{START, {202, NULL, NULL, PATCH, 10, 10}, {202, NULL, NULL, PATCH, 20, 5}, {202, NULL, NULL, CLOSE, 0, 0},
	 {0, NULL, NULL, HEAD, 0, 0}, {200, NULL, NULL, UPLOAD_DONE, 0, 0}},
};
/* clang-format on */

START_TEST(chunks)
{
	AUTO_URL struct url from = {0};
	struct err e = ERR_INIT;

	unit_ok(url_parse(SV("http://r/v2/x/blobs/uploads/"), &from, &e), e);
	for (size_t i = 0; i < ARRAY_LEN(chunk_runs); i++) {
		struct upload u = {.digest = D, .size = 25, .chunk = 10, .retry.max = 3};

		upload_begin(&u);
		for (size_t k = 0; k < ARRAY_LEN(chunk_runs[i]) && chunk_runs[i][k].ask; k++) {
			const struct chunk_step *s = &chunk_runs[i][k];
			struct upload_answer a = {.from = &from,
						  .status = s->status,
						  .location = SV("/u"),
						  .range = sv_from(s->range),
						  .chunk_min = sv_from(s->chunk_min),
						  .retry_after = RETRY_AFTER_NONE,
						  .now = 1};
			int rc = upload_next(&u, &a, &e);

			ck_assert_msg(rc == (s->ask < 0 ? -1 : 0), "run %zu step %zu", i, k);
			ck_assert_msg(rc || (int)u.ask == s->ask % HEAD, "run %zu step %zu: %d", i, k, (int)u.ask);
			if (!rc && u.ask == UPLOAD_PATCH)
				ck_assert_msg(u.off == s->off && u.len == s->len, "run %zu step %zu: %llu+%llu", i, k,
					      (unsigned long long)u.off, (unsigned long long)u.len);
			err_release(&e);
		}
		upload_release(&u);
	}
}
END_TEST

/* --- a blob that is being made */

#define MIB (UINT64_C(1) << 20)

static void answer(struct upload *u, const struct url *from, int status, enum upload_ask ask)
{
	struct err e = ERR_INIT;
	struct upload_answer a = {
		.from = from, .status = status, .location = SV("/u"), .retry_after = RETRY_AFTER_NONE, .now = 1};

	unit_ok(upload_next(u, &a, &e), e);
	ck_assert_int_eq(u->ask, ask);
}

static void grow(struct upload *u, uint64_t size, bool whole, enum upload_ask ask)
{
	u->size = size;
	u->growing = !whole;
	u->digest = whole ? D : NULL;
	upload_more(u);
	ck_assert_int_eq(u->ask, ask);
}

START_TEST(grows)
{
	AUTO_URL struct url from = {0};
	struct upload u = {.growing = true, .chunk = UPLOAD_CHUNK_BYTES, .retry.max = 3};
	struct err e = ERR_INIT;

	unit_ok(url_parse(SV("http://r/v2/x/blobs/uploads/"), &from, &e), e);
	upload_begin(&u);
	ck_assert_int_eq(u.ask, UPLOAD_WAIT);
	grow(&u, 7 * MIB, false, UPLOAD_WAIT);
	grow(&u, 9 * MIB, false, UPLOAD_OPEN);
	answer(&u, &from, 202, UPLOAD_PATCH);
	ck_assert_uint_eq(u.len, 9 * MIB);
	u.size = 60 * MIB;
	answer(&u, &from, 202, UPLOAD_PATCH);
	ck_assert_uint_eq(u.off, 9 * MIB);
	ck_assert_uint_eq(u.len, UPLOAD_CHUNK_BYTES);
	answer(&u, &from, 202, UPLOAD_PATCH);
	answer(&u, &from, 202, UPLOAD_WAIT);
	grow(&u, 62 * MIB, false, UPLOAD_WAIT);
	grow(&u, 62 * MIB + 5, true, UPLOAD_PATCH);
	ck_assert_uint_eq(u.off + u.len, 62 * MIB + 5);
	answer(&u, &from, 202, UPLOAD_CLOSE);
	answer(&u, &from, 201, UPLOAD_DONE);
	ck_assert_int_eq(u.how, UPLOAD_SENT);
	upload_release(&u);
}
END_TEST

/* Small, or chunks are refused: nothing is sent before all is there, and the registry is asked for it first. */
START_TEST(grows_without_chunks)
{
	AUTO_URL struct url from = {0};
	struct err e = ERR_INIT;
	struct upload small = {.growing = true, .chunk = UPLOAD_CHUNK_BYTES, .retry.max = 3}, u = small;

	unit_ok(url_parse(SV("http://r/v2/x/blobs/uploads/"), &from, &e), e);
	upload_begin(&small);
	grow(&small, 100, true, UPLOAD_HEAD);
	upload_begin(&u);
	grow(&u, 9 * MIB, false, UPLOAD_OPEN);
	answer(&u, &from, 202, UPLOAD_PATCH);
	answer(&u, &from, 405, UPLOAD_WAIT);
	grow(&u, 90 * MIB, false, UPLOAD_WAIT);
	grow(&u, 91 * MIB, true, UPLOAD_HEAD);
	answer(&u, &from, 404, UPLOAD_OPEN);
	answer(&u, &from, 202, UPLOAD_PUT);
	answer(&u, &from, 201, UPLOAD_DONE);
	upload_release(&u);
	upload_release(&small);
}
END_TEST

UNIT_MAIN("upload", walks, is_bounded, closing_is_bounded, chunks, grows, grows_without_chunks)
