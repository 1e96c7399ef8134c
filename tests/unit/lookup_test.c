/* The look-up: which stages are wanted, what is taken from local records, what must run. */
#include "src/build/state.h"
#include "src/util/clock.h"

#include "tests/unit/cache_util.h"

struct fixture {
	struct unit_dir d;
	struct session s;
	struct build b;
	struct build_opts o;
};

/* As the tier of root, without probing the host. */
static void begin(struct fixture *f)
{
	AUTO_FREE char *root = NULL;
	struct err e = ERR_INIT;

	*f = (struct fixture){.d = unit_dir_make()};
	root = mem_printf("%s/store", f->d.path);
	build_opts_init(&f->o);
	unit_ok(session_open(&f->s, root, NULL, &e), e);
	f->s.tier = (struct tier_info){.tier = TIER_ROOT, .form = "real"};
	f->b = (struct build){.s = &f->s, .o = &f->o};
	f->b.trees = f->b.origins = f->b.hits = f->b.misses = SMAP_INIT(NULL);
}

static void forget_run(struct fixture *f)
{
	for (size_t i = 0; f->b.run && i < f->b.plan->stages.n; i++) {
		digest_list_release(&f->b.run[i].stack);
		buf_release(&f->b.run[i].made);
	}
	free(f->b.run);
	f->b.run = NULL;
}

static void end(struct fixture *f)
{
	forget_run(f);
	cachepick_release(&f->b.caches);
	plan_free(f->b.plan);
	trees_release(&f->b);
	smap_release(&f->b.hits);
	smap_release(&f->b.misses);
	build_opts_release(&f->o);
	session_close(&f->s);
	unit_dir_release(&f->d);
}
#define AUTO_FIXTURE AUTO(end)

/* Plan of a Dockerfile; its image is one layer that is in the store. */
static void plan_of(struct fixture *f, const char *text)
{
	AUTO_FREE char *dir = mem_printf("%s/c", f->d.path);
	struct plan *p = f->b.plan = plan_new();
	struct err e = ERR_INIT;

	cache_util_file(&f->d, "c/Dockerfile", text);
	unit_ok(plan_add_context(p, dir, NULL, NULL, &e), e);
	unit_ok(plan_select_goals(p, &(struct strv){0}, &e), e);
	for (size_t i = 0; i < p->images.n; i++) {
		imgconfig_init(&p->images.v[i].config, &p->images.v[i].platform);
		cache_util_add(&p->images.v[i].diff_ids, "base");
		p->images.v[i].resolved = true;
	}
	unit_ok(plan_evaluate(p, false, &e), e);
	plan_keys(p);
}

static void publish(struct fixture *f, const struct digest *diff_id)
{
	AUTO_FREE char *rel = NULL;
	struct err e = ERR_INIT;

	unit_ok(store_tmp_dir(f->s.store, "tree", &rel, &e), e);
	unit_ok(store_layer_publish(f->s.store, rel, "real", diff_id, &e), e);
}

static size_t stage(const struct fixture *f, const char *name)
{
	struct err e = ERR_INIT;
	size_t at = plan_find_stage(f->b.plan, name, &e);

	ck_assert_msg(at != PLAN_NONE, "%s", e.msg);
	return at;
}

/* A record of the stage's layer step n (from 0): `made` says which layers there are; with their trees, or without. */
static void record_of(struct fixture *f, const char *name, size_t n, const char *made, bool trees, int64_t built)
{
	const struct plan_stage *st = &f->b.plan->stages.v[stage(f, name)];
	AUTO_CLOCAL struct clocal r = {
		.key = st->steps.v[n].key, .made = mem_strdup(made), .step = mem_strdup(name), .built = built};
	struct err e = ERR_INIT;

	cache_util_add(&r.diff_ids, "base");
	for (size_t i = 0; made[i]; i++) {
		AUTO_FREE char *word = mem_printf("%s%zu", name, i);

		if (made[i] == '1')
			cache_util_add(&r.diff_ids, word);
	}
	for (size_t i = 0; trees && i < r.diff_ids.n; i++)
		publish(f, &r.diff_ids.v[i]);
	unit_ok(clocal_put(f->s.store, &r, &e), e);
}

static void record(struct fixture *f, const char *name, size_t n, const char *made, bool trees)
{
	record_of(f, name, n, made, trees, 0);
}

static void look_up(struct fixture *f)
{
	struct err e = ERR_INIT;

	forget_run(f);
	trees_release(&f->b);
	f->b.trees = f->b.origins = SMAP_INIT(NULL);
	f->b.run = mem_zalloc((f->b.plan->stages.n + 1) * sizeof *f->b.run);
	unit_ok(lookup_all(&f->b, &e), e);
}

