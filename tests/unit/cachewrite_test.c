/* What --cache-to is given to write: steps that ran and steps that the local cache answered, and what follows them. */
#include "src/build/cachewrite.h"

#include "src/build/cachenote.h"
#include "src/build/cacheupload.h"
#include "src/build/lossy.h"
#include "src/cache/cacheuse.h"

#include "tests/unit/cache_util.h"

#define REPO "localhost:1/cache"

struct fixture {
	struct unit_dir d;
	struct session s;
	struct build b;
	struct build_opts o;
};

static const char two_stages[] =
	"FROM localhost/base:1 AS below\nRUN one\nENV A=b\nRUN two\nFROM below AS above\nRUN three\n";

/* As the tier of root; nothing is sent: whatever is queued stays in the queue. */
static void begin(struct fixture *f, const char *to)
{
	AUTO_FREE char *root = NULL, *dir = NULL;
	struct err e = ERR_INIT;

	*f = (struct fixture){.d = unit_dir_make()};
	root = mem_printf("%s/store", f->d.path);
	dir = mem_printf("%s/c", f->d.path);
	build_opts_init(&f->o);
	if (to)
		strv_add(&f->o.cache_to, to);
	unit_ok(session_open(&f->s, root, NULL, &e), e);
	f->s.tier = (struct tier_info){.tier = TIER_ROOT, .form = "real"};
	f->b = (struct build){.s = &f->s, .o = &f->o, .plan = plan_new()};
	f->b.trees = f->b.origins = f->b.hits = f->b.misses = f->b.lossy = SMAP_INIT(NULL);
	cache_util_file(&f->d, "c/Dockerfile", two_stages);
	unit_ok(plan_add_context(f->b.plan, dir, NULL, NULL, &e), e);
	unit_ok(plan_select_goals(f->b.plan, &(struct strv){0}, &e), e);
	for (size_t i = 0; i < f->b.plan->images.n; i++) {
		struct plan_image *im = &f->b.plan->images.v[i];

		imgconfig_init(&im->config, &im->platform);
		cache_util_add(&im->diff_ids, "base");
		im->resolved = true;
	}
	unit_ok(plan_evaluate(f->b.plan, false, &e), e);
	plan_keys(f->b.plan);
	unit_ok(cachepick_init(&f->o, f->b.plan, &f->b.caches, &e), e);
	f->b.run = mem_zalloc((f->b.plan->stages.n + 1) * sizeof *f->b.run);
	for (size_t i = 0; i < f->b.plan->stages.n; i++)
		f->b.run[i].made = BUF_INIT(BUF_TEXT_MAX);
	cachewrite_init(&f->b);
	if (f->b.uploads)
		f->b.uploads->active = true;
}

static void end(struct fixture *f)
{
	for (size_t i = 0; i < f->b.plan->stages.n; i++) {
		digest_list_release(&f->b.run[i].stack);
		buf_release(&f->b.run[i].made);
	}
	free(f->b.run);
	cachewrite_release(&f->b);
	cachepick_release(&f->b.caches);
	plan_free(f->b.plan);
	trees_release(&f->b);
	smap_release(&f->b.hits);
	smap_release(&f->b.lossy);
	build_opts_release(&f->o);
	session_close(&f->s);
	unit_dir_release(&f->d);
}
#define AUTO_FIXTURE AUTO(end)

static size_t stage(const struct fixture *f, const char *name)
{
	struct err e = ERR_INIT;
	size_t at = plan_find_stage(f->b.plan, name, &e);

	ck_assert_msg(at != PLAN_NONE, "%s", e.msg);
	return at;
}

/* Step of a stage by its place among those that make layers. */
static size_t layer_step(const struct fixture *f, size_t at, size_t n)
{
	const struct plan_stage *st = &f->b.plan->stages.v[at];

	for (size_t k = 0; k < st->steps.n; k++)
		if (plan_step_is_layer(&st->steps.v[k]) && !n--)
			return k;
	ck_abort_msg("no such step");
	return 0;
}

static void publish(struct fixture *f, const struct digest *diff_id)
{
	AUTO_FREE char *rel = NULL;
	struct err e = ERR_INIT;

	unit_ok(store_tmp_dir(f->s.store, "tree", &rel, &e), e);
	unit_ok(store_layer_publish(f->s.store, rel, "real", diff_id, &e), e);
}

