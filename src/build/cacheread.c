#include "src/build/cacheread.h"

#include <string.h>

#include "oci/layout_dir.h"
#include "oci/limits.h"
#include "src/build/cacheopt.h"
#include "src/cache/cachewhy.h"
#include "src/cache/cremote.h"
#include "src/util/mem.h"

struct asking {
	struct build *b;
	const char *repo;
	const struct cacheread_keys *keys;
	const char *suffix; /* of the tags; NULL: none */
};

/* Manifests go into the store as blobs: a message is too small for them, and the store verifies them again. */
static int answer(const struct asking *a, const struct registry_probe *probes, struct json **result, struct err *e)
{
	*result = json_array();
	for (size_t i = 0; i < a->keys->n; i++) {
		struct json *j;

		if (!probes[i].found)
			continue;
		if (store_blob_put(a->b->s->store, probes[i].text.p, probes[i].text.n, probes[i].manifest.media_type,
				   NULL, e) < 0)
			return -1;
		j = json_object();
		json_set_int(j, "key", (int64_t)i);
		json_set_str(j, "manifest", probes[i].manifest.digest.text);
		json_append(*result, j);
	}
	return 0;
}

/* Entries whose layers have gone are none. */
static int ask_dir(const char *path, struct registry_probe *probes, size_t n, struct err *e)
{
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;

	if (layout_dir_open(&d, path, e) < 0) {
		if (e->code != ERR_NOT_FOUND) /* nothing was written there yet */
			return -1;
		err_release(e);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		const struct descriptor *entry = layout_dir_find(&d, probes[i].tag);

		if (!entry || !layout_dir_whole(&d, entry))
			continue;
		probes[i].text = BUF_INIT(MANIFEST_MAX_BYTES);
		if (layout_dir_read(&d, entry, MANIFEST_MAX_BYTES, &probes[i].text, e) < 0)
			return -1;
		descriptor_copy(&probes[i].manifest, entry);
		probes[i].found = true;
		layout_dir_used(&d, entry);
	}
	return 0;
}

static int ask_repo_tags(const struct asking *a, struct registry_probe *probes, struct err *e)
{
	AUTO_REF struct ref repo = {0};
	struct registry *reg;

	if (cacheopt_dir(a->repo))
		return ask_dir(cacheopt_dir(a->repo), probes, a->keys->n, e);
	if (ref_parse_repo(a->repo, &repo, e) < 0)
		return -1;
	reg = registry_new(&a->b->s->net, e);
	return reg ? registry_probe_tags(reg, &repo, probes, a->keys->n, e) : -1;
}

static int ask_tags(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct asking *a = arg;
	AUTO_FREE struct registry_probe *probes = mem_zalloc(a->keys->n * sizeof *probes);
	AUTO_STRV struct strv tags = {0};

	(void)w;
	for (size_t i = 0; i < a->keys->n; i++) {
		char tag[CKEY_TAG_BYTES];

		ckey_tag(&a->keys->v[i].key, tag);
		strv_printf(&tags, "%s%s", tag, a->suffix ? a->suffix : "");
	}
	for (size_t i = 0; i < a->keys->n; i++)
		probes[i].tag = tags.v[i];
	if (ask_repo_tags(a, probes, e) < 0)
		return -1;
	return answer(a, probes, result, e);
}

static void free_hit(void *p)
{
	struct remote_hit *h = p;

	clocal_release(&h->rec);
	manifest_release(&h->manifest);
	descriptor_release(&h->entry);
	free(h->repo);
	free(h);
}

static int take_hit(struct build *b, const char *repo, const struct cacheread_key *asked, const char *digest,
		    struct err *e)
{
	const struct ckey *key = &asked->key;
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	struct remote_hit *h = mem_new(struct remote_hit);
	struct digest d;

	h->repo = mem_strdup(repo);
	if (digest_parse(sv_from(digest), &d, ERR_INTERNAL, e) < 0 ||
	    store_blob_read(b->s->store, &d, MANIFEST_MAX_BYTES, &text, e) < 0 ||
	    manifest_parse(text.p, text.n, NULL, &h->manifest, ERR_INTEGRITY, e) < 0 ||
	    cremote_accept(&h->manifest, key, &h->rec, e) < 0) {
		free_hit(h);
		return -1;
	}
	if (lookup_expired(b, asked->stage, &h->rec)) { /* the next cache may have a newer one */
		free_hit(h);
		return 0;
	}
	cremote_strip(&h->manifest);
	descriptor_set(&h->entry, h->manifest.media_type, &d, text.n);
	b->hits.free_val = free_hit;
	smap_set(&b->hits, key->hex, h);
	return 0;
}

