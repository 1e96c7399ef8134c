/* For tests of the registry client: an image, an honest server of it, and clients. Tests put their faults in front. */
#ifndef SLCT_TEST_FAULTY_REGISTRY_H
#define SLCT_TEST_FAULTY_REGISTRY_H

#include "tests/unit/fake_http.h"

/* What the servers of this file hold; made before they are forked. */
static struct buf blob, config_text, manifest_text, index_text;
static struct descriptor blob_desc, config_desc, manifest_desc;
static struct manifest image;
static int other_port; /* of a second server */

#define BLOB_BYTES ((size_t)200000)
/* A literal and its length. */
#define LIT(s) s, sizeof(s) - 1
/* base64 of user:secret-5521 */
#define AUTH "dXNlcjpzZWNyZXQtNTUyMQ=="

static inline void make_content(void)
{
	AUTO_IMGCONFIG struct imgconfig c;
	struct platform p;
	struct digest d;

	blob = config_text = manifest_text = index_text = BUF_INIT(BUF_TEXT_MAX);
	ru_noise(77, BLOB_BYTES, &blob);
	digest_of_bytes(blob.p, blob.n, &d);
	descriptor_set(&blob_desc, MEDIATYPE_OCI_LAYER_GZIP, &d, blob.n);
	platform_host(&p);
	imgconfig_init(&c, &p);
	imgconfig_write(&c, &config_text);
	digest_of_bytes(config_text.p, config_text.n, &d);
	descriptor_set(&config_desc, MEDIATYPE_OCI_CONFIG, &d, config_text.n);
	image.media_type = mem_strdup(MEDIATYPE_OCI_MANIFEST);
	descriptor_copy(&image.config, &config_desc);
	manifest_add_layer(&image, &blob_desc);
	manifest_write(&image, &manifest_text);
	digest_of_bytes(manifest_text.p, manifest_text.n, &d);
	descriptor_set(&manifest_desc, MEDIATYPE_OCI_MANIFEST, &d, manifest_text.n);
	buf_printf(&index_text,
		   "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":["
		   "{\"mediaType\":\"%s\",\"digest\":\"sha256:%064d\",\"size\":10,\"platform\":{\"os\":\"plan9\","
		   "\"architecture\":\"mips\"}},"
		   "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu,\"platform\":{\"os\":\"%s\","
		   "\"architecture\":\"%s\"}}]}",
		   MEDIATYPE_OCI_INDEX, MEDIATYPE_OCI_MANIFEST, 0, MEDIATYPE_OCI_MANIFEST, manifest_desc.digest.text,
		   manifest_text.n, p.os, p.arch);
}

static inline bool is(const struct fake_conn *c, const char *method, const char *text)
{
	return !strcmp(c->q->method, method) && strstr(c->q->target, text);
}

static inline void send_manifest(struct fake_conn *c)
{
	fake_answer(c, 200, "Content-Type: " MEDIATYPE_OCI_MANIFEST "\r\n", manifest_text.p, manifest_text.n);
}

/* An honest registry, read-only. */
static inline void honest(struct fake_conn *c)
{
	if (strstr(c->q->target, "/manifests/index"))
		fake_answer(c, 200, "Content-Type: " MEDIATYPE_OCI_INDEX "\r\n", index_text.p, index_text.n);
	else if (strstr(c->q->target, "/manifests/"))
		send_manifest(c);
	else if (strstr(c->q->target, blob_desc.digest.text))
		fake_answer(c, 200, "", blob.p, blob.n);
	else if (strstr(c->q->target, config_desc.digest.text))
		fake_answer(c, 200, "", config_text.p, config_text.n);
	else
		fake_status(c, 404, "");
}

static inline bool asks_blob(const struct fake_conn *c)
{
	return is(c, "GET", blob_desc.digest.text);
}

/* --- clients --- */

static inline int fetch_opts(const struct fake *f, const struct registry_opts *o, struct store *s, struct err *e)
{
	RU_CLIENT(r, o);
	AUTO_REF struct ref ref = ru_ref(f->host, "demo:1");

	return ru_fetch(r, &ref, &image, s, e);
}

static inline int fetch(const struct fake *f, struct store *s, struct err *e)
{
	return fetch_opts(f, NULL, s, e);
}

static inline int resolve(const struct fake *f, const char *tag, struct registry_image *out, struct err *e)
{
	RU_CLIENT(r, NULL);
	AUTO_FREE char *name = mem_printf("demo:%s", tag);
	AUTO_REF struct ref ref = ru_ref(f->host, name);
	struct platform p;

	platform_host(&p);
	return registry_resolve(r, &ref, &p, out, e);
}

static inline int resolve_fails(const struct fake *f, struct err *e)
{
	struct registry_image got;

	return resolve(f, "1", &got, e);
}

static inline int push(const struct fake *f, struct store *s, struct registry_push *p, struct err *e)
{
	RU_CLIENT(r, NULL);
	AUTO_REF struct ref ref = ru_ref(f->host, "demo:1");
	int rc;

	unit_ok(store_blob_put(s, blob.p, blob.n, "", NULL, e), *e);
	unit_ok(store_blob_put(s, config_text.p, config_text.n, "", NULL, e), *e);
	unit_ok(store_blob_put(s, manifest_text.p, manifest_text.n, "", NULL, e), *e);
	*p = (struct registry_push){.to = &ref};
	descriptor_copy(&p->manifest, &manifest_desc);
	rc = registry_push_image(r, p, s, NULL, NULL, e);
	descriptor_release(&p->manifest);
	return rc;
}

static inline void login(const struct unit_dir *d, const char *host)
{
	AUTO_FREE char *text = mem_printf("{\"auths\": {\"%s\": {\"auth\": \"" AUTH "\"}}}", host);

	ru_write(d->path, "config.json", text);
	setenv("DOCKER_CONFIG", d->path, 1);
}

#endif