static void record(struct fixture *f, const char *name, size_t n, const char *made, bool trees)
{
	size_t at = stage(f, name);
	AUTO_CLOCAL struct clocal r = {.key = f->b.plan->stages.v[at].steps.v[layer_step(f, at, n)].key,
				       .made = mem_strdup(made),
				       .step = mem_strdup(name),
				       .built = 1700000000};
	struct err e = ERR_INIT;

	cache_util_add(&r.diff_ids, "base");
	for (size_t i = 0; made[i]; i++) {
		AUTO_FREE char *word = mem_printf("%s%zu%zu", name, n, i);

		if (made[i] == '1')
			cache_util_add(&r.diff_ids, word);
	}
	for (size_t i = 0; trees && i < r.diff_ids.n; i++)
		publish(f, &r.diff_ids.v[i]);
	unit_ok(clocal_put(f->s.store, &r, &e), e);
}

/* A stage of which so many layer steps are done. */
static void done_to(struct fixture *f, const char *name, size_t n, const char *made)
{
	size_t at = stage(f, name);
	struct stage_run *r = &f->b.run[at];

	r->wanted = true;
	r->next = n ? layer_step(f, at, n - 1) + 1 : 0;
	buf_str_add(&r->made, made);
	cache_util_add(&r->stack, "base");
	for (const char *p = made; *p; p++)
		if (*p == '1')
			cache_util_add(&r->stack, p);
}

static size_t queued(const struct fixture *f)
{
	return f->b.uploads->queue.n;
}

START_TEST(only_with_a_place)
{
	AUTO_FIXTURE struct fixture none, offline;

	begin(&none, NULL);
	ck_assert_ptr_null(none.b.uploads);
	cachewrite_cached(&none.b);
	cachewrite_step(&none.b, 0, 0, &(struct ckey){""});
	ck_assert(cachewrite_over(&none.b));
	begin(&offline, REPO);
	cachewrite_release(&offline.b);
	offline.o.offline = true;
	cachewrite_init(&offline.b);
	ck_assert_ptr_null(offline.b.uploads);
}
END_TEST

START_TEST(steps_that_are_cached)
{
	AUTO_FIXTURE struct fixture f;

	begin(&f, REPO);
	record(&f, "below", 0, "1", true);
	record(&f, "below", 1, "10", true);
	record(&f, "above", 0, "101", false); /* its layers are gone */
	done_to(&f, "below", 2, "10");
	done_to(&f, "above", 1, "101");
	cachewrite_cached(&f.b);
	ck_assert_uint_eq(queued(&f), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct cacheupload_entry *en = f.b.uploads->queue.v[i];

		ck_assert_uint_eq(en->stage, stage(&f, "below"));
		ck_assert_uint_eq(en->step, layer_step(&f, en->stage, i));
		ck_assert_str_eq(en->made, i ? "10" : "1");
		ck_assert_uint_eq(en->stack.n, 2);	 /* the second made none */
		ck_assert_int_eq(en->built, 1700000000); /* it is as old as it was */
		ck_assert(!en->replace && !en->why && !en->use);
		ck_assert_str_eq(en->input.hex, en->content.hex);
	}
}
END_TEST

/* What is behind the last step that is done may be something else by now. */
START_TEST(steps_that_run_are_not_offered)
{
	AUTO_FIXTURE struct fixture f;

	begin(&f, REPO);
	record(&f, "below", 0, "1", true);
	record(&f, "below", 1, "11", true);
	done_to(&f, "below", 1, "1");
	cachewrite_cached(&f.b);
	ck_assert_uint_eq(queued(&f), 1);
}
END_TEST

START_TEST(records_that_do_not_fit)
{
	AUTO_FIXTURE struct fixture f;

	begin(&f, REPO);
	record(&f, "below", 0, "11", true); /* of two steps, but it is the first */
	done_to(&f, "below", 1, "1");
	cachewrite_cached(&f.b);
	ck_assert_uint_eq(queued(&f), 0);
}
END_TEST

START_TEST(forced_builds_offer_nothing_old)
{
	for (int way = 0; way < 2; way++) {
		AUTO_FIXTURE struct fixture f;

		begin(&f, REPO);
		record(&f, "below", 0, "1", true);
		done_to(&f, "below", 1, "1");
		f.o.no_cache = way == 0;
		f.b.plan->stages.v[stage(&f, "below")].forced = way == 1;
		cachewrite_cached(&f.b);
		ck_assert_uint_eq(queued(&f), 0);
	}
}
END_TEST

