/* The registry client against a real docker-registry on loopback. */
#include "tests/unit/registry_util.h"

static void push(struct registry *r, const struct ref *to, const struct ru_image *i, struct store *s,
		 struct registry_push *p)
{
	struct err e = ERR_INIT;

	*p = (struct registry_push){.to = to};
	descriptor_copy(&p->manifest, &i->desc);
	unit_ok(registry_push_image(r, p, s, NULL, NULL, &e), e);
	descriptor_release(&p->manifest);
}

START_TEST(push_then_pull)
{
	RU_STORE(a);
	RU_STORE(b);
	RU_IMAGE(i, a.s, 1);
	RU_REGISTRY(reg, NULL);
	RU_CLIENT(r, NULL);
	AUTO_REF struct ref ref = ru_ref(reg.host, "some/demo:1");
	struct registry_push p;
	struct registry_image got;
	struct platform host;
	struct err e = ERR_INIT;
	uint64_t requests, uploads, before;

	push(r, &ref, &i, a.s, &p);
	ck_assert_uint_eq(p.blobs_sent, RU_LAYERS + 1);
	ck_assert_uint_eq(p.bytes_sent, RU_LAYERS * RU_LAYER_BYTES + i.m.config.size);
	platform_host(&host);
	unit_ok(registry_resolve(r, &ref, &host, &got, &e), e);
	ck_assert_str_eq(got.manifest.digest.text, i.desc.digest.text);
	ck_assert_uint_eq(got.config_text.n, i.m.config.size);
	registry_image_release(&got);
	unit_ok(ru_fetch(r, &ref, &i.m, b.s, &e), e);
	ru_assert_whole(b.s, &i.m);
	registry_counts(r, &before, &uploads);
	unit_ok(ru_fetch(r, &ref, &i.m, b.s, &e), e);
	registry_counts(r, &requests, &uploads);
	ck_assert_uint_eq(requests, before);
}
END_TEST

/* A second push asks once and sends nothing; another tag sends the manifest only. */
START_TEST(push_again)
{
	RU_STORE(a);
	RU_IMAGE(i, a.s, 2);
	RU_REGISTRY(reg, NULL);
	RU_CLIENT(first, NULL);
	RU_CLIENT(r, NULL);
	RU_CLIENT(other, NULL);
	AUTO_REF struct ref ref = ru_ref(reg.host, "demo:1"), tag2 = ru_ref(reg.host, "demo:2");
	struct registry_push p;
	uint64_t requests, uploads;

	push(first, &ref, &i, a.s, &p);
	push(r, &ref, &i, a.s, &p);
	registry_counts(r, &requests, &uploads);
	ck_assert_uint_eq(requests, 1);
	ck_assert_uint_eq(uploads, 0);
	ck_assert_uint_eq(p.blobs_sent, 0);
	push(other, &tag2, &i, a.s, &p);
	registry_counts(other, &requests, &uploads);
	ck_assert_uint_eq(requests, 1 + RU_LAYERS + 1 + 1);
	ck_assert_uint_eq(uploads, 1);
	ck_assert_uint_eq(p.blobs_there, RU_LAYERS + 1);
}
END_TEST

/* What this client has seen in a repository is not asked for again. */
START_TEST(push_what_is_known)
{
	RU_STORE(a);
	RU_IMAGE(i, a.s, 12);
	RU_REGISTRY(reg, NULL);
	RU_CLIENT(r, NULL);
	AUTO_REF struct ref ref = ru_ref(reg.host, "demo:1"), tag2 = ru_ref(reg.host, "demo:2");
	struct registry_push p;
	uint64_t before, requests, uploads;

	push(r, &ref, &i, a.s, &p);
	registry_counts(r, &before, &uploads);
	push(r, &tag2, &i, a.s, &p);
	registry_counts(r, &requests, &uploads);
	ck_assert_uint_eq(requests - before, 2); /* HEAD and PUT of the manifest */
	ck_assert_uint_eq(p.blobs_there, RU_LAYERS + 1);
}
END_TEST

START_TEST(push_mounts)
{
	RU_STORE(a);
	RU_IMAGE(i, a.s, 3);
	RU_REGISTRY(reg, NULL);
	RU_CLIENT(r, NULL);
	AUTO_REF struct ref ref = ru_ref(reg.host, "from:1"), to = ru_ref(reg.host, "deep/er/to:1");
	struct registry_push p;
	struct err e = ERR_INIT;

	push(r, &ref, &i, a.s, &p);
	p = (struct registry_push){.to = &to, .mount_from = &ref};
	descriptor_copy(&p.manifest, &i.desc);
	unit_ok(registry_push_image(r, &p, a.s, NULL, NULL, &e), e);
	descriptor_release(&p.manifest);
	ck_assert_uint_eq(p.blobs_mounted, RU_LAYERS + 1);
	ck_assert_uint_eq(p.blobs_sent, 0);
}
END_TEST

