/* The registry client against servers that fail or lie: pull and login. */
#include "tests/unit/faulty_registry.h"

/* --- pull: faults that go away --- */

static void cut_once(struct fake_conn *c)
{
	if (!asks_blob(c)) {
		honest(c);
	} else if (!c->nth) {
		fake_head(c, 200, "", blob.n);
		fake_raw(c, blob.p, blob.n / 2);
		fake_reset(c);
	} else {
		size_t from = strtoul(c->q->range + strlen("bytes="), NULL, 10);
		AUTO_FREE char *field = mem_printf("Content-Range: bytes %zu-%zu/%zu\r\n", from, blob.n - 1, blob.n);

		fake_answer(c, 206, field, blob.p + from, blob.n - from);
	}
}

START_TEST(resumes_by_range)
{
	RU_STORE(s);
	FAKE(f, cut_once);
	struct err e = ERR_INIT;

	unit_ok(fetch(&f, s.s, &e), e);
	ru_assert_whole(s.s, &image);
	ck_assert_uint_eq(fake_count(&f, "GET", blob_desc.digest.text), 2);
}
END_TEST

static void ignores_range(struct fake_conn *c)
{
	if (asks_blob(c) && !c->nth) {
		fake_head(c, 200, "", blob.n);
		fake_raw(c, blob.p, blob.n / 2);
	} else {
		honest(c);
	}
}

static void shifts_range(struct fake_conn *c)
{
	if (asks_blob(c) && c->q->range[0]) {
		AUTO_FREE char *field = mem_printf("Content-Range: bytes 1-%zu/%zu\r\n", blob.n - 1, blob.n);

		fake_answer(c, 206, field, blob.p + 1, blob.n - 1);
	} else {
		ignores_range(c);
	}
}

static void refuses_range(struct fake_conn *c)
{
	if (asks_blob(c) && c->q->range[0])
		fake_status(c, 416, "");
	else
		ignores_range(c);
}

static void cuts_chunked(struct fake_conn *c) /* no length is known, and the end looks clean */
{
	static const char head[] = "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n";

	if (!asks_blob(c) || c->nth) {
		cut_once(c);
		return;
	}
	fake_raw(c, head, strlen(head));
	fake_raw(c, blob.p, 1000);
}

static void damages_once(struct fake_conn *c)
{
	if (asks_blob(c) && !c->nth) {
		fake_head(c, 200, "", blob.n);
		fake_raw(c, LIT("!"));
		fake_raw(c, blob.p + 1, blob.n - 1);
	} else {
		honest(c);
	}
}

static void fails_twice(struct fake_conn *c)
{
	if (c->nth < 2)
		fake_status(c, c->nth ? 503 : 500, "Retry-After: 0\r\n");
	else
		honest(c);
}

static void too_many_once(struct fake_conn *c)
{
	if (!c->nth)
		fake_status(c, 429, "Retry-After: 0\r\n");
	else
		honest(c);
}

static fake_fn *const recovers[] = {ignores_range, shifts_range, refuses_range, cuts_chunked,
				    damages_once,  fails_twice,	 too_many_once};

START_TEST(recovers_from)
{
	for (size_t i = 0; i < ARRAY_LEN(recovers); i++) {
		RU_STORE(s);
		FAKE(f, recovers[i]);
		struct err e = ERR_INIT;

		ck_assert_msg(!fetch(&f, s.s, &e), "case %zu: %s", i, e.msg);
		ru_assert_whole(s.s, &image);
	}
}
END_TEST

/* --- pull: what stays wrong --- */

static void damages(struct fake_conn *c)
{
	fake_head(c, 200, "", asks_blob(c) ? blob.n : config_text.n);
	fake_raw(c, LIT("!"));
	fake_raw(c, (asks_blob(c) ? blob.p : config_text.p) + 1, (asks_blob(c) ? blob.n : config_text.n) - 1);
}

START_TEST(wrong_digest)
{
	RU_STORE(s);
	FAKE(f, damages);
	struct err e = ERR_INIT;
	struct digest d;

	ck_assert_int_eq(fetch(&f, s.s, &e), -1);
	ck_assert_uint_le(fake_count(&f, "GET", blob_desc.digest.text), 2);
	ck_assert(!store_blob_has(s.s, &blob_desc.digest, NULL));
	d = blob_desc.digest;
	ck_assert(strstr(e.msg, d.text) || strstr(e.msg, config_desc.digest.text));
	unit_failed(e, ERR_INTEGRITY, "but what came is sha256:");
}
END_TEST

