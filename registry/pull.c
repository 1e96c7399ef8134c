/* From a reference to a verified manifest and config. */
#include "registry/pull.h"

#include "oci/limits.h"
#include "oci/manifest.h"
#include "oci/mediatype.h"
#include "registry/docget.h"
#include "src/util/json.h"
#include "src/util/log.h"
#include "src/util/mem.h"

#define PULL_TAGS_PAGE	    "1000"
#define PULL_TAGS_MAX	    100000
#define PULL_PAGES_MAX	    1000
#define PULL_PAGE_MAX_BYTES ((size_t)4 << 20)
/* An index in an index is allowed, once. */
#define PULL_INDEX_DEPTH 2

/* --- documents --- */

static void pull_manifest_doc(struct docget *d, const struct ref *ref, const char *reference)
{
	*d = (struct docget){.ref = ref, .what = "manifest", .manifest = true, .max_bytes = MANIFEST_MAX_BYTES};
	d->tail = mem_printf("manifests/%s", reference);
}

static int pull_by_descriptor(struct regsession_pool *p, const struct ref *ref, const struct descriptor *desc,
			      struct docget *d, struct err *e)
{
	pull_manifest_doc(d, ref, desc->digest.text);
	d->want = desc->digest;
	d->size = desc->size;
	if (desc->size > MANIFEST_MAX_BYTES)
		return err_set(e, ERR_REGISTRY, "manifest %s: %llu bytes are more than the %zu MiB that are allowed",
			       desc->digest.text, (unsigned long long)desc->size, MANIFEST_MAX_BYTES >> 20);
	return docget_one(p, d, e);
}

static void pull_doc_move(struct docget *to, struct docget *from)
{
	docget_release(to);
	*to = *from;
	*from = (struct docget){0};
}

/* --- resolve --- */

/* *d holds an index: replace it by what it has for the platform. */
static int pull_choose(struct regsession_pool *p, const struct ref *ref, const struct platform *platform,
		       struct docget *d, struct err *e)
{
	AUTO_INDEX struct index x = {0};
	const struct descriptor *chosen;
	struct docget next = {0};

	if (index_parse(d->text.p, d->text.n, d->content_type, &x, ERR_REGISTRY, e))
		return -1;
	chosen = index_select(&x, platform, e);
	if (!chosen)
		return -1;
	if (pull_by_descriptor(p, ref, chosen, &next, e)) {
		docget_release(&next);
		if (e->code == ERR_NOT_FOUND)
			e->code = ERR_REGISTRY; /* the image exists, but is not whole */
		return err_wrap(e, "%s of the index", chosen->digest.text);
	}
	pull_doc_move(d, &next);
	return 0;
}

/* The manifest of the platform into *d. */
static int pull_manifest(struct regsession_pool *p, const struct ref *ref, const struct platform *platform,
			 struct docget *d, struct err *e)
{
	pull_manifest_doc(d, ref, digest_is_set(&ref->digest) ? ref->digest.text : ref->tag);
	d->want = ref->digest;
	if (docget_one(p, d, e))
		return -1;
	for (int depth = 0; manifest_detect(d->text.p, d->text.n, d->content_type) == MEDIATYPE_INDEX; depth++) {
		if (depth == PULL_INDEX_DEPTH)
			return err_set(e, ERR_REGISTRY, "an index in an index in an index");
		if (pull_choose(p, ref, platform, d, e))
			return -1;
	}
	return 0;
}

/* The config out of the store, if it is there and whole. */
static bool pull_config_stored(struct regsession_pool *p, const struct descriptor *config, struct buf *out)
{
	struct err ignored = ERR_INIT;
	uint64_t size;

	if (!p->store || !store_blob_has(p->store, &config->digest, &size) || size != config->size)
		return false;
	*out = BUF_INIT(CONFIG_MAX_BYTES);
	if (store_blob_read(p->store, &config->digest, CONFIG_MAX_BYTES, out, &ignored) == 0)
		return true;
	err_release(&ignored);
	buf_release(out);
	return false;
}

static int pull_config(struct regsession_pool *p, const struct ref *ref, const struct descriptor *config,
		       struct buf *out, struct err *e)
{
	struct docget d = {.ref = ref, .what = "config", .want = config->digest, .max_bytes = CONFIG_MAX_BYTES};
	int rc;

