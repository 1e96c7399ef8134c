/* Images from place to place, without a store. */
#include "registry/regcopy.h"

#include "oci/layout_sink.h"
#include "oci/limits.h"
#include "registry/blobget.h"
#include "registry/docget.h"
#include "registry/push.h"
#include "registry/referrers.h"
#include "src/util/json.h"
#include "src/util/log.h"
#include "src/util/mem.h"

struct regcopy {
	struct regsession_pool *pool;
	struct registry_copy *c;
	struct layout_sink *out; /* NULL: a repository */
	const struct ref *from;	 /* as registries.conf rewrites it; NULL: a directory */
};

static int regcopy_tree(struct regcopy *r, const struct descriptor *d, struct buf *text, const char *tag,
			unsigned depth, struct err *e);

/* --- documents --- */

static int regcopy_get(struct regcopy *r, const char *reference, const struct descriptor *want, struct descriptor *got,
		       struct buf *text, struct err *e)
{
	struct docget d = {.ref = r->from, .what = "manifest", .manifest = true, .max_bytes = MANIFEST_MAX_BYTES};
	int rc;

	if (want) {
		d.want = want->digest;
		d.size = want->size;
	}
	d.tail = mem_printf("manifests/%s", reference);
	rc = docget_one(r->pool, &d, e);
	if (!rc) {
		descriptor_release(got);
		descriptor_set(got, d.content_type, &d.digest, d.text.n);
		buf_release(text);
		*text = d.text;
		d.text = (struct buf){0};
	}
	docget_release(&d);
	return rc ? err_wrap(e, "%s/%s", r->from->host, r->from->path) : 0;
}

static int regcopy_get_child(struct regcopy *r, const struct descriptor *d, struct buf *text, struct err *e)
{
	AUTO_DESCRIPTOR struct descriptor got = {0};

	if (d->size > MANIFEST_MAX_BYTES)
		return err_set(e, ERR_INPUT, "manifest %s: %llu bytes are more than the %zu MiB that are allowed",
			       d->digest.text, (unsigned long long)d->size, MANIFEST_MAX_BYTES >> 20);
	if (r->c->dir) {
		*text = BUF_INIT(MANIFEST_MAX_BYTES);
		return layout_dir_read(r->c->dir, d, MANIFEST_MAX_BYTES, text, e);
	}
	if (!regcopy_get(r, d->digest.text, d, &got, text, e))
		return 0;
	if (e->code == ERR_NOT_FOUND)
		e->code = ERR_REGISTRY; /* the image exists, but is not whole */
	return -1;
}

/* --- what the target has --- */

struct regcopy_head {
	struct call call;
	bool done;
};

static void regcopy_on_head(void *arg)
{
	struct regcopy_head *h = arg;

	h->done = true;
}

/* Whether the name (a tag, or a digest) stands for that manifest there. */
static int regcopy_has(struct regcopy *r, const char *name, const struct descriptor *d, bool *there, struct err *e)
{
	AUTO_FREE char *tail = mem_printf("manifests/%s", name);
	struct regcopy_head h = {0};
	int rc = 0;

	*there = false;
	if (r->out) {
		struct blobsink sink = layout_sink_blobs(r->out);

		*there = sink.has(sink.arg, d);
		return 0;
	}
	if (regsession_call(r->pool, r->c->to, HTTP_HEAD, tail, "pull,push", &h.call, e))
		return -1;
	strv_add(&h.call.headers, DOCGET_ACCEPT);
	h.call.done = regcopy_on_head;
	h.call.arg = &h;
	call_start(&h.call);
	while (!rc && !h.done)
		rc = http_step(r->pool->http, e);
	if (!rc && !err_is_set(&h.call.err))
		*there = sv_eq_str(call_field(&h.call, "Docker-Content-Digest"), d->digest.text) ||
			 !strcmp(name, d->digest.text);
	else if (!rc && h.call.err.http != 404)
		rc = (err_move(e, &h.call.err), -1);
	call_release(&h.call);
	return rc;
}

/* --- sending --- */

static int regcopy_push(struct regcopy *r, const struct descriptor *d, const struct buf *text, const char *tag,
			struct err *e)
{
	const struct registry_copy *c = r->c;
	struct ref to = {.host = c->to->host, .path = c->to->path};
	struct registry_push p = {.to = &to, .text = text, .new_tags = true, .pipe_from = c->from};
	int rc;

	to.tag = (char *)(uintptr_t)tag; /* borrowed; not written to */
	if (r->from && !strcmp(r->from->host, c->to->host))
		p.mount_from = r->from;
	p.dir = c->dir;
	descriptor_copy(&p.manifest, d);
	rc = push_image(r->pool, &p, NULL, NULL, NULL, e);
	descriptor_release(&p.manifest);
	r->c->manifests++;
	r->c->sent += p.blobs_sent;
	r->c->mounted += p.blobs_mounted;
	r->c->there += p.blobs_there;
	r->c->bytes_sent += p.bytes_sent;
	return rc;
}