static void too_long(struct fake_conn *c)
{
	static const char head[] = "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n";

	if (!asks_blob(c)) {
		honest(c);
		return;
	}
	fake_raw(c, head, strlen(head));
	for (int i = 0; i < 100; i++)
		fake_raw(c, blob.p, blob.n);
}

static void too_short(struct fake_conn *c)
{
	if (asks_blob(c))
		fake_answer(c, 200, "", blob.p, 1000);
	else
		honest(c);
}

static void gone(struct fake_conn *c)
{
	if (asks_blob(c))
		fake_answer(c, 404, "",
			    LIT("{\"errors\":[{\"code\":\"BLOB_UNKNOWN\",\"message\":\"no\\u001b[31m such\"}]}"));
	else
		honest(c);
}

static void waits_a_day(struct fake_conn *c)
{
	fake_status(c, 429, "Retry-After: 86400\r\n");
}

static void goes_round(struct fake_conn *c)
{
	AUTO_FREE char *field = mem_printf("Location: http://127.0.0.1:%d%s\r\n", c->port, c->q->target);

	fake_status(c, 302, field);
}

static void goes_to_a_file(struct fake_conn *c)
{
	fake_status(c, 307, "Location: file:///etc/passwd\r\n");
}

static void speaks_otherwise(struct fake_conn *c)
{
	fake_raw(c, LIT("SSH-2.0-x\r\n"));
}

static void wants_a_login(struct fake_conn *c)
{
	fake_status(c, 401, "");
}

static void long_head(struct fake_conn *c)
{
	fake_raw(c, LIT("HTTP/1.1 200 X\r\n"));
	for (int i = 0; i < 10000; i++)
		fake_raw(c,
			 LIT("X-Padding: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n"));
}

static const struct {
	fake_fn *fn;
	enum err_code code;
	const char *text, *hint;
	size_t most; /* requests for the blob */
} final[] = {
	{too_long, ERR_INTEGRITY, "another number", NULL, 2},
	{too_short, ERR_INTEGRITY, "another number", NULL, 2},
	{gone, ERR_REGISTRY, "BLOB_UNKNOWN: no such", NULL, 1},
	{waits_a_day, ERR_REGISTRY, "429", "asks to wait 24h", 1},
	{goes_round, ERR_REGISTRY, "more than 5 redirects", NULL, 6},
	{goes_to_a_file, ERR_REGISTRY, "\"file\"", NULL, 1},
	{speaks_otherwise, ERR_REGISTRY, "127.0.0.1", NULL, 3},
	{wants_a_login, ERR_REGISTRY, "401", "slct login", 1},
	{long_head, ERR_REGISTRY, "header", NULL, 1},
};

START_TEST(gives_up)
{
	for (size_t i = 0; i < ARRAY_LEN(final); i++) {
		RU_STORE(s);
		FAKE(f, final[i].fn);
		struct err e = ERR_INIT;

		ck_assert_msg(fetch(&f, s.s, &e) == -1, "case %zu", i);
		ck_assert_msg(!final[i].hint || (e.hint && strstr(e.hint, final[i].hint)), "case %zu: %s", i, e.hint);
		ck_assert_msg(!strchr(e.msg, 033), "case %zu: a control character", i);
		ck_assert_msg(e.code == final[i].code && strstr(e.msg, final[i].text), "case %zu: %d %s", i, e.code,
			      e.msg);
		ck_assert_msg(fake_count(&f, "GET", blob_desc.digest.text) <= final[i].most, "case %zu: %zu requests",
			      i, fake_count(&f, "GET", blob_desc.digest.text));
		ck_assert(!store_blob_has(s.s, &blob_desc.digest, NULL));
		err_release(&e);
	}
}
END_TEST

static void always_500(struct fake_conn *c)
{
	fake_answer(c, 500, "", LIT("{\"errors\":[{\"code\":\"UNKNOWN\",\"message\":\"disk full\"}]}"));
}

