/* --cache-to: each finished step becomes an ordinary image in the cache repository, in the background while later steps
 * run; blobs first, manifest last. One entry at a time. A failed write is a warning, unless the cache is `required`. */
#include "src/build/cachewrite.h"

#include <string.h>

#include "oci/layout.h"
#include "src/build/blobs.h"
#include "src/build/cacheknown.h"
#include "src/build/cacheopt.h"
#include "src/build/lossy.h"
#include "src/cache/cremote.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

struct entry {
	size_t stage, step;
	struct ckey input, content;
	struct digest_list stack;
	char *made;
	int64_t built; /* seconds since 1970 */
	bool replace;  /* a forced build replaces a live entry */
};

struct uploads {
	struct build *b;
	const struct cachepick_list *to; /* borrowed */
	VEC_OF(struct entry *) queue; /* pointers: workers' arguments point into them */
	size_t next; /* entry at work, or to be done next */
	size_t repo; /* repository at work */
	bool active;
	bool failed; /* a required cache could not be written */
	struct cacheknown *known; /* by repository */
	bool *broken; /* by repository: it failed once and is left alone for the rest of the build */
	struct blobs_request request;
	struct descriptor *descs; /* of the entry's layers */
	struct descriptor manifest;
};

static void begin_entry(struct uploads *u);

static void release_work(struct uploads *u)
{
	const struct entry *en = u->queue.v[u->next];

	for (size_t i = 0; u->descs && i < en->stack.n; i++)
		descriptor_release(&u->descs[i]);
	free(u->descs);
	u->descs = NULL;
	descriptor_release(&u->manifest);
}

/* On to the next entry; the scheduler may be waiting for the last one. */
static void end_entry(struct uploads *u)
{
	struct build *b = u->b;

	release_work(u);
	u->active = false;
	u->next++;
	if (u->next < u->queue.n && !b->stopping)
		begin_entry(u);
	if (!u->active)
		sched_kick(b);
}

/* A cache that cannot be written now will not be in a minute: one warning, and no waiting for it again. */
static void warn(struct uploads *u, size_t repo, struct err *e)
{
	const struct entry *en = u->queue.v[u->next];
	const struct cacheopt *to = &u->to->v[repo].opt;

	u->broken[repo] = true;
	if (u->b->stopping) {
		err_release(e);
		return;
	}
	session_warn(u->b->s, u->b->plan->stages.v[en->stage].name, "cache %s cannot be written: %s", to->repo, e->msg);
	if (to->required && !u->failed) {
		u->failed = true;
		err_wrap(e, "required cache %s", to->repo);
		sched_fail(u->b, e);
	}
	err_release(e);
}

/* --- pushing --- */

static int push_repo(const struct uploads *u, const struct entry *en, const char *input, const char *content,
		     struct json *result, struct err *e)
{
	const char *more[] = {content};
	AUTO_DIGEST_LIST struct digest_list there = {0};
	struct cacheknown *known = &u->known[u->repo];
	AUTO_REF struct ref to = {0};
	struct registry *reg;

	if (ref_parse_repo(u->to->v[u->repo].opt.repo, &to, e) < 0)
		return -1;
	free(to.tag);
	to.tag = mem_strdup(input);
	reg = registry_new(&u->b->s->net, e);
	if (!reg)
		return -1;
	struct registry_push p = {.to = &to,
				  .more_tags = more,
				  .nmore = strcmp(input, content) != 0,
				  .skip_existing = !en->replace};

	descriptor_copy(&p.manifest, &u->manifest);
	cacheknown_ask(reg, &to, known, result);
	cacheknown_use(known, u->descs, en->stack.n, &p, &there);
	if (registry_push_image(reg, &p, u->b->s->store, NULL, NULL, e) < 0)
		return -1;
	json_set_int(result, "sent", (int64_t)p.bytes_sent);
	return 0;
}

/* Under the directory's lock, which other builds on it wait for. */
static int push_dir(const struct uploads *u, const struct entry *en, const char *path, char *input, char *content,
		    struct err *e)
{
	struct layout_image images[] = {{.name = input, .manifest = u->manifest},
					{.name = content, .manifest = u->manifest}};