START_TEST(skip_existing_keeps_the_tag)
{
	RU_STORE(a);
	RU_IMAGE(i, a.s, 4);
	RU_IMAGE(k, a.s, 400);
	RU_REGISTRY(reg, NULL);
	RU_CLIENT(r, NULL);
	AUTO_REF struct ref ref = ru_ref(reg.host, "demo:1");
	struct registry_push p;
	struct registry_probe probe = {.tag = "1"};
	struct err e = ERR_INIT;

	push(r, &ref, &i, a.s, &p);
	p = (struct registry_push){.to = &ref, .skip_existing = true};
	descriptor_copy(&p.manifest, &k.desc);
	unit_ok(registry_push_image(r, &p, a.s, NULL, NULL, &e), e);
	descriptor_release(&p.manifest);
	unit_ok(registry_probe_tags(r, &ref, &probe, 1, &e), e);
	ck_assert(probe.found);
	ck_assert_str_eq(probe.manifest.digest.text, i.desc.digest.text);
	descriptor_release(&probe.manifest);
	buf_release(&probe.text);
	push(r, &ref, &k, a.s, &p);
	unit_ok(registry_probe_tags(r, &ref, &probe, 1, &e), e);
	ck_assert_str_eq(probe.manifest.digest.text, k.desc.digest.text);
	descriptor_release(&probe.manifest);
	buf_release(&probe.text);
}
END_TEST

START_TEST(probe_ten_tags)
{
	static const char *const tags[] = {"t0", "no", "t2", "no", "t4", "no", "t6", "no", "t8", "no"};
	RU_STORE(a);
	RU_IMAGE(i, a.s, 5);
	RU_REGISTRY(reg, NULL);
	RU_CLIENT(r, NULL);
	AUTO_REF struct ref ref = ru_ref(reg.host, "cache:t0");
	const char *more[] = {"t2", "t4", "t6", "t8"};
	struct registry_push p = {.to = &ref, .more_tags = more, .nmore = ARRAY_LEN(more)};
	struct registry_probe probes[ARRAY_LEN(tags)] = {0};
	AUTO_STRV struct strv all = {0};
	uint64_t requests, before, uploads;
	struct err e = ERR_INIT;

	descriptor_copy(&p.manifest, &i.desc);
	unit_ok(registry_push_image(r, &p, a.s, NULL, NULL, &e), e);
	descriptor_release(&p.manifest);
	for (size_t k = 0; k < ARRAY_LEN(tags); k++)
		probes[k].tag = tags[k];
	registry_counts(r, &before, &uploads);
	unit_ok(registry_probe_tags(r, &ref, probes, ARRAY_LEN(tags), &e), e);
	registry_counts(r, &requests, &uploads);
	ck_assert_uint_eq(requests - before, ARRAY_LEN(tags));
	for (size_t k = 0; k < ARRAY_LEN(tags); k++) {
		ck_assert_int_eq(probes[k].found, tags[k][0] == 't');
		if (probes[k].found)
			ck_assert_str_eq(probes[k].manifest.digest.text, i.desc.digest.text);
		descriptor_release(&probes[k].manifest);
		buf_release(&probes[k].text);
	}
	unit_ok(registry_tags(r, &ref, &all, &e), e);
	ck_assert_uint_eq(all.n, 5);
}
END_TEST

START_TEST(missing_tag)
{
	RU_STORE(a);
	RU_IMAGE(i, a.s, 6);
	RU_REGISTRY(reg, NULL);
	RU_CLIENT(r, NULL);
	AUTO_REF struct ref ref = ru_ref(reg.host, "demo:1"), no = ru_ref(reg.host, "demo:2");
	AUTO_REF struct ref norepo = ru_ref(reg.host, "nothing/here:1");
	struct registry_push p;
	struct registry_image got;
	struct platform host;
	struct err e = ERR_INIT;

	push(r, &ref, &i, a.s, &p);
	platform_host(&host);
	ck_assert_int_eq(registry_resolve(r, &no, &host, &got, &e), -1);
	ck_assert_int_eq(e.http, 404);
	unit_failed(e, ERR_NOT_FOUND, "MANIFEST_UNKNOWN");
	ck_assert_int_eq(registry_resolve(r, &norepo, &host, &got, &e), -1);
	unit_failed(e, ERR_NOT_FOUND, "nothing/here:1");
}
END_TEST

