/* The registry client against servers that fail or lie: push. */
#include "tests/unit/faulty_registry.h"

/* Takes everything; the first blob that is uploaded meets `trouble`. state[0]: troubles so far, state[1]: blobs. */
static void take(struct fake_conn *c, void (*trouble)(struct fake_conn *c))
{
	bool known = strstr(c->q->target, blob_desc.digest.text) ? c->log->state[1] : c->log->state[2];

	if (is(c, "HEAD", "/blobs/") && known) {
		bool main_blob = strstr(c->q->target, blob_desc.digest.text);

		fake_head(c, 200, "", main_blob ? blob.n : config_text.n);
	} else if (is(c, "HEAD", "/")) {
		fake_status(c, 404, "");
	} else if (is(c, "POST", "/uploads/")) {
		fake_status(c, 202, "Location: ../uploads/session?_state=a%2Fb\r\n");
	} else if (is(c, "PUT", "/uploads/") && trouble && !c->log->state[0]++) {
		trouble(c);
	} else {
		if (strstr(c->q->target, blob_desc.digest.text))
			c->log->state[1] = 1;
		else
			c->log->state[2] = 1;
		fake_status(c, 201, "");
	}
}

static void lost_ack(struct fake_conn *c)
{
	c->log->state[strstr(c->q->target, blob_desc.digest.text) ? 1 : 2] = 1;
	fake_reset(c);
}

static void lost_session(struct fake_conn *c)
{
	fake_status(c, 404, "");
}

static void server_error(struct fake_conn *c)
{
	fake_status(c, 503, "Retry-After: 0\r\n");
}

static void takes(struct fake_conn *c)
{
	take(c, NULL);
}

static void loses_ack(struct fake_conn *c)
{
	take(c, lost_ack);
}

static void loses_session(struct fake_conn *c)
{
	take(c, lost_session);
}

static void fails_upload(struct fake_conn *c)
{
	take(c, server_error);
}

static const struct {
	fake_fn *fn;
	size_t puts; /* of blobs */
} pushes[] = {{takes, 2}, {loses_ack, 2}, {loses_session, 3}, {fails_upload, 3}};

START_TEST(push_recovers)
{
	for (size_t i = 0; i < ARRAY_LEN(pushes); i++) {
		RU_STORE(s);
		FAKE(f, pushes[i].fn);
		struct registry_push p;
		struct err e = ERR_INIT;

		ck_assert_msg(!push(&f, s.s, &p, &e), "case %zu: %s", i, e.msg);
		ck_assert_uint_eq(fake_count(&f, "PUT", "/v2/demo/blobs/uploads/session?_state=a%2Fb&digest=sha256:"),
				  pushes[i].puts);
		ck_assert_uint_eq(fake_count(&f, "PUT", "/manifests/1"), 1);
		ck_assert_str_eq(f.log->v[f.log->n - 1].method, "PUT");
		ck_assert_uint_eq(f.log->v[f.log->n - 1].body, manifest_text.n);
	}
}
END_TEST

/* state[3]: after the first manifest everything is lost, once. */
static void collects_garbage(struct fake_conn *c)
{
	static const char text[] = "{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\",\"message\":\"blob unknown\"}]}";

	if (is(c, "PUT", "/manifests/2") && !c->log->state[3]++) {
		c->log->state[1] = c->log->state[2] = 0;
		fake_answer(c, 404, "", LIT(text));
	} else {
		take(c, NULL);
	}
}

START_TEST(push_of_what_has_gone)
{
	RU_STORE(s);
	FAKE(f, collects_garbage);
	RU_CLIENT(r, NULL);
	AUTO_REF struct ref one = ru_ref(f.host, "demo:1"), two = ru_ref(f.host, "demo:2");
	struct registry_push p = {.to = &one};
	struct err e = ERR_INIT;

	unit_ok(store_blob_put(s.s, blob.p, blob.n, "", NULL, &e), e);
	unit_ok(store_blob_put(s.s, config_text.p, config_text.n, "", NULL, &e), e);
	unit_ok(store_blob_put(s.s, manifest_text.p, manifest_text.n, "", NULL, &e), e);
	descriptor_copy(&p.manifest, &manifest_desc);
	unit_ok(registry_push_image(r, &p, s.s, NULL, NULL, &e), e);
	p.to = &two;
	unit_ok(registry_push_image(r, &p, s.s, NULL, NULL, &e), e);
	ck_assert_uint_eq(p.blobs_sent, 2);
	ck_assert_uint_eq(fake_count(&f, "PUT", "/manifests/2"), 2);
	ck_assert_uint_eq(fake_count(&f, "PUT", "/uploads/"), 4);
	descriptor_release(&p.manifest);
}
END_TEST

static void uploads_elsewhere(struct fake_conn *c)
{
	AUTO_FREE char *field = mem_printf("Location: http://127.0.0.1:%d/steal\r\n", other_port);

	if (is(c, "POST", "/uploads/"))
		fake_status(c, 202, field);
	else
		take(c, NULL);
}

static void uploads_nowhere(struct fake_conn *c)
{
	if (is(c, "POST", "/uploads/"))
		fake_status(c, 202, "");
	else
		take(c, NULL);
}

static void uploads_to_a_file(struct fake_conn *c)
{
	if (is(c, "POST", "/uploads/"))
		fake_status(c, 202, "Location: file:///tmp/x\r\n");
	else
		take(c, NULL);
}

static void refuses_manifest_put(struct fake_conn *c)
{
	static const char text[] = "{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\",\"message\":\"blob unknown\"}]}";

	if (is(c, "PUT", "/manifests/"))
		fake_answer(c, 400, "", text, strlen(text));
	else
		take(c, NULL);
}

static const struct {
	fake_fn *fn;
	const char *text;
} bad_push[] = {
	{uploads_elsewhere, "another host"},
	{uploads_nowhere, "does not say where"},
	{uploads_to_a_file, "\"file\""},
	{refuses_manifest_put, "MANIFEST_BLOB_UNKNOWN"},
};

START_TEST(push_gives_up)
{
	FAKE(thief, honest);

	other_port = thief.port;
	for (size_t i = 0; i < ARRAY_LEN(bad_push); i++) {
		RU_STORE(s);
		FAKE(f, bad_push[i].fn);
		struct registry_push p;
		struct err e = ERR_INIT;

		ck_assert_msg(push(&f, s.s, &p, &e) == -1, "case %zu", i);
		ck_assert_msg(e.code == ERR_REGISTRY && strstr(e.msg, bad_push[i].text), "case %zu: %d %s", i, e.code,
			      e.msg);
		err_release(&e);
	}
	ck_assert_uint_eq(thief.log->n, 0);
}
END_TEST

int main(void)
{
	/* clang-format off */
	const TTest *const tests[] = {
		push_recovers, push_of_what_has_gone, push_gives_up,
	};
	/* clang-format on */

	ru_clean_env("/nonexistent");
	make_content();
	return unit_run("push_faults", tests, ARRAY_LEN(tests));
}