START_TEST(tries_are_bounded)
{
	RU_STORE(s);
	FAKE(f, always_500);
	struct registry_opts o = {.retries = 1};
	struct err e = ERR_INIT;

	ck_assert_int_eq(fetch_opts(&f, &o, s.s, &e), -1);
	ck_assert_uint_le(f.log->n, 4);
	ck_assert(e.retryable);
	ck_assert_int_eq(e.http, 500);
	ck_assert_ptr_nonnull(strstr(e.msg, "after 2 tries"));
	unit_failed(e, ERR_REGISTRY, "disk full");
}
END_TEST

/* --- manifests --- */

START_TEST(index_by_platform)
{
	FAKE(f, honest);
	struct registry_image got;
	struct err e = ERR_INIT;

	unit_ok(resolve(&f, "index", &got, &e), e);
	ck_assert_str_eq(got.manifest.digest.text, manifest_desc.digest.text);
	ck_assert_uint_eq(got.config_text.n, config_text.n);
	ck_assert_uint_eq(f.log->n, 3);
	registry_image_release(&got);
}
END_TEST

static void huge_manifest(struct fake_conn *c)
{
	static const char head[] =
		"HTTP/1.1 200 X\r\nConnection: close\r\nContent-Type: " MEDIATYPE_OCI_MANIFEST "\r\n\r\n";

	fake_raw(c, head, strlen(head));
	for (int i = 0; i < 100; i++)
		fake_raw(c, blob.p, blob.n);
}

static void says_index(struct fake_conn *c)
{
	fake_answer(c, 200, "Content-Type: " MEDIATYPE_OCI_INDEX "\r\n", manifest_text.p, manifest_text.n);
}

static void says_html(struct fake_conn *c)
{
	fake_answer(c, 200, "Content-Type: text/html\r\n", LIT("<html>please log in</html>"));
}

static void says_nothing(struct fake_conn *c)
{
	fake_answer(c, 200, "Content-Type: " MEDIATYPE_OCI_MANIFEST "\r\n", LIT("{}"));
}

static void says_schema1(struct fake_conn *c)
{
	fake_answer(c, 200, "Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws\r\n",
		    LIT("{\"schemaVersion\":1,\"fsLayers\":[]}"));
}

static void lies_about_digest(struct fake_conn *c)
{
	fake_answer(c, 200,
		    "Content-Type: " MEDIATYPE_OCI_MANIFEST "\r\nDocker-Content-Digest: "
		    "sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\r\n",
		    manifest_text.p, manifest_text.n);
}

static const struct {
	fake_fn *fn;
	enum err_code code;
	const char *text;
} bad_manifest[] = {
	{huge_manifest, ERR_REGISTRY, "longer than"},
	{says_index, ERR_REGISTRY, ""},
	{says_html, ERR_REGISTRY, ""},
	{says_nothing, ERR_REGISTRY, ""},
	{says_schema1, ERR_REGISTRY, "schema 1"},
	{lies_about_digest, ERR_INTEGRITY, "sha256:eeee"},
};

START_TEST(refuses_manifest)
{
	for (size_t i = 0; i < ARRAY_LEN(bad_manifest); i++) {
		FAKE(f, bad_manifest[i].fn);
		struct err e = ERR_INIT;

		ck_assert_msg(resolve_fails(&f, &e) == -1, "case %zu", i);
		ck_assert_msg(e.code == bad_manifest[i].code && strstr(e.msg, bad_manifest[i].text), "case %zu: %d %s",
			      i, e.code, e.msg);
		err_release(&e);
	}
}
END_TEST

/* --- logins --- */

