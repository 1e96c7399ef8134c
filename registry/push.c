/* Push of an image. */
#include "registry/push.h"

#include "oci/limits.h"
#include "oci/manifest.h"
#include "oci/mediatype.h"
#include "registry/docget.h"
#include "registry/push_blob.h"
#include "registry/regerr.h"
#include "src/util/log.h"
#include "src/util/mem.h"

struct push;

/* One name that the manifest gets. */
struct push_tag {
	struct push *push;
	const char *name; /* tag, or digest text; borrowed */
	struct call call;
	bool there;   /* it needs no PUT */
	bool unknown; /* refused because blobs are missing */
};

struct push {
	struct regsession_pool *pool;
	struct registry_push *p;
	struct buf text;
	struct manifest m; /* of an index only its media type */
	bool is_index;
	struct push_tag *tags;
	size_t ntags, left;
	size_t assumed; /* blobs that were not asked for */
	struct http_body body;
	struct err err; /* first failure */
};

static void push_release(struct push *u)
{
	for (size_t i = 0; i < u->ntags; i++)
		call_release(&u->tags[i].call);
	free(u->tags);
	buf_release(&u->text);
	manifest_release(&u->m);
	err_release(&u->err);
}

static int push_load(struct push *u, struct store *s, struct err *e)
{
	const struct descriptor *d = &u->p->manifest;

	u->text = BUF_INIT(MANIFEST_MAX_BYTES);
	if (u->p->text)
		buf_sv_add(&u->text, buf_sv(u->p->text));
	else if (store_blob_read(s, &d->digest, MANIFEST_MAX_BYTES, &u->text, e))
		return -1;
	/* Of an index the manifests that it names are pushed before it, each by its digest. */
	u->is_index = manifest_detect(u->text.p, u->text.n, d->media_type) == MEDIATYPE_INDEX;
	if (u->is_index) {
		u->m.media_type = mem_strdup(d->media_type);
		return 0;
	}
	return manifest_parse(buf_str(&u->text), u->text.n, d->media_type, &u->m, ERR_INTEGRITY, e);
}

static void push_list_tags(struct push *u)
{
	const struct registry_push *p = u->p;

	u->tags = mem_zalloc((p->nmore + 1) * sizeof(*u->tags));
	u->ntags = p->nmore + 1;
	u->tags[0].name = p->to->tag ? p->to->tag : p->manifest.digest.text;
	for (size_t i = 0; i < p->nmore; i++)
		u->tags[i + 1].name = p->more_tags[i];
	for (size_t i = 0; i < u->ntags; i++)
		u->tags[i].push = u;
}

/* --- a round of requests, one per tag that is not there --- */

static int push_round(struct push *u, enum http_method method, void (*done)(void *), struct err *e)
{
	u->left = 0;
	for (size_t i = 0; i < u->ntags; i++) {
		struct push_tag *t = &u->tags[i];
		AUTO_FREE char *tail = mem_printf("manifests/%s", t->name);

		if (t->there)
			continue;
		if (regsession_call(u->pool, u->p->to, method, tail, "pull,push", &t->call, e))
			return -1;
		t->call.done = done;
		t->call.arg = t;
		if (method == HTTP_HEAD) {
			strv_add(&t->call.headers, DOCGET_ACCEPT);
		} else {
			strv_printf(&t->call.headers, "Content-Type: %s", u->m.media_type);
			t->call.body = &u->body;
		}
		u->left++;
		call_start(&t->call);
	}
	while (u->left && !err_is_set(&u->err))
		if (http_step(u->pool->http, e))
			return -1;
	if (!err_is_set(&u->err))
		return 0;
	err_move(e, &u->err);
	return -1;
}

static void push_round_end(struct push_tag *t)
{
	struct push *u = t->push;

	if (err_is_set(&t->call.err) && !err_is_set(&u->err)) {
		err_move(&u->err, &t->call.err);
		if (u->err.code == ERR_NOT_FOUND)
			u->err.code = ERR_REGISTRY;
	}
	call_release(&t->call);
	u->left--;
}

static void push_on_head(void *arg)
{
	struct push_tag *t = arg;
	const struct registry_push *p = t->push->p;
	struct sv digest = call_field(&t->call, "Docker-Content-Digest");

	if (t->call.err.http == 404)
		err_release(&t->call.err);
	else if (!err_is_set(&t->call.err))
		t->there = p->skip_existing || sv_eq_str(digest, p->manifest.digest.text);
	push_round_end(t);
}

static void push_on_put(void *arg)
{
	struct push_tag *t = arg;
	struct call *c = &t->call;
	struct sv digest = call_field(c, "Docker-Content-Digest");

	t->unknown = regerr_has_code(buf_sv(&c->text), "MANIFEST_BLOB_UNKNOWN") ||
		     regerr_has_code(buf_sv(&c->text), "BLOB_UNKNOWN");
	t->there = !err_is_set(&c->err);
	if (t->there && digest.n && !sv_eq_str(digest, t->push->p->manifest.digest.text))
		err_set(&c->err, ERR_INTEGRITY, "sent was %s, but the registry took it for %.*s",
			t->push->p->manifest.digest.text, SV_ARG(digest));
	push_round_end(t);
}

