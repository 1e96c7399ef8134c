/* What is kept of finished steps: under which keys, with what for slct why, and when. */
#include "src/build/state.h"

#include "tests/unit/cache_util.h"

struct fixture {
	struct unit_dir d;
	struct session s;
	struct build b;
	struct build_opts o;
};

static void begin(struct fixture *f, const char *dockerfile)
{
	AUTO_FREE char *root = NULL, *dir = NULL;
	struct err e = ERR_INIT;

	*f = (struct fixture){.d = unit_dir_make()};
	root = mem_printf("%s/store", f->d.path);
	dir = mem_printf("%s/c", f->d.path);
	build_opts_init(&f->o);
	unit_ok(session_open(&f->s, root, NULL, &e), e);
	f->s.tier = (struct tier_info){.tier = TIER_ROOT, .form = "real"};
	build_begin(&f->b, &f->s, &f->o);
	f->b.plan = plan_new();
	cache_util_file(&f->d, "c/Dockerfile", dockerfile);
	unit_ok(plan_add_context(f->b.plan, dir, NULL, NULL, &e), e);
	unit_ok(plan_select_goals(f->b.plan, &(struct strv){0}, &e), e);
	unit_ok(plan_evaluate(f->b.plan, false, &e), e);
	plan_keys(f->b.plan);
}

static void end(struct fixture *f)
{
	build_end(&f->b);
	build_opts_release(&f->o);
	session_close(&f->s);
	unit_dir_release(&f->d);
}
#define AUTO_FIXTURE AUTO(end)

#define ONE_STEP "FROM scratch\nARG API_TOKEN=hunter2\nRUN true\n"

static const struct plan_stage *stage(const struct fixture *f)
{
	return &f->b.plan->stages.v[0];
}

static const struct plan_step *run_step(const struct fixture *f)
{
	for (size_t i = 0; i < stage(f)->steps.n; i++)
		if (plan_step_is_layer(&stage(f)->steps.v[i]))
			return &stage(f)->steps.v[i];
	ck_abort_msg("no step");
	return NULL;
}

/* A stage after one step that made a layer. */
static struct stage_run after(const char *layer)
{
	struct stage_run r = {.made = BUF_INIT(100), .built = 1700000000};

	cache_util_add(&r.stack, layer);
	buf_str_add(&r.made, "1");
	return r;
}

static void release(struct stage_run *r)
{
	digest_list_release(&r->stack);
	buf_release(&r->made);
}

static void flush(struct fixture *f)
{
	struct err e = ERR_INIT;

	unit_ok(record_flush(&f->b, &e), e);
}

START_TEST(a_step_that_ran_has_two_records)
{
	AUTO_FIXTURE struct fixture f;
	struct ckey content = cache_util_key("content");
	AUTO_CLOCAL struct clocal input = {0}, other = {0};

	begin(&f, ONE_STEP);
	struct stage_run r = after("layer");

	record_add(&f.b, &content, &r, stage(&f), run_step(&f));
	ck_assert(!clocal_get(f.s.store, &content, &other)); /* not before its tree is durable */
	flush(&f);
	ck_assert(clocal_get(f.s.store, &run_step(&f)->key, &input));
	ck_assert(clocal_get(f.s.store, &content, &other));
	ck_assert_str_eq(input.made, "1");
	ck_assert_str_eq(other.diff_ids.v[0].text, r.stack.v[0].text);
	ck_assert_int_eq(input.built, 1700000000);
	ck_assert_int_eq(input.run, f.b.begun_wall);
	ck_assert_str_eq(input.stage, "stage-0");
	ck_assert_uint_eq(input.n, run_step(&f)->n);
	ck_assert_int_eq(input.file[0], '/');
	release(&r);
}
END_TEST

START_TEST(secrets_are_left_out)
{
	AUTO_FIXTURE struct fixture f;
	struct ckey content = cache_util_key("content");
	AUTO_CLOCAL struct clocal rec = {0};
	AUTO_BUF struct buf text = BUF_INIT(100000);

	begin(&f, ONE_STEP);
	struct stage_run r = after("layer");

	record_add(&f.b, &content, &r, stage(&f), run_step(&f));
	flush(&f);
	ck_assert(clocal_get(f.s.store, &run_step(&f)->key, &rec));
	json_write(rec.inputs, &text);
	ck_assert_ptr_nonnull(strstr(buf_str(&text), "API_TOKEN=***"));
	ck_assert_ptr_null(strstr(buf_str(&text), "hunter2"));
	release(&r);
}
END_TEST

/* What came from elsewhere did not run in this build, and is as old as it says. */
START_TEST(what_is_taken_keeps_its_age)
{
	AUTO_FIXTURE struct fixture f;
	struct ckey content = cache_util_key("content");
	AUTO_CLOCAL struct clocal rec = {0}, none = {0};

	begin(&f, ONE_STEP);
	struct stage_run r = after("layer");

	record_alias(&f.b, &run_step(&f)->key, &r, stage(&f), run_step(&f));
	ck_assert_uint_eq(f.b.pending.n, 0); /* the same key: nothing to say */
	record_alias(&f.b, &content, &r, stage(&f), run_step(&f));
	flush(&f);
	ck_assert(clocal_get(f.s.store, &run_step(&f)->key, &rec));
	ck_assert(!clocal_get(f.s.store, &content, &none));
	ck_assert_int_eq(rec.run, 0);
	ck_assert_int_eq(rec.built, 1700000000);
	release(&r);
}
END_TEST

START_TEST(a_comparison_leaves_no_records)
{
	AUTO_FIXTURE struct fixture f;
	struct ckey content = cache_util_key("content");
	AUTO_CLOCAL struct clocal rec = {0};

	begin(&f, ONE_STEP);
	struct stage_run r = after("layer");

	f.o.scratch = true;
	record_add(&f.b, &content, &r, stage(&f), run_step(&f));
	flush(&f);
	ck_assert(!clocal_get(f.s.store, &run_step(&f)->key, &rec));
	release(&r);
}
END_TEST

UNIT_MAIN("record", a_step_that_ran_has_two_records, secrets_are_left_out, what_is_taken_keeps_its_age,
	  a_comparison_leaves_no_records)