START_TEST(by_digest)
{
	RU_STORE(a);
	RU_IMAGE(i, a.s, 7);
	RU_REGISTRY(reg, NULL);
	RU_CLIENT(r, NULL);
	AUTO_REF struct ref ref = ru_ref(reg.host, "demo:1");
	struct registry_push p;
	struct registry_image got;
	struct platform host;
	struct err e = ERR_INIT;

	push(r, &ref, &i, a.s, &p);
	platform_host(&host);
	ref.digest = i.desc.digest;
	unit_ok(registry_resolve(r, &ref, &host, &got, &e), e);
	ck_assert_str_eq(got.manifest.digest.text, i.desc.digest.text);
	registry_image_release(&got);
	ref.digest.text[10] = ref.digest.text[10] == '0' ? '1' : '0';
	ck_assert_int_eq(registry_resolve(r, &ref, &host, &got, &e), -1);
	unit_failed(e, ERR_NOT_FOUND, "404");
}
END_TEST

START_TEST(nobody_listens)
{
	struct registry_opts o = {.retries = 1};
	RU_CLIENT(r, &o);
	AUTO_FREE char *host = mem_printf("127.0.0.1:%d", ru_free_port());
	AUTO_REF struct ref ref = ru_ref(host, "demo:1");
	struct registry_image got;
	struct platform p;
	struct err e = ERR_INIT;

	platform_host(&p);
	ck_assert_int_eq(registry_resolve(r, &ref, &p, &got, &e), -1);
	ck_assert_ptr_nonnull(e.hint);
	ck_assert_ptr_nonnull(strstr(e.hint, "is the registry running at 127.0.0.1"));
	ck_assert(e.retryable);
	unit_failed(e, ERR_REGISTRY, "pulling 127.0.0.1");
}
END_TEST

/* A TLS registry on loopback: the first request in plain http is answered by a 400 that names https. */
START_TEST(tls_on_loopback)
{
	UNIT_DIR(d);
	AUTO_FREE char *make =
		mem_printf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
			   "-subj /CN=x -keyout %s/key -out %s/cert 2>/dev/null",
			   d.path, d.path);
	AUTO_FREE char *tls = mem_printf("  tls: {certificate: %s/cert, key: %s/key}\n", d.path, d.path);
	RU_STORE(a);
	RU_STORE(b);
	RU_IMAGE(i, a.s, 11);
	struct registry_push p;
	struct err e = ERR_INIT;

	ck_assert_int_eq(system(make), 0);
	{
		struct ru_registry reg __attribute__((cleanup(ru_registry_stop))) = ru_registry_start(tls, NULL);
		RU_CLIENT(r, NULL);
		AUTO_REF struct ref ref = ru_ref(reg.host, "demo:1");

		push(r, &ref, &i, a.s, &p);
		ck_assert_uint_eq(p.blobs_sent, RU_LAYERS + 1);
		unit_ok(ru_fetch(r, &ref, &i.m, b.s, &e), e);
	}
	ru_assert_whole(b.s, &i.m);
}
END_TEST

/* user:password by htpasswd -B */
static char *htpasswd_line(void)
{
	AUTO_BUF struct buf out = BUF_INIT(4096);
	FILE *f = popen("htpasswd -Bbn user 'pass word-7311' 2>/dev/null", "r");
	struct err e = ERR_INIT;

	ck_assert_ptr_nonnull(f);
	unit_ok(io_read_all(fileno(f), &out, "htpasswd", &e), e);
	pclose(f);
	return buf_steal(&out);
}

static void docker_config(const char *dir, const char *host, const char *auth)
{
	AUTO_FREE char *text = mem_printf("{\"auths\": {\"http://%s/v2/\": {\"auth\": \"%s\"}}}", host, auth);

	ru_write(dir, "config.json", text);
	setenv("DOCKER_CONFIG", dir, 1);
}

static void assert_no_secret(const struct err *e)
{
	ck_assert_ptr_null(strstr(e->msg, "word-7311"));
	ck_assert(!e->hint || !strstr(e->hint, "word-7311"));
	ck_assert_ptr_null(strstr(e->msg, "cGFzcyB3b3JkLTczMTE"));
}