static void take_answers(struct build *b, const char *repo, const struct cacheread_keys *keys, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *j = json_at(list, i);
		int64_t k = json_get_int(j, "key", -1);
		struct err e = ERR_INIT;

		if (k < 0 || (size_t)k >= keys->n)
			continue;
		/* An entry that does not hold what it says is no hit, whoever wrote it. */
		if (take_hit(b, repo, &keys->v[k], json_get_str(j, "manifest"), &e) < 0) {
			session_warn(b->s, "", "cache %s: entry ignored: %s", repo, e.msg);
			err_release(&e);
		}
	}
}

static void still_missing(const struct build *b, const struct cachepick_place *at, const struct cacheread_keys *keys,
			  struct cacheread_keys *out)
{
	for (size_t i = 0; i < keys->n; i++)
		if (!smap_has(&b->hits, keys->v[i].key.hex) && cachepick_takes(at, keys->v[i].stage))
			vec_push(out, keys->v[i]);
}

/* One worker's answer must fit into a message. */
#define KEYS_PER_WORKER 500

static int ask_some(struct build *b, const char *repo, const struct cacheread_keys *keys, struct err *e)
{
	struct asking a = {.b = b, .repo = repo, .keys = keys};
	struct worker_spec spec = {.role = "fetch", .what = "tags of the caches", .fn = ask_tags, .arg = &a};
	AUTO_JSON struct json *list = NULL;

	if (worker_call(b->s, &spec, &list, e) < 0)
		return -1;
	take_answers(b, repo, keys, list);
	return 0;
}

static int ask_repo(struct build *b, const char *repo, const struct cacheread_keys *keys, struct err *e)
{
	for (size_t i = 0; i < keys->n && !b->stopping; i += KEYS_PER_WORKER) {
		struct cacheread_keys some = {.v = keys->v + i, .n = keys->n - i};

		if (some.n > KEYS_PER_WORKER)
			some.n = KEYS_PER_WORKER;
		if (ask_some(b, repo, &some, e) < 0)
			return -1;
	}
	return 0;
}

/* One that cannot be asked now will not answer in a minute: one warning, and no waiting for it in each round and step.
 */
static void leave_alone(struct build *b, struct cachepick_place *at, struct err *e)
{
	if (!at->broken)
		session_warn(b->s, "", "cache %s cannot be read: %s", at->opt.repo, e->msg);
	at->broken = true;
	err_release(e);
}

int cacheread_remote(struct build *b, const struct cacheread_keys *keys, struct err *e)
{
	for (size_t i = 0; i < b->caches.from.n && !b->stopping; i++) {
		struct cachepick_place *at = &b->caches.from.v[i];
		struct cacheread_keys left = {0};
		int rc = 0;

		still_missing(b, at, keys, &left);
		if (left.n)
			rc = ask_repo(b, at->opt.repo, &left, e);
		vec_release(&left);
		if (rc < 0 && at->opt.required)
			return err_wrap(e, "required cache %s", at->opt.repo);
		if (rc < 0)
			leave_alone(b, at, e);
	}
	return 0;
}

/* --- records of stages --- */

static void show_why(struct build *b, const struct json *j, size_t n, cacheread_why_fn *fn, void *ctx)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	int64_t i = json_get_int(j, "key", -1);
	const char *digest = json_get_str(j, "manifest");
	struct err e = ERR_INIT;
	struct digest d;

	if (i >= 0 && (size_t)i < n && digest_parse(sv_from(digest), &d, ERR_INTERNAL, &e) == 0 &&
	    store_blob_read(b->s->store, &d, MANIFEST_MAX_BYTES, &text, &e) == 0 &&
	    manifest_parse(text.p, text.n, NULL, &m, ERR_INTEGRITY, &e) == 0)
		fn(ctx, (size_t)i, &m);
	err_release(&e);
}

void cacheread_whys(struct build *b, const struct cacheread_keys *keys, cacheread_why_fn *fn, void *ctx)
{
	for (size_t k = 0; keys->n && k < b->caches.from.n && !b->stopping && !b->o->offline; k++) {
		if (b->caches.from.v[k].broken)
			continue;
		struct cacheread_keys some = *keys;
		struct asking a = {
			.b = b, .repo = b->caches.from.v[k].opt.repo, .keys = &some, .suffix = CACHEWHY_SUFFIX};
		struct worker_spec spec = {.role = "fetch", .what = "records of the caches", .fn = ask_tags, .arg = &a};
		AUTO_JSON struct json *list = NULL;
		struct err e = ERR_INIT;

		some.n = keys->n > KEYS_PER_WORKER ? KEYS_PER_WORKER : keys->n;
		if (worker_call(b->s, &spec, &list, &e) < 0)
			err_release(&e); /* it is only an explanation; the look-up has warned */
		for (size_t i = 0; i < json_len(list); i++)
			show_why(b, json_at(list, i), some.n, fn, ctx);
	}
}