	if (config->size > CONFIG_MAX_BYTES)
		return err_set(e, ERR_REGISTRY, "config %s: %llu bytes are more than the %zu MiB that are allowed",
			       config->digest.text, (unsigned long long)config->size, CONFIG_MAX_BYTES >> 20);
	if (pull_config_stored(p, config, out))
		return 0;
	d.size = config->size;
	d.max_bytes = (size_t)config->size;
	d.tail = mem_printf("blobs/%s", config->digest.text);
	rc = docget_one(p, &d, e);
	if (rc && e->code == ERR_NOT_FOUND)
		e->code = ERR_REGISTRY;
	if (!rc) {
		buf_release(out);
		*out = d.text;
		d.text = (struct buf){0};
	}
	docget_release(&d);
	return rc;
}

/* What a manifest names is in its repository: the registry checked that when it took it. */
static void pull_know(struct regsession_pool *p, const struct ref *ref, const struct manifest *m)
{
	regsession_know(p, ref, &m->config.digest);
	for (size_t i = 0; i < m->nlayers; i++)
		regsession_know(p, ref, &m->layers[i].digest);
}

static int pull_take(struct regsession_pool *p, const struct ref *ref, struct docget *d, struct registry_image *out,
		     struct err *e)
{
	AUTO_MANIFEST struct manifest m = {0};

	if (manifest_parse(d->text.p, d->text.n, d->content_type, &m, ERR_REGISTRY, e))
		return -1;
	if (pull_config(p, ref, &m.config, &out->config_text, e))
		return -1;
	descriptor_set(&out->manifest, m.media_type, &d->digest, d->text.n);
	out->manifest_text = d->text;
	d->text = (struct buf){0};
	pull_know(p, ref, &m);
	return 0;
}

static int pull_from(struct regsession_pool *p, const struct ref *ref, const struct platform *platform,
		     struct registry_image *out, struct err *e)
{
	struct docget d = {0};
	int rc = pull_manifest(p, ref, platform, &d, e);

	if (!rc)
		rc = pull_take(p, ref, &d, out, e);
	docget_release(&d);
	if (rc)
		registry_image_release(out);
	return rc;
}

void pull_note_mirror(const struct ref *mirror, struct err *e)
{
	log_msg(LOG_INFO, "mirror %s/%s: %s; trying the next place", mirror->host, mirror->path, e->msg);
	err_release(e);
}

int pull_resolve(struct regsession_pool *p, const struct ref *ref, const struct platform *platform,
		 struct registry_image *out, struct err *e)
{
	AUTO_FREE char *name = ref_familiar(ref);
	AUTO_REGCONF_PLACES struct regconf_places places = {0};
	int rc = -1;

	*out = (struct registry_image){0};
	if (ref_is_store_only(ref))
		return err_set(e, ERR_NOT_FOUND,
			       "%s exists only in the store: a registry on this machine needs its port", name);
	if (regconf_places(p->conf, ref, &places, e))
		return err_wrap(e, "pulling %s", name);
	for (size_t i = 0; rc && i < places.n; i++) {
		if (i)
			pull_note_mirror(&places.v[i - 1], e);
		rc = pull_from(p, &places.v[i], platform, out, e);
	}
	return rc ? err_wrap(e, "pulling %s", name) : 0;
}

/* --- probe --- */

static int pull_probe_take(struct regsession_pool *p, const struct ref *repo, struct registry_probe *probe,
			   struct docget *d, struct err *e)
{
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_INDEX struct index x = {0};

	probe->found = false;
	if (err_is_set(&d->err) && d->err.code == ERR_NOT_FOUND)
		return 0;
	if (err_is_set(&d->err)) {
		err_move(e, &d->err);
		return -1;
	}
	bool index = probe->index_too && manifest_detect(d->text.p, d->text.n, d->content_type) == MEDIATYPE_INDEX;

