/* What is cached: local records, then remote entries in at most three rounds; and what must therefore run. */
#include <string.h>

#include "oci/limits.h"
#include "src/build/cacheread.h"
#include "src/build/lossy.h"
#include "src/build/state.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

/* --- one key --- */

static bool usable(struct build *b, const struct clocal *rec)
{
	return trees_obtainable(b, &rec->diff_ids);
}

static void learn_hit(struct build *b, const struct remote_hit *h)
{
	for (size_t i = 0; i < h->manifest.nlayers; i++)
		if (!smap_has(&b->origins, h->rec.diff_ids.v[i].text))
			trees_learn_origin(b, &h->rec.diff_ids.v[i], h->repo, &h->manifest.layers[i]);
}

static void copy_record(struct clocal *to, const struct clocal *from)
{
	*to = (struct clocal){.key = from->key, .made = mem_strdup(from->made), .built = from->built};
	digest_list_copy(&to->diff_ids, &from->diff_ids);
}

bool lookup_expired(const struct build *b, size_t stage, const struct clocal *rec)
{
	int64_t ttl = cachepick_ttl(&b->caches, stage);

	return ttl && clock_wall() / CLOCK_NS_PER_S - rec->built > ttl / CLOCK_NS_PER_S;
}

static bool find_local(struct build *b, size_t stage, const struct ckey *key, struct clocal *out)
{
	if (!clocal_get(b->s->store, key, out))
		return false;
	if (!lookup_expired(b, stage, out) && usable(b, out))
		return true;
	clocal_release(out);
	return false;
}

static bool find_remote(struct build *b, size_t stage, const struct ckey *key, struct clocal *out, const char **source)
{
	const struct remote_hit *h = smap_get(&b->hits, key->hex);

	/* It answered another stage, which may be older. */
	if (!h || lookup_expired(b, stage, &h->rec))
		return false;
	learn_hit(b, h);
	copy_record(out, &h->rec);
	*source = "remote";
	return true;
}

static bool find_key(struct build *b, size_t stage, const struct ckey *key, struct clocal *out, const char **source)
{
	struct ckey own;

	if (!ckey_is_set(key))
		return false;
	if (b->o->prefer_remote && find_remote(b, stage, key, out, source))
		return true;
	lossy_key(b, key, &own);
	if (!b->asking_first && (find_local(b, stage, key, out) || find_local(b, stage, &own, out))) {
		*source = "local";
		return true;
	}
	return !b->o->prefer_remote && find_remote(b, stage, key, out, source);
}

bool lookup_content(struct build *b, size_t stage, const struct ckey *key, struct clocal *out, const char **source)
{
	struct ckey own;

	lossy_key(b, key, &own);
	for (size_t i = b->pending.n; i-- > 0;) /* made in this run, not yet in the store */
		if (ckey_is_set(key) &&
		    (strcmp(b->pending.v[i].key.hex, key->hex) == 0 || strcmp(b->pending.v[i].key.hex, own.hex) == 0)) {
			copy_record(out, &b->pending.v[i]);
			*source = "local";
			return true;
		}
	return find_key(b, stage, key, out, source);
}

/* --- stages --- */

static void reset(struct build *b)
{
	for (size_t i = 0; i < b->plan->stages.n; i++) {
		struct stage_run *r = &b->run[i];

		digest_list_release(&r->stack);
		buf_release(&r->made);
		*r = (struct stage_run){.made = BUF_INIT(BUF_TEXT_MAX)};
	}
}

/* The latest step with a usable record: all before it need not be looked at. */
static void take_hit(struct build *b, size_t at)
{
	const struct plan_stage *st = &b->plan->stages.v[at];
	struct stage_run *r = &b->run[at];

	for (size_t k = st->steps.n; k-- > 0;) {
		const struct plan_step *s = &st->steps.v[k];
		struct clocal rec;

		if (!plan_step_is_layer(s) || !find_key(b, at, &s->key, &rec, &r->source))
			continue;
		if (strlen(rec.made) == s->layer_n + 1) {
			r->next = k + 1;
			r->based = true;
			digest_list_copy(&r->stack, &rec.diff_ids);
			buf_str_add(&r->made, rec.made);
			r->built = rec.built;
			clocal_release(&rec);
			return;
		}
		clocal_release(&rec);
	}
	r->source = NULL;
}