START_TEST(a_step_that_ran)
{
	static const struct {
		bool forced, no_cache;
		const char *ttl;
		bool replace;
	} rows[] = {
		{false, false, NULL, false},
		{true, false, NULL, true},
		{false, true, NULL, true},
		{false, false, "1h", true}, /* what was found may have been too old */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FIXTURE struct fixture f;
		struct ckey content = cache_util_key("content");
		struct err e = ERR_INIT;

		begin(&f, REPO);
		if (rows[i].ttl) {
			cachepick_release(&f.b.caches);
			strv_add(&f.o.cache_ttl, rows[i].ttl);
			unit_ok(cachepick_init(&f.o, f.b.plan, &f.b.caches, &e), e);
		}
		size_t at = stage(&f, "below");

		f.o.no_cache = rows[i].no_cache;
		f.b.plan->stages.v[at].forced = rows[i].forced;
		done_to(&f, "below", 1, "1");
		cachewrite_step(&f.b, at, layer_step(&f, at, 0), &content);
		ck_assert_uint_eq(queued(&f), 1);
		const struct cacheupload_entry *en = f.b.uploads->queue.v[0];

		ck_assert_msg(en->replace == rows[i].replace, "row %zu", i);
		ck_assert_str_eq(en->content.hex, content.hex);
		ck_assert_str_eq(en->input.hex, f.b.plan->stages.v[at].steps.v[en->step].key.hex);
		ck_assert_str_eq(en->made, "1");
		ck_assert_uint_eq(en->stack.n, 2);
		ck_assert_int_gt(en->built, 1700000000);
	}
}
END_TEST

/* What this tier could not keep, or what stands on it, is nobody else's business. */
START_TEST(lossy_layers_stay_here)
{
	AUTO_FIXTURE struct fixture f;
	struct ckey content = cache_util_key("content");
	struct digest base = cache_util_digest("base");

	begin(&f, REPO);
	size_t at = stage(&f, "below"), k = layer_step(&f, at, 0);

	done_to(&f, "below", 1, "1");
	f.b.run[at].lossy = true;
	cachewrite_step(&f.b, at, k, &content);
	ck_assert_uint_eq(queued(&f), 0);
	f.b.run[at].lossy = false;
	lossy_mark(&f.b, &base);
	cachewrite_step(&f.b, at, k, &content);
	ck_assert_uint_eq(queued(&f), 0);
}
END_TEST

/* --- notes of use --- */

static void hit(struct fixture *f, const char *word, const char *repo)
{
	struct remote_hit *h = mem_new(struct remote_hit);
	struct digest d = cache_util_digest(word);

	*h = (struct remote_hit){.repo = mem_strdup(repo)};
	descriptor_set(&h->entry, MEDIATYPE_OCI_MANIFEST, &d, 100);
	smap_set(&f->b.hits, word, h);
}

static void forget_hits(struct fixture *f)
{
	for (size_t i = 0; i < f->b.hits.n; i++) {
		struct remote_hit *h = f->b.hits.v[i].val;

		free(h->repo);
		descriptor_release(&h->entry);
		free(h);
	}
	smap_release(&f->b.hits);
}

START_TEST(what_was_read_there)
{
	AUTO_FIXTURE struct fixture f;
	AUTO_INDEX struct index x = {0};
	const struct cacheopt *to;
	struct err e = ERR_INIT;

	begin(&f, REPO);
	to = &f.b.caches.to.v[0].opt;
	ck_assert(!cachenote_reads(&f.b, to));
	hit(&f, "foreign", "localhost:1/other");
	ck_assert(!cachenote_reads(&f.b, to));
	hit(&f, "one", REPO);
	hit(&f, "two", REPO);
	ck_assert(cachenote_reads(&f.b, to));
	AUTO_FREE char *text = cachenote_text(&f.b, to, 1700000000);

	unit_ok(index_parse(text, strlen(text), NULL, &x, ERR_INPUT, &e), e);
	ck_assert_uint_eq(x.n, 2);
	forget_hits(&f);
}
END_TEST

START_TEST(a_directory_knows_by_itself)
{
	AUTO_FIXTURE struct fixture f;

	begin(&f, "/somewhere");
	hit(&f, "one", "oci:/somewhere");
	ck_assert(!cachenote_reads(&f.b, &f.b.caches.to.v[0].opt));
	forget_hits(&f);
}
END_TEST

UNIT_MAIN("cachewrite", only_with_a_place, steps_that_are_cached, steps_that_run_are_not_offered,
	  records_that_do_not_fit, forced_builds_offer_nothing_old, a_step_that_ran, lossy_layers_stay_here,
	  what_was_read_there, a_directory_knows_by_itself)