/* Wanted with so many steps from the cache; -1: not wanted. */
static void taken(const struct fixture *f, const char *name, int next)
{
	const struct stage_run *r = &f->b.run[stage(f, name)];

	ck_assert_msg(r->wanted == (next >= 0), "%s: wanted %d", name, r->wanted);
	ck_assert_msg(next < 0 || r->next == (size_t)next, "%s: next %zu", name, r->next);
	ck_assert_msg((r->source != NULL) == (next > 0), "%s: source", name);
}

START_TEST(steps_of_one_stage)
{
	AUTO_FIXTURE struct fixture f;

	begin(&f);
	plan_of(&f, "FROM debian AS a\nRUN 1\nLABEL x=1\nRUN 2\nCMD x\n");
	look_up(&f);
	taken(&f, "a", 0);
	record(&f, "a", 0, "1", true);
	look_up(&f);
	taken(&f, "a", 1);
	record(&f, "a", 2, "10", true);
	look_up(&f);
	taken(&f, "a", 3);
	ck_assert_uint_eq(f.b.run[0].stack.n, 2);
	ck_assert_str_eq(buf_str(&f.b.run[0].made), "10");
	ck_assert_str_eq(f.b.run[0].source, "local");
}
END_TEST

START_TEST(records_that_do_not_fit)
{
	AUTO_FIXTURE struct fixture f;

	begin(&f);
	plan_of(&f, "FROM debian AS a\nRUN 1\nRUN 2\n");
	record(&f, "a", 0, "1", true);
	/* layers that are nowhere */
	record(&f, "a", 1, "01", false);
	look_up(&f);
	taken(&f, "a", 1);
	/* of a chain of another length */
	record(&f, "a", 1, "1", true);
	look_up(&f);
	taken(&f, "a", 1);
	record(&f, "a", 1, "11", true);
	look_up(&f);
	taken(&f, "a", 2);
	f.o.no_cache = true;
	look_up(&f);
	taken(&f, "a", 0);
}
END_TEST

/* What a cached stage stands on is not even wanted. */
START_TEST(stages_below_a_hit)
{
	AUTO_FIXTURE struct fixture f;

	begin(&f);
	plan_of(&f, "FROM debian AS a\nRUN a\nFROM debian AS tools\nRUN t\n"
		    "FROM a AS b\nRUN b\nFROM b AS c\nCOPY --from=tools / /\nRUN c\n");
	look_up(&f);
	taken(&f, "a", 0);
	taken(&f, "tools", 0);
	record(&f, "b", 0, "11", true);
	look_up(&f);
	taken(&f, "b", 1);
	taken(&f, "a", -1);
	taken(&f, "tools", 0);
	taken(&f, "c", 0);
	record(&f, "tools", 0, "1", true);
	look_up(&f);
	taken(&f, "tools", 1);
	taken(&f, "c", 0);
	record(&f, "c", 1, "1111", true);
	look_up(&f);
	taken(&f, "c", 2);
	taken(&f, "b", -1);
	taken(&f, "tools", -1);
}
END_TEST

START_TEST(forced_stages)
{
	AUTO_FIXTURE struct fixture f;
	AUTO_STRV struct strv forced = {0};
	struct err e = ERR_INIT;

	begin(&f);
	plan_of(&f, "FROM debian AS a\nRUN a\nFROM debian AS b\nRUN b1\nCOPY --from=a / /\nRUN b2\nFROM debian AS "
		    "c\nRUN c\n"
		    "FROM b AS d\nCOPY --from=c / /\n");
	record(&f, "a", 0, "1", true);
	record(&f, "b", 2, "111", true);
	record(&f, "c", 0, "1", true);
	/* d must run: b and c are taken whole, a is not wanted */
	look_up(&f);
	taken(&f, "a", -1);
	taken(&f, "b", 3);
	taken(&f, "c", 1);
	taken(&f, "d", 0);
	strv_add(&forced, "c");
	unit_ok(plan_force(f.b.plan, &forced, &e), e);
	look_up(&f);
	taken(&f, "b", 3);
	taken(&f, "c", 0);
	strv_release(&forced);
	strv_add(&forced, "a");
	unit_ok(plan_force(f.b.plan, &forced, &e), e);
	look_up(&f);
	/* a is forced, and all that stand on it */
	taken(&f, "b", 0);
	taken(&f, "a", 0);
}
END_TEST

/* One stage has one result in a run: b has a record, but a must run for c, and b stands on a. */
START_TEST(one_result_in_a_run)
{
	AUTO_FIXTURE struct fixture f;

	begin(&f);
	plan_of(&f, "FROM debian AS a\nRUN a\nFROM a AS b\nRUN b\nFROM b AS c\nCOPY --from=a / /\n");
	record(&f, "b", 0, "11", true);
	look_up(&f);
	taken(&f, "c", 0);
	taken(&f, "a", 0);
	taken(&f, "b", 0);
	record(&f, "a", 0, "1", true);
	look_up(&f);
	taken(&f, "a", 1);
	taken(&f, "b", 1);
}
END_TEST