	return layout_save_dir_with(u->b->s->store, path, images, strcmp(input, content) != 0 ? 2 : 1,
				    &(struct layout_save_opts){.keep = !en->replace}, e);
}

static int push(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct uploads *u = arg;
	const struct entry *en = u->queue.v[u->next];
	const char *dir = cacheopt_dir(u->to->v[u->repo].opt.repo);
	char input[CKEY_TAG_BYTES], content[CKEY_TAG_BYTES];

	(void)w;
	ckey_tag(&en->input, input);
	ckey_tag(&en->content, content);
	*result = json_object();
	return dir ? push_dir(u, en, dir, input, content, e) : push_repo(u, en, input, content, *result, e);
}

static void start_push(struct uploads *u);

static void note_written(struct uploads *u, const struct json *result)
{
	const struct entry *en = u->queue.v[u->next];
	char input[CKEY_TAG_BYTES], content[CKEY_TAG_BYTES];

	ckey_tag(&en->input, input);
	ckey_tag(&en->content, content);
	cacheknown_take(&u->known[u->repo], result);
	cacheknown_add(&u->known[u->repo], input, content, u->descs, en->stack.n);
	u->b->counts.bytes_out += (uint64_t)json_get_int(result, "sent", 0);
}

static void on_pushed(void *ctx, const struct json *result, struct err *e)
{
	struct uploads *u = ctx;

	if (err_is_set(e))
		warn(u, u->repo, e);
	else
		note_written(u, result);
	u->repo++;
	start_push(u);
}

static bool is_written(const struct uploads *u, const struct entry *en)
{
	const struct cachepick_place *to = &u->to->v[u->repo];

	if (u->broken[u->repo] || !cachepick_takes(to, en->stage))
		return false;
	return !to->opt.stages_only || plan_last_layer(&u->b->plan->stages.v[en->stage]) == en->step;
}

static void start_push(struct uploads *u)
{
	struct worker_spec spec = {.role = "push", .fn = push, .arg = u, .done = on_pushed, .ctx = u};
	struct err e = ERR_INIT;

	while (u->repo < u->to->n && !is_written(u, u->queue.v[u->next]))
		u->repo++;
	if (u->repo == u->to->n || u->b->stopping) {
		end_entry(u);
		return;
	}
	if (!worker_start(u->b->s, &spec, &e)) {
		warn(u, u->repo, &e);
		end_entry(u);
	}
}

/* --- the image --- */

static int put_config(struct uploads *u, const struct entry *en, struct descriptor *out, struct err *e)
{
	AUTO_IMGCONFIG struct imgconfig config;
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	result_config(u->b, en->stage, &en->stack, en->made, en->step, &config);
	imgconfig_write(&config, &text);
	return store_blob_put(u->b->s->store, text.p, text.n, MEDIATYPE_OCI_CONFIG, out, e);
}

static int put_manifest(struct uploads *u, const struct entry *en, struct err *e)
{
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	if (put_config(u, en, &m.config, e) < 0)
		return -1;
	for (size_t i = 0; i < en->stack.n; i++)
		manifest_add_layer(&m, &u->descs[i]);
	cremote_annotate(&m, &en->stack, &en->input, &en->content, en->made, en->built);
	manifest_write(&m, &text);
	return store_blob_put(u->b->s->store, text.p, text.n, MEDIATYPE_OCI_MANIFEST, &u->manifest, e);
}

static void give_up(struct uploads *u, struct err *e)
{
	warn(u, 0, e);
	end_entry(u);
}

static void on_packed(void *ctx, const struct json *result, struct err *e)
{
	struct uploads *u = ctx;

	if (err_is_set(e) || blobs_take(&u->request, result, e) < 0 ||
	    put_manifest(u, u->queue.v[u->next], e) < 0)
		give_up(u, e);
	else
		start_push(u);
}

