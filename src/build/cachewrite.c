/* The queue of --cache-to: each finished step becomes an ordinary image in the cache, in the background while later
 * steps run. A failed write is a warning, unless the cache is `required`. */
#include "src/build/cachewrite.h"

#include <string.h>

#include "src/build/cachenote.h"
#include "src/build/cacheupload.h"
#include "src/build/lossy.h"
#include "src/cache/cachewhy.h"
#include "src/cache/inputs.h"
#include "src/plan/treelist.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

static void enqueue(struct uploads *u, const struct cacheupload_entry *en)
{
	vec_push(&u->queue, mem_dup(en, sizeof *en));
	if (!u->active)
		cacheupload_begin(u);
}

void cachewrite_step(struct build *b, size_t stage, size_t step, const struct ckey *content)
{
	const struct stage_run *r = &b->run[stage];
	const struct plan_stage *st = &b->plan->stages.v[stage];

	if (!b->uploads || !ckey_is_set(&st->steps.v[step].key) || r->lossy || lossy_stack(b, &r->stack))
		return;
	struct cacheupload_entry en = {.stage = stage,
				       .step = step,
				       .input = st->steps.v[step].key,
				       .content = *content,
				       .made = mem_strdup(buf_str(&r->made)),
				       .built = clock_wall() / CLOCK_NS_PER_S,
				       /* with a TTL, what was found may have been too old */
				       .replace = st->forced || b->o->no_cache || cachepick_ttl(&b->caches, stage)};

	digest_list_copy(&en.stack, &r->stack);
	enqueue(b->uploads, &en);
}

/* A step that the local cache answered: its layers are here, so the remote cache can have it too. Its content key would
 * need the stacks that it was built from; the input key is what another machine asks for first. */
static void offer_cached(struct build *b, size_t stage, size_t step)
{
	const struct plan_step *s = &b->plan->stages.v[stage].steps.v[step];
	struct cacheupload_entry en = {.stage = stage, .step = step, .input = s->key, .content = s->key};
	struct clocal rec;

	if (!ckey_is_set(&s->key) || !clocal_get(b->s->store, &s->key, &rec))
		return;
	if (trees_obtainable(b, &rec.diff_ids) && strlen(rec.made) == s->layer_n + 1) {
		en.made = mem_strdup(rec.made);
		en.built = rec.built;
		digest_list_copy(&en.stack, &rec.diff_ids);
		enqueue(b->uploads, &en);
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
	struct uploads *u;

	if (!b->caches.to.n || b->o->offline)
		return;
	u = b->uploads = mem_new(struct uploads);
	u->b = b;
	u->nto = b->caches.to.n;
	u->to = mem_zalloc((u->nto + 1) * sizeof *u->to);
	for (size_t i = 0; i < u->nto; i++) {
		u->to[i].place = &b->caches.to.v[i];
		u->to[i].wrote = mem_zalloc((b->plan->stages.n + 1) * sizeof *u->to[i].wrote);
	}
}

/* --- records of stages --- */

static void add_files(struct build *b, const struct json *inputs, struct json *doc)
{
	struct json *all = json_deep_copy(inputs);

	for (void *it = json_iter(all); it; it = json_iter_next(all, it)) {
		AUTO_BUF struct buf list = BUF_INIT(CACHEWHY_FILES_MAX_BYTES);
		const char *tree = json_str(json_iter_val(it));

		if (tree && strncmp(json_iter_key(it), "files", 5) == 0 &&
		    treelist_get(b->s->store, tree, CACHEWHY_FILES_MAX_BYTES, &list))
			cachewhy_add_files(doc, tree, buf_sv(&list));
	}
	json_free(all);
}

/* Those of its steps that are done. */
static char *record_of(struct build *b, size_t stage)
{
	const struct plan_stage *st = &b->plan->stages.v[stage];
	AUTO_JSON struct json *doc = cachewhy_new(st->name);
	AUTO_BUF struct buf text = BUF_INIT(CACHEWHY_MAX_BYTES);

	for (size_t k = 0; k < b->run[stage].next; k++) {
		const struct plan_step *s = &st->steps.v[k];
		AUTO_JSON struct json *inputs = s->why ? inputs_mask(s->why) : NULL;

		if (!plan_step_is_layer(s) || !ckey_is_set(&s->key) || !inputs)
			continue;
		cachewhy_add(doc, s->n, &s->key, inputs);
		add_files(b, inputs, doc);
	}
	json_write(doc, &text);
	return text.over ? NULL : buf_steal(&text);
}

static bool wants_why(const struct uploads *u, size_t stage)
{
	for (size_t i = 0; i < u->nto; i++)
		if (u->to[i].place->opt.why && u->to[i].wrote[stage])
			return true;
	return false;
}

static void enqueue_whys(struct uploads *u)
{
	for (size_t i = 0; i < u->b->plan->stages.n; i++) {
		struct cacheupload_entry en = {.stage = i, .built = clock_wall() / CLOCK_NS_PER_S};

		if (!wants_why(u, i) || !(en.why = record_of(u->b, i)))
			continue;
		cachewhy_key(u->b->plan->stages.v[i].name, &en.input);
		en.content = en.input;
		enqueue(u, &en);
	}
}

static void enqueue_last(struct uploads *u)
{
	struct cacheupload_entry use = {.use = true, .built = clock_wall() / CLOCK_NS_PER_S};

	u->last = true;
	enqueue_whys(u);
	for (size_t i = 0; i < u->nto; i++) {
		if (!cachenote_reads(u->b, &u->to[i].place->opt))
			continue;
		enqueue(u, &use);
		return; /* one for all places */
	}
}

bool cachewrite_over(struct build *b)
{
	struct uploads *u = b->uploads;
	bool over = true;

	if (!u || u->active)
		return !u;
	if (!u->last && !b->stopping)
		enqueue_last(u);
	if (u->active)
		return false;
	for (size_t i = 0; i < u->nto; i++) {
		if (!u->to[i].send || cachesend_is_over(u->to[i].send))
			continue;
		cachesend_end(u->to[i].send);
		over = false;
	}
	return over;
}

void cachewrite_release(struct build *b)
{
	struct uploads *u = b->uploads;

	if (!u)
		return;
	for (size_t i = 0; i < u->nto; i++) {
		cachesend_free(u->to[i].send);
		smap_release(&u->to[i].layers);
		free(u->to[i].wrote);
	}
	free(u->to);
	for (size_t i = 0; i < u->queue.n; i++) {
		digest_list_release(&u->queue.v[i]->stack);
		free(u->queue.v[i]->made);
		free(u->queue.v[i]->why);
		free(u->queue.v[i]);
	}
	vec_release(&u->queue);
	free(u);
	b->uploads = NULL;
}