START_TEST(states_for_a_plan)
{
	AUTO_FIXTURE struct fixture f;
	enum plan_state stages[3], a[1], b[2], c[1], *steps[] = {a, b, c};
	struct plan_states st = {.stage = stages, .step = steps};

	begin(&f);
	plan_of(&f, "FROM debian AS a\nRUN a\nFROM a AS b\nRUN b1\nRUN b2\nFROM debian AS c\nCOPY --from=b / /\n");
	record(&f, "a", 0, "1", true);
	record(&f, "b", 0, "11", true);
	look_up(&f);
	lookup_states(&f.b, &st);
	/* a is not wanted but known */
	ck_assert_int_eq(stages[0], PLAN_LOCAL);
	ck_assert_int_eq(stages[1], PLAN_BUILD);
	ck_assert_int_eq(b[0], PLAN_LOCAL);
	ck_assert_int_eq(b[1], PLAN_BUILD);
	ck_assert_int_eq(stages[2], PLAN_BUILD);
	ck_assert_int_eq(c[0], PLAN_BUILD);
}
END_TEST

/* Records of this run that are not in the store yet. */
START_TEST(pending_records)
{
	AUTO_FIXTURE struct fixture f;
	AUTO_CLOCAL struct clocal found = {0};
	struct ckey k = cache_util_key("content");
	const char *source = NULL;

	begin(&f);
	plan_of(&f, "FROM debian\nRUN 1\n");
	ck_assert(!lookup_content(&f.b, 0, &k, &found, &source));
	vec_push(&f.b.pending, (struct clocal){.key = k, .made = mem_strdup("1")});
	ck_assert(lookup_content(&f.b, 0, &k, &found, &source));
	ck_assert_str_eq(source, "local");
	clocal_release(&f.b.pending.v[0]);
	vec_release(&f.b.pending);
}
END_TEST

/* A young entry does not hide that the stage below it is to be younger. */
START_TEST(age_of_what_is_below)
{
	AUTO_FIXTURE struct fixture f;
	struct err e = ERR_INIT;

	begin(&f);
	plan_of(&f, "FROM debian AS a\nRUN 1\nFROM a AS b\nRUN 2\n");
	record(&f, "a", 0, "1", true);
	record(&f, "b", 0, "01", true);
	strv_add(&f.o.cache_ttl, "a=1h");
	unit_ok(cachepick_init(&f.o, f.b.plan, &f.b.caches, &e), e);
	look_up(&f);
	taken(&f, "b", 1);
	cachepick_release(&f.b.caches);
	strv_release(&f.o.cache_ttl);
	record_of(&f, "a", 0, "1", true, clock_wall() / CLOCK_NS_PER_S - 7200);
	strv_add(&f.o.cache_ttl, "a=1h");
	unit_ok(cachepick_init(&f.o, f.b.plan, &f.b.caches, &e), e);
	look_up(&f);
	taken(&f, "b", 0);
	taken(&f, "a", 0);
}
END_TEST

/* One record of an hour ago for each of two stages; the age that counts is that of the stage. */
START_TEST(age_by_stage)
{
	static const struct {
		const char *ttl[2];
		int a, b;
	} rows[] = {
		{{NULL, NULL}, 1, 1},	 {{"30m", NULL}, 0, 0},	  {{"2h", NULL}, 1, 1},
		{{"a=30m", NULL}, 0, 1}, {{"30m", "a=2h"}, 1, 0}, {{"b=0s", "30m"}, 0, 1},
	};
	struct fixture f;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const char *const names[] = {"a", "b"};
		struct err e = ERR_INIT;

		begin(&f);
		plan_of(&f, "FROM debian AS a\nRUN 1\nFROM debian AS b\nRUN 2\nFROM debian AS end\nCOPY --from=a /x /\n"
			    "COPY --from=b /x /\n");
		for (size_t k = 0; k < 2; k++) {
			record_of(&f, names[k], 0, "1", true, clock_wall() / CLOCK_NS_PER_S - 3600);
			if (rows[i].ttl[k])
				strv_add(&f.o.cache_ttl, rows[i].ttl[k]);
		}
		unit_ok(cachepick_init(&f.o, f.b.plan, &f.b.caches, &e), e);
		look_up(&f);
		taken(&f, "a", rows[i].a);
		taken(&f, "b", rows[i].b);
		end(&f);
	}
}
END_TEST

UNIT_MAIN("lookup", age_by_stage, age_of_what_is_below, steps_of_one_stage, records_that_do_not_fit, stages_below_a_hit,
	  forced_stages, one_result_in_a_run, states_for_a_plan, pending_records)