static size_t layers_left(const struct build *b, size_t at)
{
	const struct plan_stage *st = &b->plan->stages.v[at];
	size_t n = 0;

	for (size_t k = b->run[at].next; k < st->steps.n; k++)
		n += plan_step_is_layer(&st->steps.v[k]);
	return n;
}

static void want(struct build *b, size_t at, const bool *no_input)
{
	const struct plan_stage *st = &b->plan->stages.v[at];
	struct stage_run *r = &b->run[at];

	if (r->wanted)
		return;
	r->wanted = true;
	if (!st->forced && !b->o->no_cache && !no_input[at])
		take_hit(b, at);
	if (!r->based && st->base_stage != PLAN_NONE)
		want(b, st->base_stage, no_input);
	for (size_t k = r->next; k < st->steps.n; k++) {
		struct plan_from f;

		for (size_t i = 0; plan_step_from(&st->steps.v[k], i, &f); i++)
			if (f.origin == PLAN_FROM_STAGE)
				want(b, f.index, no_input);
	}
}

/* Stages in which something runs, or that stand on one in which something runs. */
static void find_dirty(const struct build *b, const size_t *order, bool *dirty)
{
	for (size_t i = 0; i < b->plan->stages.n; i++) {
		size_t at = order[i];
		const struct plan_stage *st = &b->plan->stages.v[at];

		dirty[at] = b->run[at].wanted && layers_left(b, at) > 0;
		for (size_t k = 0; k < st->needs.n; k++)
			if (st->needs.v[k].stage != PLAN_NONE)
				dirty[at] |= dirty[st->needs.v[k].stage];
	}
}

static bool needs_dirty(const struct plan_stage *st, const bool *dirty)
{
	for (size_t k = 0; k < st->needs.n; k++)
		if (st->needs.v[k].stage != PLAN_NONE && dirty[st->needs.v[k].stage])
			return true;
	return false;
}

/* It has an age limit of its own, and no entry that is young enough. */
static bool is_stale(struct build *b, size_t at)
{
	const struct plan_stage *st = &b->plan->stages.v[at];
	size_t last = plan_last_layer(st);
	AUTO_CLOCAL struct clocal rec = {0};
	const char *source;

	return cachepick_ttl_own(&b->caches, at) && last != PLAN_NONE &&
	       !find_key(b, at, &st->steps.v[last].key, &rec, &source);
}

/* What stands on a stage that is to run anew (--no-cache-filter, --cache-ttl STAGE=D) is not taken by input key either:
 * its record would hide that stage. */
static void distrust_above_forced(struct build *b, const size_t *order, bool *no_input)
{
	for (size_t i = 0; i < b->plan->stages.n; i++) {
		const struct plan_stage *st = &b->plan->stages.v[order[i]];

		for (size_t k = 0; k < st->needs.n; k++) {
			size_t below = st->needs.v[k].stage;

			if (below != PLAN_NONE)
				no_input[order[i]] |=
					no_input[below] || b->plan->stages.v[below].forced || is_stale(b, below);
		}
	}
}

/* Within one run every stage has one result: a stage that stands on one that runs is not taken by input key, but step
 * by step by content key. Each round takes that right from at least one stage, so it ends. */
static void mark(struct build *b)
{
	size_t n = b->plan->stages.n;
	AUTO_FREE size_t *order = mem_array(n + 1, sizeof *order);
	AUTO_FREE bool *no_input = mem_zalloc(n + 1), *dirty = mem_zalloc(n + 1);
	bool again = true;

	plan_order(b->plan, order);
	distrust_above_forced(b, order, no_input);
	while (again) {
		again = false;
		reset(b);
		for (size_t i = 0; i < n; i++)
			if (b->plan->stages.v[i].goal)
				want(b, i, no_input);
		find_dirty(b, order, dirty);
		for (size_t i = 0; i < n; i++)
			if (b->run[i].wanted && b->run[i].next && !no_input[i] &&
			    needs_dirty(&b->plan->stages.v[i], dirty))
				again = no_input[i] = true;
	}
}

/* --- remote rounds --- */

enum round { ROUND_GOALS, ROUND_STAGES, ROUND_STEPS, ROUNDS };

static void ask(struct build *b, size_t stage, const struct ckey *key, struct cacheread_keys *keys)
{
	if (!ckey_is_set(key) || smap_has(&b->misses, key->hex) || smap_has(&b->hits, key->hex))
		return;
	smap_set(&b->misses, key->hex, b); /* until an answer says otherwise; asked once */
	vec_push(keys, (struct cacheread_key){*key, stage});
}