/* All blobs of an image, then its manifest. */
static int regcopy_put_blobs(struct regcopy *r, const struct descriptor *d, const struct buf *text, struct err *e)
{
	struct blobsink sink = layout_sink_blobs(r->out);
	AUTO_FREE const struct descriptor **list = NULL;
	AUTO_MANIFEST struct manifest m = {0};
	size_t n = 0;

	if (manifest_parse(text->p, text->n, d->media_type, &m, ERR_INPUT, e))
		return -1;
	list = mem_array(m.nlayers + 1, sizeof *list);
	for (size_t i = 0; i < m.nlayers; i++)
		if (mediatype_kind_of(m.layers[i].media_type) != MEDIATYPE_FOREIGN_LAYER)
			list[n++] = &m.layers[i];
	list[n++] = &m.config;
	if (r->from)
		return blobget_all(r->pool, r->c->from, list, n, &sink, NULL, e);
	for (size_t i = 0; i < n; i++)
		if (layout_sink_copy(r->out, r->c->dir, list[i], e))
			return -1;
	return 0;
}

static int regcopy_put(struct regcopy *r, const struct descriptor *d, const struct buf *text, bool index, struct err *e)
{
	if (!index && regcopy_put_blobs(r, d, text, e))
		return -1;
	r->c->manifests++;
	return layout_sink_put(r->out, d, text, e);
}

/* What an index names. */
static int regcopy_children(struct regcopy *r, const struct descriptor *d, const struct buf *text, unsigned depth,
			    struct err *e)
{
	AUTO_INDEX struct index x = {0};

	if (depth == REGCOPY_DEPTH_MAX)
		return err_set(e, ERR_INPUT, "indexes nested deeper than %d", REGCOPY_DEPTH_MAX);
	if (index_parse(text->p, text->n, d->media_type, &x, ERR_INPUT, e))
		return -1;
	for (size_t i = 0; i < x.n; i++) {
		AUTO_BUF struct buf child = {0};

		if (regcopy_tree(r, &x.manifests[i], &child, NULL, depth + 1, e))
			return err_wrap(e, "%s of the index", x.manifests[i].digest.text);
	}
	return 0;
}

/* --- referrers --- */

static bool regcopy_listed(const struct json *list, const char *digest)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const char *one = json_get_str(json_at(list, i), "digest");

		if (one && !strcmp(one, digest))
			return true;
	}
	return false;
}

/* A registry without the interface keeps the list under a tag, which clients write (distribution-spec "Pushing
 * manifests with subject"). */
static int regcopy_list_referrers(struct regcopy *r, const struct digest *subject, const struct json *theirs,
				  struct err *e)
{
	struct ref to = {.host = r->c->to->host, .path = r->c->to->path, .digest = *subject};
	AUTO_JSON struct json *ours = NULL, *index = json_object();
	AUTO_FREE char *tag = referrers_tag(subject);
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	struct registry_push p = {.to = &to, .text = &text, .new_tags = true};
	struct digest digest;
	size_t missing = 0;
	int rc;

	if (referrers_list(r->pool, &to, &ours, e))
		return -1;
	for (size_t i = 0; i < json_len(theirs); i++)
		if (!regcopy_listed(ours, json_get_str(json_at(theirs, i), "digest"))) {
			json_append(ours, json_ref(json_at(theirs, i)));
			missing++;
		}
	if (!missing)
		return 0;
	json_set_int(index, "schemaVersion", 2);
	json_set_str(index, "mediaType", MEDIATYPE_OCI_INDEX);
	json_set(index, "manifests", json_ref(ours));
	json_write(index, &text);
	if (text.over)
		return err_set(e, ERR_REGISTRY, "the list of referrers would be larger than %zu bytes",
			       MANIFEST_MAX_BYTES);
	to.digest = (struct digest){0};
	to.tag = tag;
	digest_of_bytes(text.p, text.n, &digest);
	descriptor_set(&p.manifest, MEDIATYPE_OCI_INDEX, &digest, text.n);
	rc = push_image(r->pool, &p, NULL, NULL, NULL, e);
	descriptor_release(&p.manifest);
	return rc;
}