static void begin_entry(struct uploads *u)
{
	struct entry *en = u->queue.v[u->next];
	struct worker_spec spec = {.role = "pack",
				   .enter = WORKER_USERNS,
				   .fn = blobs_pack,
				   .arg = &u->request,
				   .done = on_packed,
				   .ctx = u};
	struct err e = ERR_INIT;

	u->active = true;
	u->repo = 0;
	u->descs = mem_zalloc((en->stack.n + 1) * sizeof *u->descs);
	u->request = (struct blobs_request){
		.s = u->b->s, .diff_ids = &en->stack, .codec = {CODEC_GZIP, 0}, .out = u->descs};
	if (blobs_known(&u->request) == 0)
		on_packed(u, NULL, &e);
	else if (!worker_start(u->b->s, &spec, &e))
		give_up(u, &e);
}

/* --- the queue --- */

static void enqueue(struct build *b, const struct entry *en)
{
	struct uploads *u = b->uploads;

	vec_push(&u->queue, mem_dup(en, sizeof *en));
	if (!u->active)
		begin_entry(u);
}

void cachewrite_step(struct build *b, size_t stage, size_t step, const struct ckey *content)
{
	const struct stage_run *r = &b->run[stage];
	const struct plan_stage *st = &b->plan->stages.v[stage];

	if (!b->uploads || !ckey_is_set(&st->steps.v[step].key) || r->lossy || lossy_stack(b, &r->stack))
		return;
	struct entry en = {.stage = stage,
			   .step = step,
			   .input = st->steps.v[step].key,
			   .content = *content,
			   .made = mem_strdup(buf_str(&r->made)),
			   .built = clock_wall() / CLOCK_NS_PER_S,
			   /* with a TTL, what was found may have been too old */
			   .replace = st->forced || b->o->no_cache || cachepick_ttl(&b->caches, stage)};

	digest_list_copy(&en.stack, &r->stack);
	enqueue(b, &en);
}

/* A step that the local cache answered: its layers are here, so the remote cache can have it too. Its content key would
 * need the stacks that it was built from; the input key is what another machine asks for first. */
static void offer_cached(struct build *b, size_t stage, size_t step)
{
	const struct plan_step *s = &b->plan->stages.v[stage].steps.v[step];
	struct entry en = {.stage = stage, .step = step, .input = s->key, .content = s->key};
	struct clocal rec;

	if (!ckey_is_set(&s->key) || !clocal_get(b->s->store, &s->key, &rec))
		return;
	if (trees_obtainable(b, &rec.diff_ids) && strlen(rec.made) == s->layer_n + 1) {
		en.made = mem_strdup(rec.made);
		en.built = rec.built;
		digest_list_copy(&en.stack, &rec.diff_ids);
		enqueue(b, &en);
	}
	clocal_release(&rec);
}

void cachewrite_cached(struct build *b)
{
	for (size_t i = 0; b->uploads && i < b->plan->stages.n; i++) {
		const struct plan_stage *st = &b->plan->stages.v[i];
		size_t end = b->run[i].wanted ? b->run[i].next : st->steps.n;

		for (size_t k = 0; st->needed && !st->forced && !b->o->no_cache && k < end; k++)
			if (plan_step_is_layer(&st->steps.v[k]))
				offer_cached(b, i, k);
	}
}

void cachewrite_init(struct build *b)
{
	if (!b->caches.to.n || b->o->offline)
		return;
	b->uploads = mem_new(struct uploads);
	b->uploads->b = b;
	b->uploads->to = &b->caches.to;
	b->uploads->broken = mem_zalloc(b->caches.to.n + 1);
	b->uploads->known = mem_zalloc((b->caches.to.n + 1) * sizeof *b->uploads->known);
}

bool cachewrite_busy(const struct build *b)
{
	return b->uploads && b->uploads->active;
}

void cachewrite_release(struct build *b)
{
	struct uploads *u = b->uploads;

	if (!u)
		return;
	for (size_t i = 0; i < u->to->n; i++)
		cacheknown_release(&u->known[i]);
	free(u->known);
	for (size_t i = 0; i < u->queue.n; i++) {
		digest_list_release(&u->queue.v[i]->stack);
		free(u->queue.v[i]->made);
		free(u->queue.v[i]);
	}
	vec_release(&u->queue);
	free(u->broken);
	free(u);
	b->uploads = NULL;
}