	if (index ? index_parse(d->text.p, d->text.n, d->content_type, &x, ERR_REGISTRY, e)
		  : manifest_parse(d->text.p, d->text.n, d->content_type, &m, ERR_REGISTRY, e))
		return -1;
	probe->found = true;
	descriptor_release(&probe->manifest);
	descriptor_set(&probe->manifest, index ? x.media_type : m.media_type, &d->digest, d->text.n);
	buf_release(&probe->text);
	probe->text = d->text;
	d->text = (struct buf){0};
	if (!index)
		pull_know(p, repo, &m);
	return 0;
}

int pull_probe(struct regsession_pool *p, const struct ref *ref, struct registry_probe *probes, size_t n, struct err *e)
{
	AUTO_FREE struct docget *docs = mem_zalloc((n + 1) * sizeof(*docs));
	AUTO_REGCONF_PLACES struct regconf_places places = {0};
	const struct ref *repo;
	int rc;

	if (regconf_places(p->conf, ref, &places, e))
		return -1;
	repo = &places.v[places.n - 1]; /* what mirrors lack says nothing */
	for (size_t i = 0; i < n; i++)
		pull_manifest_doc(&docs[i], repo, probes[i].tag);
	rc = docget_all(p, docs, n, e);
	for (size_t i = 0; i < n; i++) {
		if (!rc && pull_probe_take(p, repo, &probes[i], &docs[i], e))
			rc = err_wrap(e, "asking %s/%s for tag %s", repo->host, repo->path, probes[i].tag);
		docget_release(&docs[i]);
	}
	return rc;
}

/* --- tags --- */

struct sv pull_next_link(struct sv field)
{
	struct sv rest = field, link, target;

	while (rest.p) {
		link = sv_trim(sv_cut(&rest, ','));
		if (!sv_starts(link, "<"))
			continue;
		link = sv_sub(link, 1, link.n);
		target = sv_cut(&link, '>');
		while (link.p) {
			struct sv param = sv_trim(sv_cut(&link, ';'));

			if (sv_ieq_str(param, "rel=\"next\"") || sv_ieq_str(param, "rel=next"))
				return target;
		}
	}
	return SV_NULL;
}

static int pull_page_read(const struct docget *d, struct strv *out, struct err *e)
{
	AUTO_JSON struct json *j =
		json_parse(buf_str(&d->text), d->text.n, PULL_PAGE_MAX_BYTES, ERR_REGISTRY, "list of tags", e);

	if (!j || json_to_strv(json_get(j, "tags"), out, ERR_REGISTRY, e))
		return -1;
	if (out->n > PULL_TAGS_MAX)
		return err_set(e, ERR_REGISTRY, "more than %d tags", PULL_TAGS_MAX);
	return 0;
}

/* The next page's query, as the registry gives it, on our own path. */
static char *pull_next_tail(const struct docget *d)
{
	struct sv next = d->link ? pull_next_link(sv_from(d->link)) : SV_NULL;
	ssize_t query = next.p ? sv_find(next, '?') : -1;

	if (query < 0)
		return NULL;
	return mem_printf("tags/list%.*s", SV_ARG(sv_sub(next, (size_t)query, next.n)));
}

int pull_tags(struct regsession_pool *p, const struct ref *ref, struct strv *out, bool *complete, struct err *e)
{
	AUTO_REGCONF_PLACES struct regconf_places places = {0};
	const struct ref *repo;
	char *tail;
	int rc = 0;

	if (regconf_places(p->conf, ref, &places, e))
		return -1;
	repo = &places.v[places.n - 1];
	tail = mem_strdup("tags/list?n=" PULL_TAGS_PAGE);
	for (int page = 0; tail && !rc && !(complete && page); page++) {
		struct docget d = {.ref = repo, .what = "list of tags", .max_bytes = PULL_PAGE_MAX_BYTES};

		d.tail = tail;
		tail = NULL;
		rc = page < PULL_PAGES_MAX ? docget_one(p, &d, e) : err_set(e, ERR_REGISTRY, "a list without end");
		if (!rc)
			rc = pull_page_read(&d, out, e);
		if (!rc)
			tail = pull_next_tail(&d);
		docget_release(&d);
	}
	if (complete)
		*complete = !rc && !tail;
	free(tail);
	return rc ? err_wrap(e, "tags of %s/%s", repo->host, repo->path) : 0;
}