/* What names d as its subject: signatures, SBOMs and the like. */
static int regcopy_referrers(struct regcopy *r, const struct descriptor *d, unsigned depth, struct err *e)
{
	struct ref from = {.host = r->c->from->host, .path = r->c->from->path, .digest = d->digest};
	AUTO_JSON struct json *list = NULL;

	if (depth == REGCOPY_DEPTH_MAX)
		return err_set(e, ERR_REGISTRY, "referrers of referrers, more than %d deep", REGCOPY_DEPTH_MAX);
	if (referrers_list(r->pool, &from, &list, e))
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		AUTO_DESCRIPTOR struct descriptor one = {0};
		AUTO_BUF struct buf text = {0};

		if (descriptor_from_json(json_at(list, i), &one, ERR_REGISTRY, e) ||
		    regcopy_tree(r, &one, &text, NULL, depth + 1, e))
			return err_wrap(e, "a referrer of %s", d->digest.text);
		r->c->referrers_copied++;
	}
	return json_len(list) ? regcopy_list_referrers(r, &d->digest, list, e) : 0;
}

/* --- all of it --- */

/* *text is fetched where it is needed and empty. */
static int regcopy_tree(struct regcopy *r, const struct descriptor *d, struct buf *text, const char *tag,
			unsigned depth, struct err *e)
{
	bool there, index, referrers = r->c->referrers && r->from;

	if (regcopy_has(r, tag ? tag : d->digest.text, d, &there, e))
		return -1;
	if (there && !referrers)
		return 0;
	if (!text->n && regcopy_get_child(r, d, text, e))
		return -1;
	index = manifest_detect(text->p, text->n, d->media_type) == MEDIATYPE_INDEX;
	if (index && regcopy_children(r, d, text, depth, e))
		return -1;
	if (!there && (r->out ? regcopy_put(r, d, text, index, e) : regcopy_push(r, d, text, tag, e)))
		return -1;
	return referrers ? regcopy_referrers(r, d, depth, e) : 0;
}

/* The document that the user named. */
static int regcopy_root(struct regcopy *r, struct descriptor *root, struct buf *text, struct err *e)
{
	const struct ref *from = r->from;
	bool named = from && digest_is_set(&from->digest);

	if (from)
		return regcopy_get(r, named ? from->digest.text : from->tag, NULL, root, text, e);
	descriptor_copy(root, r->c->root);
	return regcopy_get_child(r, root, text, e);
}

/* An index becomes what it has for the platform. */
static int regcopy_choose(struct regcopy *r, struct descriptor *root, struct buf *text, struct err *e)
{
	for (int depth = 0; manifest_detect(text->p, text->n, root->media_type) == MEDIATYPE_INDEX; depth++) {
		AUTO_INDEX struct index x = {0};
		const struct descriptor *one;

		if (depth == REGCOPY_DEPTH_MAX)
			return err_set(e, ERR_INPUT, "indexes nested deeper than %d", REGCOPY_DEPTH_MAX);
		if (index_parse(text->p, text->n, root->media_type, &x, ERR_INPUT, e))
			return -1;
		one = index_select(&x, r->c->platform, e);
		if (!one)
			return -1;
		descriptor_release(root);
		descriptor_copy(root, one);
		buf_release(text);
		if (regcopy_get_child(r, root, text, e))
			return -1;
	}
	return 0;
}

static int regcopy_all(struct regcopy *r, struct err *e)
{
	AUTO_DESCRIPTOR struct descriptor root = {0};
	AUTO_BUF struct buf text = {0};
	const struct ref *to = r->c->to;

	if ((to && regconf_writable(r->pool->conf, to, e)) || regcopy_root(r, &root, &text, e) ||
	    (r->c->platform && regcopy_choose(r, &root, &text, e)))
		return -1;
	if (to && digest_is_set(&to->digest) && !digest_eq(&to->digest, &root.digest))
		return err_set(e, ERR_USAGE, "what is copied has the digest %s, not that of the target",
			       root.digest.text);
	r->c->digest = root.digest;
	if (to)
		return regcopy_tree(r, &root, &text, to->tag, 0, e);
	/* Not before it is known that there is something to copy. */
	r->out = layout_sink_open(r->c->out, e);
	if (!r->out || regcopy_tree(r, &root, &text, NULL, 0, e) || layout_sink_name(r->out, r->c->name, &root, e))
		return err_wrap(e, "layout %s", r->c->out);
	return 0;
}

int regcopy_run(struct regsession_pool *p, struct registry_copy *c, struct err *e)
{
	struct regcopy r = {.pool = p, .c = c};
	AUTO_REGCONF_PLACES struct regconf_places places = {0};
	const struct ref *both[] = {c->from, c->to};
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		AUTO_FREE char *name = both[i] ? ref_familiar(both[i]) : NULL;

		if (name && ref_is_store_only(both[i]))
			return err_set(e, ERR_USAGE,
				       "%s exists only in the store: a registry on this machine needs its port", name);
	}
	if (c->from && regconf_places(p->conf, c->from, &places, e))
		return -1;
	if (c->from)
		r.from = &places.v[places.n - 1];
	rc = regcopy_all(&r, e);
	layout_sink_close(r.out);
	return rc;
}