static bool push_all_there(const struct push *u)
{
	for (size_t i = 0; i < u->ntags; i++)
		if (!u->tags[i].there)
			return false;
	return true;
}

/* --- content --- */

static ssize_t push_text_read(void *arg, uint64_t off, void *p, size_t n, struct err *e)
{
	const struct buf *b = arg;

	(void)e;
	if (n > b->n - (size_t)off)
		n = b->n - (size_t)off;
	memcpy(p, b->p + off, n);
	return (ssize_t)n;
}

static bool push_listed(const struct descriptor *const *list, size_t n, const struct descriptor *d)
{
	for (size_t i = 0; i < n; i++)
		if (digest_eq(&list[i]->digest, &d->digest))
			return true;
	return false;
}

static int push_blobs(struct push *u, struct store *s, registry_progress_fn *fn, void *arg, struct err *e)
{
	AUTO_FREE const struct descriptor **list = mem_zalloc((u->m.nlayers + 1) * sizeof(*list));
	struct push_blob_list what;
	size_t n = 0;
	int rc;

	if (u->is_index)
		return 0;
	for (size_t i = 0; i < u->m.nlayers; i++) {
		const struct descriptor *d = &u->m.layers[i];

		if (mediatype_kind_of(d->media_type) == MEDIATYPE_FOREIGN_LAYER)
			log_msg(LOG_WARN, "foreign layer %s stays where it is: not pushed", d->digest.text);
		else if (!push_listed(list, n, d))
			list[n++] = d;
	}
	if (!push_listed(list, n, &u->m.config))
		list[n++] = &u->m.config;
	what = (struct push_blob_list){.blobs = list, .n = n};
	rc = push_blob_all(u->pool, u->p, &what, s, fn, arg, e);
	u->assumed = what.assumed;
	return rc;
}

static bool push_blobs_unknown(const struct push *u)
{
	for (size_t i = 0; i < u->ntags; i++)
		if (u->tags[i].unknown)
			return true;
	return false;
}

static int push_content(struct push *u, struct store *s, registry_progress_fn *fn, void *arg, struct err *e)
{
	u->body = (struct http_body){.read = push_text_read, .arg = &u->text, .size = u->text.n};
	if (push_blobs(u, s, fn, arg, e))
		return -1;
	if (!push_round(u, HTTP_PUT, push_on_put, e))
		return 0;
	if (!u->assumed || !push_blobs_unknown(u))
		return -1;
	/* What we believed to be there has gone meanwhile (a garbage collection of the registry): ask for all. */
	err_release(e);
	regsession_forget_known(u->pool, u->p->to);
	u->p->blobs_there = 0;
	for (size_t i = 0; i < u->ntags; i++)
		call_release(&u->tags[i].call);
	if (push_blobs(u, s, fn, arg, e))
		return -1;
	return push_round(u, HTTP_PUT, push_on_put, e);
}

/* Layers that are being made, and what is known of the image meanwhile; then there is a manifest. */
static int push_streams(struct push *u, struct store *s, registry_progress_fn *fn, void *arg, struct err *e)
{
	struct registry_push *p = u->p;
	struct push_blob_list what = {
		.blobs = p->known, .n = p->nknown, .streams = p->streams, .nstreams = p->nstreams};
	uint64_t there;

	if (p->skip_existing && !p->new_tags) {
		push_list_tags(u);
		if (push_round(u, HTTP_HEAD, push_on_head, e))
			return -1;
		if (push_all_there(u))
			return 0;
	}
	if (push_blob_all(u->pool, p, &what, s, fn, arg, e) || p->seal(p->seal_arg, &p->manifest, e) ||
	    push_load(u, s, e))
		return -1;
	if (!u->ntags)
		push_list_tags(u);
	there = p->blobs_there;
	if (push_content(u, s, fn, arg, e))
		return -1;
	p->blobs_there = there; /* the second look at them does not count */
	return 0;
}

static int push_run(struct push *u, struct store *s, registry_progress_fn *fn, void *arg, struct err *e)
{
	if (u->p->nstreams)
		return push_streams(u, s, fn, arg, e);
	if (push_load(u, s, e))
		return -1;
	push_list_tags(u);
	if (!u->p->new_tags && push_round(u, HTTP_HEAD, push_on_head, e))
		return -1;
	if (push_all_there(u))
		return 0;
	return push_content(u, s, fn, arg, e);
}

int push_image(struct regsession_pool *p, struct registry_push *push, struct store *s, registry_progress_fn *fn,
	       void *arg, struct err *e)
{
	struct push u = {.pool = p, .p = push};
	AUTO_FREE char *name = ref_familiar(push->to);
	int rc;

	push->blobs_sent = push->blobs_mounted = push->blobs_there = push->bytes_sent = 0;
	if (ref_is_store_only(push->to))
		return err_set(e, ERR_USAGE, "%s exists only in the store: a registry on this machine needs its port",
			       name);
	for (size_t i = 0; i < push->nthere; i++)
		regsession_know(p, push->to, &push->there[i]);
	rc = regconf_writable(p->conf, push->to, e) ? -1 : push_run(&u, s, fn, arg, e);
	push_release(&u);
	return rc ? err_wrap(e, "pushing %s", name) : 0;
}
