/* What refers to a manifest. */
#include "registry/referrers.h"

#include "oci/limits.h"
#include "oci/manifest.h"
#include "registry/docget.h"
#include "registry/pull.h"
#include "src/util/mem.h"

#define REFERRERS_PAGES_MAX 100
#define REFERRERS_MAX	    10000

char *referrers_tag(const struct digest *d)
{
	return mem_printf("%s-%s", digest_alg(d) == HASH_SHA512 ? "sha512" : "sha256", digest_hex(d));
}

/* An index; its entries are appended as they are, once they have been found to be descriptors. */
static int referrers_read(const struct docget *d, struct json *out, struct err *e)
{
	AUTO_INDEX struct index x = {0};
	AUTO_JSON struct json *j = NULL;
	const struct json *list;

	if (index_parse(d->text.p, d->text.n, d->content_type, &x, ERR_REGISTRY, e))
		return -1;
	j = json_parse(buf_str(&d->text), d->text.n, MANIFEST_MAX_BYTES, ERR_REGISTRY, "list of referrers", e);
	list = json_get(j, "manifests");
	for (size_t i = 0; i < json_len(list); i++)
		json_append(out, json_ref(json_at(list, i)));
	if (json_len(out) > REFERRERS_MAX)
		return err_set(e, ERR_REGISTRY, "more than %d referrers", REFERRERS_MAX);
	return j ? 0 : -1;
}

/* The digest that a tag stands for. */
static int referrers_digest(struct regsession_pool *p, const struct ref *ref, struct digest *out, struct err *e)
{
	struct docget d = {.ref = ref, .what = "manifest", .manifest = true, .max_bytes = MANIFEST_MAX_BYTES};
	int rc;

	*out = ref->digest;
	if (digest_is_set(out))
		return 0;
	d.tail = mem_printf("manifests/%s", ref->tag);
	rc = docget_one(p, &d, e);
	*out = d.digest;
	docget_release(&d);
	return rc;
}

/* The next page stays on our own path, whatever host and path the registry names. */
static char *referrers_next(const struct docget *d, const struct digest *digest)
{
	struct sv next = d->link ? pull_next_link(sv_from(d->link)) : SV_NULL;
	ssize_t query = next.p ? sv_find(next, '?') : -1;

	if (query < 0)
		return NULL;
	return mem_printf("referrers/%s%.*s", digest->text, SV_ARG(sv_sub(next, (size_t)query, next.n)));
}

static int referrers_pages(struct regsession_pool *p, const struct ref *ref, const struct digest *digest,
			   struct json *out, struct err *e)
{
	char *tail = mem_printf("referrers/%s", digest->text);
	int rc = 0;

	for (int page = 0; tail && !rc; page++) {
		struct docget d = {
			.ref = ref, .what = "list of referrers", .manifest = true, .max_bytes = MANIFEST_MAX_BYTES};

		d.tail = STEAL_PTR(tail);
		rc = page < REFERRERS_PAGES_MAX ? docget_one(p, &d, e) : err_set(e, ERR_REGISTRY, "a list without end");
		if (!rc)
			rc = referrers_read(&d, out, e);
		if (!rc)
			tail = referrers_next(&d, digest);
		docget_release(&d);
	}
	free(tail);
	return rc;
}

/* A registry without the interface answers 404 (the specification) or something else that is no index. */
static int referrers_by_tag(struct regsession_pool *p, const struct ref *ref, const struct digest *digest,
			    struct json *out, struct err *e)
{
	struct docget d = {.ref = ref, .what = "list of referrers", .manifest = true, .max_bytes = MANIFEST_MAX_BYTES};
	AUTO_FREE char *tag = referrers_tag(digest);
	int rc;

	d.tail = mem_printf("manifests/%s", tag);
	rc = docget_one(p, &d, e);
	if (rc && e->code == ERR_NOT_FOUND) { /* nothing refers to it */
		err_release(e);
		rc = 0;
	} else if (!rc) {
		rc = referrers_read(&d, out, e);
	}
	docget_release(&d);
	return rc;
}

int referrers_list(struct regsession_pool *p, const struct ref *name, struct json **out, struct err *e)
{
	AUTO_REGCONF_PLACES struct regconf_places places = {0};
	const struct ref *ref;
	struct digest digest;
	int rc;

	*out = NULL;
	if (regconf_places(p->conf, name, &places, e))
		return -1;
	ref = &places.v[places.n - 1];
	if (referrers_digest(p, ref, &digest, e))
		return err_wrap(e, "referrers of %s/%s", ref->host, ref->path);
	*out = json_array();
	rc = referrers_pages(p, ref, &digest, *out, e);
	if (rc && (e->http == 404 || e->http == 400 || e->http == 405)) {
		err_release(e);
		rc = referrers_by_tag(p, ref, &digest, *out, e);
	}
	if (!rc)
		return 0;
	json_free(*out);
	*out = NULL;
	return err_wrap(e, "referrers of %s/%s@%s", ref->host, ref->path, digest.text);
}