START_TEST(basic_login)
{
	AUTO_FREE char *line = htpasswd_line();
	UNIT_DIR(d);
	RU_STORE(a);
	RU_STORE(b);
	RU_IMAGE(i, a.s, 8);
	RU_REGISTRY(reg, line);
	AUTO_REF struct ref ref = ru_ref(reg.host, "demo:1");
	struct registry_push p;
	struct err e = ERR_INIT;

	docker_config(d.path, reg.host, "dXNlcjpwYXNzIHdvcmQtNzMxMQ==");
	{
		RU_CLIENT(r, NULL);

		push(r, &ref, &i, a.s, &p);
		ck_assert_uint_eq(p.blobs_sent, RU_LAYERS + 1);
		unit_ok(ru_fetch(r, &ref, &i.m, b.s, &e), e);
	}
	ru_assert_whole(b.s, &i.m);
}
END_TEST

START_TEST(wrong_password)
{
	AUTO_FREE char *line = htpasswd_line();
	UNIT_DIR(d);
	RU_REGISTRY(reg, line);
	AUTO_REF struct ref ref = ru_ref(reg.host, "demo:1");
	struct registry_image got;
	struct platform host;
	struct err e = ERR_INIT;

	platform_host(&host);
	{
		RU_CLIENT(r, NULL);
		ck_assert_int_eq(registry_resolve(r, &ref, &host, &got, &e), -1);
		ck_assert_int_eq(e.http, 401);
		ck_assert_ptr_nonnull(strstr(e.hint, "not logged in to 127.0.0.1"));
		unit_failed(e, ERR_REGISTRY, "401");
	}
	docker_config(d.path, reg.host, "dXNlcjp3cm9uZyB3b3JkLTczMTE="); /* user:wrong word-7311 */
	{
		RU_CLIENT(r, NULL);
		ck_assert_int_eq(registry_resolve(r, &ref, &host, &got, &e), -1);
		assert_no_secret(&e);
		ck_assert_ptr_nonnull(strstr(e.hint, "does not accept user \"user\""));
		unit_failed(e, ERR_REGISTRY, "401");
	}
}
END_TEST

START_TEST(login_by_options)
{
	AUTO_FREE char *line = htpasswd_line();
	char user[] = "user", password[] = "pass word-7311";
	RU_STORE(a);
	RU_IMAGE(i, a.s, 9);
	RU_REGISTRY(reg, line);
	AUTO_REF struct ref ref = ru_ref(reg.host, "demo:1");
	struct registry_opts o = {.username = user, .password = password, .creds_host = reg.host};
	RU_CLIENT(r, &o);
	struct registry_push p;

	push(r, &ref, &i, a.s, &p);
	ck_assert_uint_eq(p.blobs_sent, RU_LAYERS + 1);
}
END_TEST

/* What the manifest names is not in the store. */
START_TEST(push_without_bytes)
{
	RU_STORE(a);
	RU_IMAGE(i, a.s, 10);
	RU_REGISTRY(reg, NULL);
	RU_CLIENT(r, NULL);
	AUTO_REF struct ref ref = ru_ref(reg.host, "demo:1");
	struct registry_push p = {.to = &ref};
	struct registry_probe probe = {.tag = "1"};
	struct err e = ERR_INIT;

	unit_ok(store_blob_delete(a.s, &i.m.layers[1].digest, &e), e);
	descriptor_copy(&p.manifest, &i.desc);
	ck_assert_int_eq(registry_push_image(r, &p, a.s, NULL, NULL, &e), -1);
	descriptor_release(&p.manifest);
	ck_assert_ptr_nonnull(strstr(e.msg, i.m.layers[1].digest.text));
	err_release(&e);
	unit_ok(registry_probe_tags(r, &ref, &probe, 1, &e), e);
	ck_assert(!probe.found);
}
END_TEST

int main(void)
{
	/* clang-format off */
	const TTest *const tests[] = {
		push_then_pull, push_again, push_what_is_known, push_mounts, skip_existing_keeps_the_tag, probe_ten_tags,
		missing_tag, by_digest, nobody_listens, tls_on_loopback, basic_login, wrong_password,
		login_by_options, push_without_bytes,
	};
	/* clang-format on */

	if (!ru_have_docker_registry()) {
		puts("registry_test: skipped: docker-registry is not installed (apt-get install docker-registry)");
		return 0;
	}
	ru_clean_env("/nonexistent");
	return unit_run("registry", tests, ARRAY_LEN(tests));
}
