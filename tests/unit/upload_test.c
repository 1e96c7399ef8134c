/* The upload of one blob as a state machine. */
#include "registry/upload.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

/* UPLOAD_HEAD is 0. */
#define HEAD 100
#define D "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* One answer (0: none came), and what must follow; ask -1: final. */
struct step {
	int status;
	const char *location, *length;
	int ask; /* 0 is the end of the list: see HEAD */
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
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "/u/1", NULL, UPLOAD_PUT, "/u/1?digest=" D},
		{201, NULL, NULL, UPLOAD_DONE, NULL}}, UPLOAD_SENT},
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "http://r/u/1?_s=a%3D", NULL, UPLOAD_PUT, "/u/1?_s=a%3D&digest=" D},
		{204, NULL, NULL, UPLOAD_DONE, NULL}}, UPLOAD_SENT},
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, NULL, NULL, -1, NULL}}, UPLOAD_THERE},
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "http://evil/u", NULL, -1, NULL}}, UPLOAD_THERE},
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {401, NULL, NULL, -1, NULL}}, UPLOAD_THERE},
	{"a/b", {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {201, "/v2/x", NULL, UPLOAD_DONE, NULL}}, UPLOAD_MOUNTED},
	{"a/b", {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "/u/2", NULL, UPLOAD_PUT, "/u/2?digest=" D}}, UPLOAD_SENT},
	/* a mount that is refused is not the end */
	{"a/b", {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {403, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "/u", NULL, UPLOAD_PUT,
		"/u?digest=" D}}, UPLOAD_SENT},
	/* an upload that broke: ask first */
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "/u", NULL, UPLOAD_PUT, NULL}, {0, NULL, NULL, HEAD, NULL},
		{200, NULL, "10", UPLOAD_DONE, NULL}}, UPLOAD_THERE},
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "/u", NULL, UPLOAD_PUT, NULL}, {416, NULL, NULL, HEAD, NULL},
		{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "/v", NULL, UPLOAD_PUT, "/v?digest=" D}, {503, NULL, NULL, HEAD,
		NULL}, {404, NULL, NULL, UPLOAD_OPEN, NULL}}, UPLOAD_THERE},
	{NULL, {{404, NULL, NULL, UPLOAD_OPEN, NULL}, {202, "/u", NULL, UPLOAD_PUT, NULL}, {400, NULL, NULL, -1, NULL}},
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
			struct upload_answer a = {.from = &from, .status = s->status, .location = sv_from(s->location),
						  .length = sv_from(s->length), .retry_after = RETRY_AFTER_NONE, .now = 1};
			int rc = upload_next(&u, &a, &e);

			ck_assert_msg(rc == (s->ask < 0 ? -1 : 0), "run %zu step %zu", i, k);
			ck_assert_msg(rc || (int)u.ask == s->ask % HEAD, "run %zu step %zu: %d", i, k, (int)u.ask);
			if (s->target)
				ck_assert_str_eq(u.location, s->target);
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
		struct upload_answer a = {.from = &from, .status = u.ask == UPLOAD_OPEN ? 202 : 404, .location = SV("/u"),
					  .retry_after = RETRY_AFTER_NONE, .now = 1};

		puts += u.ask == UPLOAD_PUT;
		if (upload_next(&u, &a, &e))
			break;
	}
	ck_assert_int_eq(puts, 4);
	upload_release(&u);
	err_release(&e);
}
END_TEST

UNIT_MAIN("upload", walks, is_bounded)