/* A plan shows stages that the goals do not want. */
static void ask_unless_here(struct build *b, size_t stage, const struct ckey *key, struct cacheread_keys *keys)
{
	AUTO_CLOCAL struct clocal rec = {0};
	const char *source;

	if (!find_key(b, stage, key, &rec, &source))
		ask(b, stage, key, keys);
}

static void collect_stage(struct build *b, size_t at, enum round round, struct cacheread_keys *keys)
{
	const struct plan_stage *st = &b->plan->stages.v[at];
	size_t last = plan_last_layer(st);

	if (b->planning && !b->run[at].wanted && st->needed && round == ROUND_STAGES && last != PLAN_NONE)
		ask_unless_here(b, at, &st->steps.v[last].key, keys);
	if (round == ROUND_GOALS && st->needed && !st->forced && cachepick_ttl_own(&b->caches, at) && last != PLAN_NONE)
		ask_unless_here(b, at, &st->steps.v[last].key, keys);
	if (!b->run[at].wanted || st->forced || layers_left(b, at) == 0 || last == PLAN_NONE)
		return;
	if (round == ROUND_GOALS && !st->goal)
		return;
	if (round != ROUND_STEPS) {
		ask(b, at, &st->steps.v[last].key, keys);
		return;
	}
	for (size_t k = b->run[at].next; k < st->steps.n; k++)
		if (plan_step_is_layer(&st->steps.v[k]))
			ask(b, at, &st->steps.v[k].key, keys);
}

static int remote_round(struct build *b, enum round round, struct err *e)
{
	struct cacheread_keys keys = {0};
	int rc = 0;

	for (size_t i = 0; i < b->plan->stages.n; i++)
		collect_stage(b, i, round, &keys);
	if (keys.n)
		rc = cacheread_remote(b, &keys, e);
	vec_release(&keys);
	if (rc == 0)
		mark(b);
	return rc;
}

static int remote_rounds(struct build *b, struct err *e)
{
	for (enum round r = ROUND_GOALS; r < ROUNDS; r++)
		if (remote_round(b, r, e) < 0)
			return -1;
	return 0;
}

int lookup_all(struct build *b, struct err *e)
{
	bool remote = !b->o->no_cache && !b->o->offline && b->caches.from.n;
	int rc;

	/* As if the store had nothing: all is asked for. */
	b->asking_first = remote && b->o->prefer_remote;
	mark(b);
	rc = remote ? remote_rounds(b, e) : 0;
	if (!b->asking_first)
		return rc;
	b->asking_first = false;
	if (rc == 0)
		mark(b);
	return rc;
}

/* --- for plan --- */

static enum plan_state state_of_source(const char *source)
{
	return source && strcmp(source, "remote") == 0 ? PLAN_REMOTE : PLAN_LOCAL;
}

/* A stage that nothing needs in this run is as good as its record, one without layers as what it stands on. */
static enum plan_state unwanted_state(struct build *b, size_t at)
{
	const struct plan_stage *st = &b->plan->stages.v[at];
	size_t last = plan_last_layer(st);
	AUTO_CLOCAL struct clocal rec = {0};
	const char *source;

	if (last == PLAN_NONE && st->base_stage != PLAN_NONE)
		return unwanted_state(b, st->base_stage);
	if (last == PLAN_NONE)
		return PLAN_LOCAL;
	/* "build" is for what this plan's goals would run. */
	if (st->forced || b->o->no_cache || !find_key(b, at, &st->steps.v[last].key, &rec, &source))
		return PLAN_UNKNOWN;
	return state_of_source(source);
}

static void stage_states(struct build *b, size_t at, struct plan_states *out)
{
	const struct plan_stage *st = &b->plan->stages.v[at];
	const struct stage_run *r = &b->run[at];
	enum plan_state cached = state_of_source(r->source), all;

	if (!r->wanted)
		all = unwanted_state(b, at);
	else
		all = layers_left(b, at) ? PLAN_BUILD : r->source ? cached : PLAN_LOCAL;
	out->stage[at] = all;
	for (size_t k = 0; k < st->steps.n; k++)
		out->step[at][k] = !r->wanted ? all : k < r->next ? cached : all;
}

void lookup_states(struct build *b, struct plan_states *out)
{
	for (size_t i = 0; i < b->plan->stages.n; i++)
		stage_states(b, i, out);
}