static void basic_then_elsewhere(struct fake_conn *c)
{
	AUTO_FREE char *field = mem_printf("Location: http://127.0.0.1:%d%s\r\n", other_port, c->q->target);

	if (strcmp(c->q->auth, "Basic " AUTH))
		fake_status(c, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n");
	else if (asks_blob(c))
		fake_status(c, 307, field);
	else
		honest(c);
}

/* The storage behind a registry: no login, whatever it asks for. */
START_TEST(redirect_without_login)
{
	UNIT_DIR(d);
	RU_STORE(s);
	FAKE(storage, honest);
	struct err e = ERR_INIT;

	other_port = storage.port;
	FAKE(f, basic_then_elsewhere);
	login(&d, f.host);
	unit_ok(fetch(&f, s.s, &e), e);
	ru_assert_whole(s.s, &image);
	ck_assert_uint_eq(storage.log->n, 1);
	ck_assert_uint_eq(fake_count_auth(&storage, ""), 0);
	ck_assert_uint_ge(fake_count_auth(&f, "Basic"), 2);
}
END_TEST

static void asks_for_login(struct fake_conn *c)
{
	fake_status(c, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n");
}

START_TEST(login_elsewhere_is_refused)
{
	UNIT_DIR(d);
	RU_STORE(s);
	FAKE(thief, asks_for_login);
	struct err e = ERR_INIT;

	other_port = thief.port;
	FAKE(f, basic_then_elsewhere);
	login(&d, f.host);
	ck_assert_int_eq(fetch(&f, s.s, &e), -1);
	ck_assert_uint_eq(thief.log->n, 1);
	ck_assert_uint_eq(fake_count_auth(&thief, ""), 0);
	ck_assert_ptr_nonnull(strstr(e.hint, "no login is sent along"));
	unit_failed(e, ERR_REGISTRY, "401");
}
END_TEST

/* Tokens t1, t2, ... of which each is good for three requests; state[0]: number of the last, state[1]: its uses. */
static void token_registry(struct fake_conn *c)
{
	AUTO_FREE char *challenge = mem_printf(
		"WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%d/token?a=b\",service=\"the \\\"service\\\"\","
		"scope=\"repository:demo:pull\"\r\n",
		c->port);
	AUTO_FREE char *good = NULL, *text = NULL;

	if (strstr(c->q->target, "/token")) {
		if (strcmp(c->q->auth, "Basic " AUTH)) {
			fake_status(c, 401, "WWW-Authenticate: Basic\r\n");
			return;
		}
		c->log->state[1] = 0;
		text = mem_printf("{\"token\":\"t%d\",\"expires_in\":300}", (int)++c->log->state[0]);
		fake_answer(c, 200, "", text, strlen(text));
		return;
	}
	good = mem_printf("Bearer t%d", (int)c->log->state[0]);
	if (strcmp(c->q->auth, good) || c->log->state[1]++ >= 3)
		fake_status(c, 401, challenge);
	else
		honest(c);
}

START_TEST(token_flow)
{
	UNIT_DIR(d);
	FAKE(f, token_registry);
	struct registry_probe probes[8] = {0};
	struct err e = ERR_INIT;

	login(&d, f.host);
	{
		RU_CLIENT(r, NULL);
		AUTO_REF struct ref ref = ru_ref(f.host, "demo:1");

		for (size_t i = 0; i < ARRAY_LEN(probes); i++)
			probes[i].tag = "1";
		unit_ok(registry_probe_tags(r, &ref, probes, 1, &e), e);
		ck_assert_uint_eq(f.log->n, 3); /* 401, token, manifest */
		ck_assert_str_eq(f.log->v[1].target,
				 "/token?a=b&service=the%20%22service%22&scope=repository:demo:pull");
		unit_ok(registry_probe_tags(r, &ref, probes, ARRAY_LEN(probes), &e), e);
	}
	ck_assert_uint_eq(fake_count(&f, "GET", "/token"), 3); /* nine manifests, three for each token */
	for (size_t i = 0; i < f.log->n; i++)
		ck_assert_msg(!!strstr(f.log->v[i].target, "/token") == !!strstr(f.log->v[i].auth, "Basic"),
			      "the password goes to the token server only: %s", f.log->v[i].target);
	for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
		ck_assert(probes[i].found);
		descriptor_release(&probes[i].manifest);
		buf_release(&probes[i].text);
	}
}
END_TEST

static void realm_elsewhere(struct fake_conn *c)
{
	AUTO_FREE char *challenge =
		mem_printf("WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%d/token\"\r\n", other_port);

	if (c->q->auth[0])
		honest(c);
	else
		fake_status(c, 401, challenge);
}

static void gives_tokens(struct fake_conn *c)
{
	fake_answer(c, 200, "", LIT("{\"access_token\":\"abc\"}"));
}

/* In plain http anybody could have written the challenge: the registry's password stays here. */
START_TEST(realm_elsewhere_gets_no_password)
{
	UNIT_DIR(d);
	RU_STORE(s);
	FAKE(tokens, gives_tokens);
	struct err e = ERR_INIT;

	other_port = tokens.port;
	FAKE(f, realm_elsewhere);
	login(&d, f.host);
	unit_ok(fetch(&f, s.s, &e), e);
	ck_assert_uint_ge(tokens.log->n, 1);
	ck_assert_uint_eq(fake_count_auth(&tokens, ""), 0);
	ck_assert_uint_eq(fake_count_auth(&f, "Basic"), 0);
	login(&d, tokens.host);
	unit_ok(store_blob_delete(s.s, &blob_desc.digest, &e), e);
	unit_ok(fetch(&f, s.s, &e), e);
	ck_assert_uint_ge(fake_count_auth(&tokens, "Basic " AUTH), 1);
}
END_TEST

static void bad_realm(struct fake_conn *c)
{
	static const char *const fields[] = {
		"WWW-Authenticate: Bearer realm=\"file:///etc/passwd\"\r\n",
		"WWW-Authenticate: Bearer\r\n",
		"WWW-Authenticate: Bearer realm=\"http://192.0.2.1/token\"\r\n",
		"WWW-Authenticate: Bearer realm=\"no end\r\n",
	};

	fake_status(c, 401, fields[c->log->n % ARRAY_LEN(fields)]);
}

START_TEST(refuses_realm)
{
	FAKE(f, bad_realm);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(resolve_fails(&f, &e), -1);
		ck_assert_uint_eq(f.log->n, i + 1);
		ck_assert_int_eq(e.http, 401);
		unit_failed(e, ERR_REGISTRY, "/v2/demo/manifests/1");
	}
}
END_TEST

