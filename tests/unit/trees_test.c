/* Layer trees on demand: what is there, what can be made from a blob, what cannot be had. */
#include "src/build/state.h"

#include "tests/unit/cache_util.h"

struct fixture {
	struct session s;
	struct build b;
};

/* As the tier of root, without probing the host. */
static void begin(struct fixture *f, const struct unit_dir *d)
{
	AUTO_FREE char *root = mem_printf("%s/store", d->path);
	struct err e = ERR_INIT;

	unit_ok(session_open(&f->s, root, NULL, &e), e);
	f->s.tier = (struct tier_info){.tier = TIER_ROOT, .form = "real"};
	f->b = (struct build){.s = &f->s, .trees = SMAP_INIT(NULL), .origins = SMAP_INIT(NULL)};
	unit_ok(store_tmp_dir(f->s.store, "run", &f->b.tmp, &e), e);
}

static void end(struct fixture *f)
{
	trees_release(&f->b);
	free(f->b.tmp);
	session_close(&f->s);
}
#define AUTO_FIXTURE AUTO(end)

struct asking {
	struct fixture *f;
	const struct digest_list *stack;
	unsigned again; /* how often to ask once more */
	unsigned done;
	enum err_code code;
	char *msg;
};

static void on_done(void *ctx, struct err *e)
{
	struct asking *a = ctx;

	a->done++;
	a->code = e->code;
	free(a->msg);
	a->msg = mem_strdup_opt(e->msg);
	if (a->again) {
		a->again--;
		trees_ensure(&a->f->b, a->stack, "image", on_done, a);
		return;
	}
	loop_stop(a->f->s.loop);
}

static void ask(struct asking *a)
{
	struct err e = ERR_INIT;

	trees_ensure(&a->f->b, a->stack, "image", on_done, a);
	unit_ok(loop_run(a->f->s.loop, &e), e);
}

/* A tree with one file in it, in its place. */
static void publish(struct fixture *f, const struct digest *diff_id)
{
	AUTO_FREE char *rel = NULL;
	struct err e = ERR_INIT;

	unit_ok(store_tmp_dir(f->s.store, "tree", &rel, &e), e);
	unit_ok(store_layer_publish(f->s.store, rel, "real", diff_id, &e), e);
}

/* A layer that is said to be this blob. */
static void blob_of(struct fixture *f, const struct digest *diff_id, const char *bytes)
{
	AUTO_DESCRIPTOR struct descriptor d = {0};
	struct err e = ERR_INIT;

	unit_ok(store_blob_put(f->s.store, bytes, strlen(bytes), MEDIATYPE_OCI_LAYER_GZIP, &d, &e), e);
	trees_learn_origin(&f->b, diff_id, "registry.example/x", &d);
}

START_TEST(present)
{
	UNIT_DIR(d);
	AUTO_FIXTURE struct fixture f;
	AUTO_DIGEST_LIST struct digest_list stack = {0};
	struct asking a = {.f = &f, .stack = &stack};

	begin(&f, &d);
	ck_assert(trees_obtainable(&f.b, &stack));
	ask(&a);
	ck_assert_uint_eq(a.done, 1);
	cache_util_add(&stack, "one");
	ck_assert(!trees_obtainable(&f.b, &stack));
	publish(&f, &stack.v[0]);
	ck_assert(trees_obtainable(&f.b, &stack));
	ask(&a);
	ck_assert_uint_eq(a.done, 2);
	ck_assert_int_eq(a.code, ERR_NONE);
}
END_TEST

START_TEST(nowhere)
{
	UNIT_DIR(d);
	AUTO_FIXTURE struct fixture f;
	AUTO_DIGEST_LIST struct digest_list stack = {0};
	struct asking a = {.f = &f, .stack = &stack, .again = 1};

	begin(&f, &d);
	cache_util_add(&stack, "one");
	cache_util_add(&stack, "two");
	publish(&f, &stack.v[0]);
	ask(&a);
	ck_assert_uint_eq(a.done, 2);
	ck_assert_int_eq(a.code, ERR_INTEGRITY);
	ck_assert_ptr_nonnull(strstr(a.msg, stack.v[1].text));
	free(a.msg);
}
END_TEST

/* Two stages that wait for one bad layer; each asks again while the failure is being told. */
START_TEST(a_bad_blob_and_who_asks_again)
{
	UNIT_DIR(d);
	AUTO_FIXTURE struct fixture f;
	AUTO_DIGEST_LIST struct digest_list stack = {0};
	struct asking a = {.f = &f, .stack = &stack, .again = 1}, b = a;
	struct err e = ERR_INIT;

	begin(&f, &d);
	cache_util_add(&stack, "one");
	blob_of(&f, &stack.v[0], "no archive at all");
	ck_assert(trees_obtainable(&f.b, &stack));
	trees_ensure(&f.b, &stack, "image", on_done, &a);
	trees_ensure(&f.b, &stack, "image", on_done, &b);
	while (a.done < 2 || b.done < 2)
		unit_ok(loop_run(f.s.loop, &e), e);
	ck_assert_int_ne(a.code, ERR_NONE);
	ck_assert_int_ne(b.code, ERR_NONE);
	ck_assert_ptr_nonnull(strstr(b.msg, "unpacking layer"));
	ck_assert(!store_layer_has(f.s.store, "real", &stack.v[0]));
	free(a.msg);
	free(b.msg);
}
END_TEST

UNIT_MAIN("trees", present, nowhere, a_bad_blob_and_who_asks_again)