/* --- one key, while the build runs --- */

struct later {
	struct build *b;
	struct cacheread_key key;
	cacheread_done_fn *done;
	void *ctx;
};

static int ask_one(const struct later *l, const char *repo, struct worker *w, struct json *result, struct err *e)
{
	struct cacheread_key key = l->key;
	struct cacheread_keys one = {.v = &key, .n = 1};
	struct asking a = {.b = l->b, .repo = repo, .keys = &one};
	AUTO_JSON struct json *found = NULL;

	if (ask_tags(&a, w, &found, e) < 0)
		return -1;
	if (json_len(found)) {
		json_set_str(result, "repo", repo);
		json_set(result, "found", json_ref(found));
	}
	return 0;
}

/* The place that cannot be asked: nothing for the others, the end of the build if it is required. */
static void note_failure(const struct cachepick_place *at, size_t i, struct err *e, struct json *result)
{
	struct json *failed;

	if (at->opt.required) {
		err_wrap(e, "required cache %s", at->opt.repo);
		json_set(result, "required", worker_err_to_json(e));
		return;
	}
	failed = json_new_object();
	json_set_int(failed, "place", (int64_t)i);
	json_set(failed, "error", worker_err_to_json(e));
	json_append(json_get(result, "failed"), failed);
}

static int ask_each(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct later *l = arg;

	(void)e;
	*result = json_new_object();
	json_set(*result, "failed", json_array());
	for (size_t i = 0; i < l->b->caches.from.n; i++) {
		const struct cachepick_place *at = &l->b->caches.from.v[i];
		struct err one = ERR_INIT;

		if (json_get(*result, "repo") || json_get(*result, "required"))
			break;
		if (cachepick_takes(at, l->key.stage) && ask_one(l, at->opt.repo, w, *result, &one) < 0)
			note_failure(at, i, &one, *result);
		err_release(&one);
	}
	return 0;
}

static void take_failures(struct build *b, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		size_t place = (size_t)json_get_int(json_at(list, i), "place", -1);
		struct err e = ERR_INIT;

		worker_err_from_json(json_get(json_at(list, i), "error"), &e);
		if (place < b->caches.from.n)
			leave_alone(b, &b->caches.from.v[place], &e);
		err_release(&e);
	}
}

static void on_asked(void *ctx, const struct json *result, struct err *e)
{
	struct later *l = ctx;
	struct cacheread_keys one = {.v = &l->key, .n = 1};
	struct err required = ERR_INIT;

	if (err_is_set(e) && e->code != ERR_CANCELLED)
		session_warn(l->b->s, "", "cache cannot be read: %s", e->msg);
	take_failures(l->b, json_get(result, "failed"));
	if (json_get(result, "required"))
		worker_err_from_json(json_get(result, "required"), &required);
	else if (json_get_str(result, "repo"))
		take_answers(l->b, json_get_str(result, "repo"), &one, json_get(result, "found"));
	if (err_is_set(&required))
		sched_fail(l->b, &required);
	l->done(l->ctx);
	free(l);
}

static bool anybody_to_ask(const struct build *b, size_t stage)
{
	for (size_t i = 0; i < b->caches.from.n; i++)
		if (cachepick_takes(&b->caches.from.v[i], stage))
			return !b->o->no_cache && !b->o->offline;
	return false;
}

int cacheread_later(struct build *b, size_t stage, const struct ckey *key, cacheread_done_fn *done, void *ctx)
{
	struct later *l;
	struct err e = ERR_INIT;

	if (!anybody_to_ask(b, stage) || smap_has(&b->misses, key->hex))
		return -1;
	smap_set(&b->misses, key->hex, b); /* asked once */
	l = mem_new(struct later);
	*l = (struct later){.b = b, .key = {*key, stage}, .done = done, .ctx = ctx};
	struct worker_spec spec = {
		.role = "fetch", .what = "entries of the caches", .fn = ask_each, .arg = l, .done = on_asked, .ctx = l};

	if (worker_start(b->s, &spec, &e))
		return 0;
	err_release(&e);
	free(l);
	return -1;
}