/* --- hosts that are not loopback by their spelling: 127.1 is what the resolver takes for 127.0.0.1 --- */

static int resolve_as(const char *host, const struct registry_opts *o, struct err *e)
{
	RU_CLIENT(r, o);
	AUTO_REF struct ref ref = ru_ref(host, "demo:1");
	struct registry_image got;
	struct platform p;
	int rc;

	platform_host(&p);
	rc = registry_resolve(r, &ref, &p, &got, e);
	if (!rc)
		registry_image_release(&got);
	return rc;
}

START_TEST(plain_http_by_configuration)
{
	FAKE(f, honest);
	AUTO_FREE char *host = mem_printf("127.1:%d", f.port);
	struct registry_opts o = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(resolve_as(host, NULL, &e), -1);
	ck_assert_uint_eq(f.log->n, 0);
	ck_assert_ptr_nonnull(strstr(e.hint, "name it as an insecure registry"));
	unit_failed(e, ERR_REGISTRY, "https://127.1:");
	strv_add(&o.insecure, host);
	unit_ok(resolve_as(host, &o, &e), e);
	ck_assert_uint_eq(f.log->n, 2);
	strv_release(&o.insecure);
}
END_TEST

static void redirects_here(struct fake_conn *c)
{
	AUTO_FREE char *field = mem_printf("Location: http://127.0.0.1:%d%s\r\n", other_port, c->q->target);

	fake_status(c, 307, field);
}

/* A registry elsewhere must not make us ask what listens on this machine. */
START_TEST(redirect_to_this_machine)
{
	FAKE(inner, honest);
	struct registry_opts o = {0};
	struct err e = ERR_INIT;

	other_port = inner.port;
	FAKE(f, redirects_here);
	AUTO_FREE char *host = mem_printf("127.1:%d", f.port);

	strv_add(&o.insecure, host);
	ck_assert_int_eq(resolve_as(host, &o, &e), -1);
	/* the registry itself is not held to this: it is where the user sent us */
	ck_assert_uint_eq(f.log->n, 1);
	ck_assert_uint_eq(inner.log->n, 0);
	unit_failed(e, ERR_REGISTRY, "leads to an address of this machine: refused");
	strv_release(&o.insecure);
}
END_TEST

int main(void)
{
	/* clang-format off */
	const TTest *const tests[] = {
		resumes_by_range, recovers_from, wrong_digest, gives_up, tries_are_bounded, index_by_platform,
		refuses_manifest, redirect_without_login, login_elsewhere_is_refused, token_flow,
		realm_elsewhere_gets_no_password, refuses_realm, plain_http_by_configuration,
		redirect_to_this_machine,
	};
	/* clang-format on */

	ru_clean_env("/nonexistent");
	make_content();
	return unit_run("registry_faults", tests, ARRAY_LEN(tests));
}
