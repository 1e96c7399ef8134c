/* Layer trees on demand: blob in the store → unpacked; known only from a registry → fetched first. Each layer is made
 * once, however many steps wait for it. */
#include <string.h>

#include "src/build/cacheopt.h"
#include "src/build/treefetch.h"
#include "src/build/treeunpack.h"
#include "src/session/blobs.h"
#include "src/util/mem.h"

struct trees_waiter {
	unsigned left;
	trees_done_fn *done;
	void *ctx;
	struct err err;
};

static void free_state(void *p)
{
	struct tree_state *t = p;

	descriptor_release(&t->blob);
	vec_release(&t->waiters);
	free(t->repo);
	free(t->form);
	free(t->tar);
	free(t->what);
	free(t->dir);
	free(t->file);
	err_release(&t->err);
	free(t);
}

static void free_origin(void *p)
{
	struct layer_origin *o = p;

	free(o->repo);
	descriptor_release(&o->blob);
	free(o);
}

void trees_learn_origin(struct build *b, const struct digest *diff_id, const char *repo, const struct descriptor *d)
{
	struct layer_origin *o = mem_new(struct layer_origin);

	o->repo = mem_strdup(repo);
	descriptor_copy(&o->blob, d);
	b->origins.free_val = free_origin;
	smap_set(&b->origins, diff_id->text, o);
}

/* What this run learned, else what an earlier one wrote down. */
static const struct layer_origin *origin_of(struct build *b, const struct digest *diff_id)
{
	AUTO_DESCRIPTOR struct descriptor d = {0};
	AUTO_FREE char *repo = NULL;

	if (!smap_has(&b->origins, diff_id->text) && blobs_origin_get(b->s->store, diff_id, &repo, &d))
		trees_learn_origin(b, diff_id, repo, &d);
	return smap_get(&b->origins, diff_id->text);
}

/* --- what is there --- */

/* A compressed form of the layer in the store. */
static bool stored_blob(struct build *b, const struct digest *diff_id, struct descriptor *out)
{
	AUTO_LAYER_REC struct store_layer_rec rec = {0};
	const struct layer_origin *o = origin_of(b, diff_id);
	struct err e = ERR_INIT;
	uint64_t size;

	if (o && store_blob_has(b->s->store, &o->blob.digest, &size)) {
		descriptor_copy(out, &o->blob);
		return true;
	}
	if (store_layer_rec_get(b->s->store, diff_id, &rec, &e) < 0) {
		err_release(&e);
		return false;
	}
	for (size_t i = 0; i < rec.nblobs; i++)
		if (store_blob_has(b->s->store, &rec.blobs[i].desc.digest, &size)) {
			descriptor_copy(out, &rec.blobs[i].desc);
			return true;
		}
	return false;
}

static struct tree_state *state_of(struct build *b, const struct digest *diff_id)
{
	struct tree_state *t = smap_get(&b->trees, diff_id->text);

	if (t)
		return t;
	if (!store_layer_has(b->s->store, b->s->tier.form, diff_id))
		return NULL;
	t = mem_new(struct tree_state);
	t->state = TREES_PRESENT;
	b->trees.free_val = free_state;
	smap_set(&b->trees, diff_id->text, t);
	return t;
}

bool trees_obtainable(struct build *b, const struct digest_list *stack)
{
	for (size_t i = 0; i < stack->n; i++) {
		AUTO_DESCRIPTOR struct descriptor d = {0};

		AUTO_FREE char *form = NULL;

		if (state_of(b, &stack->v[i]) || origin_of(b, &stack->v[i]) || stored_blob(b, &stack->v[i], &d))
			continue;
		form = reform_find(b->s, &stack->v[i]);
		if (!form)
			return false;
	}
	return true;
}

/* --- making one --- */

static void release_waiter(struct trees_waiter *w)
{
	if (--w->left)
		return;
	w->done(w->ctx, &w->err);
	err_release(&w->err);
	free(w);
}

void trees_copy_error(struct err *to, const struct err *from)
{
	if (!err_is_set(from) || err_is_set(to))
		return;
	err_set(to, from->code, "%s", from->msg);
	to->http = from->http;
	if (from->hint)
		err_hint(to, "%s", from->hint);
}

/* A place that lost a layer, or has another one in its stead, will not get better by itself. It is forgotten, so that
 * the layer is not taken to be there when it is made again. */
static void blame_place(const struct tree_state *t, struct err *e)
{
	bool bad = e->code == ERR_NOT_FOUND || e->code == ERR_INTEGRITY || e->code == ERR_INPUT || e->http == 404;

	if (!t->repo || !bad)
		return;
	blobs_origin_forget(t->b->s->store, &t->diff_id);
	if (!e->hint)
		err_hint(e,
			 "%s does not have what a cache or image there names: build with --no-cache, and with "
			 "--cache-to, where "
			 "it is a cache, to mend it",
			 t->repo);
}

void trees_finish(struct tree_state *t, struct err *e)
{
	__typeof__(t->waiters) waiters = t->waiters;

	if (err_is_set(e))
		blame_place(t, e);
	memset(&t->waiters, 0, sizeof t->waiters);
	t->state = err_is_set(e) ? TREES_FAILED : TREES_PRESENT;
	for (size_t i = 0; i < waiters.n; i++) {
		trees_copy_error(&waiters.v[i]->err, e);
		release_waiter(waiters.v[i]);
	}
	vec_release(&waiters);
}

static void on_reformed(void *ctx, const struct json *result, struct err *e)
{
	(void)result;
	if (err_is_set(e))
		trees_finish(ctx, e);
	else
		treeunpack_start(ctx);
}

static void start_reform(struct tree_state *t)
{
	struct err e = ERR_INIT;

	t->tar = mem_printf("%s/reform.%u", t->b->tmp, t->b->tmp_count++);
	t->reform = (struct reform){.s = t->b->s, .form = t->form, .path = t->tar, .diff_id = &t->diff_id};
	if (reform_start(&t->reform, on_reformed, t, &e) < 0)
		trees_finish(t, &e);
	err_release(&e);
}

static int not_obtainable(const struct digest *diff_id, struct err *e)
{
	err_set(e, ERR_INTEGRITY, "layer %s is neither in the store nor known from a registry", diff_id->text);
	return err_hint(e, "build it again with --no-cache, or import or pull its image again");
}

/* Registers the state; the work starts when the caller has added its waiter. */
static struct tree_state *begin(struct build *b, const struct digest *diff_id, const char *what, struct err *e)
{
	struct tree_state *t = mem_new(struct tree_state);
	const struct layer_origin *o = origin_of(b, diff_id);

	*t = (struct tree_state){.state = TREES_MAKING, .b = b, .diff_id = *diff_id, .what = mem_strdup(what)};
	if (!stored_blob(b, diff_id, &t->blob) && !(t->form = reform_find(b->s, diff_id))) {
		if (!o) {
			free_state(t);
			not_obtainable(diff_id, e);
			return NULL;
		}
		descriptor_copy(&t->blob, &o->blob);
		t->repo = mem_strdup(o->repo);
		if (cacheopt_dir(t->repo)) /* until the command ends: other layers may be there, too */
			session_hold_dir(b->s, cacheopt_dir(t->repo));
	}
	b->trees.free_val = free_state;
	smap_set(&b->trees, diff_id->text, t);
	return t;
}

struct tree_state *trees_expect(struct build *b, const struct digest *diff_id, const struct descriptor *blob,
				const char *what)
{
	struct tree_state *t = state_of(b, diff_id);

	if (t && t->state != TREES_FAILED)
		return NULL;
	t = mem_new(struct tree_state);
	*t = (struct tree_state){.state = TREES_MAKING, .b = b, .diff_id = *diff_id, .what = mem_strdup(what)};
	descriptor_copy(&t->blob, blob);
	b->trees.free_val = free_state;
	smap_set(&b->trees, diff_id->text, t);
	return t;
}

/* What comes from elsewhere is fetched together. */
static void start_all(struct build *b, struct tree_state **v, size_t n)
{
	size_t far = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i]->form)
			start_reform(v[i]);
		else if (v[i]->repo)
			v[far++] = v[i];
		else
			treeunpack_start(v[i]);
	treefetch_start(b, v, far);
}

void trees_ensure(struct build *b, const struct digest_list *stack, const char *what, trees_done_fn *done, void *ctx)
{
	struct trees_waiter *w = mem_new(struct trees_waiter);
	AUTO_FREE struct tree_state **fresh = mem_array(stack->n + 1, sizeof *fresh);
	struct err e = ERR_INIT;
	size_t nfresh = 0;

	*w = (struct trees_waiter){.left = 1, .done = done, .ctx = ctx};
	for (size_t i = 0; i < stack->n && !err_is_set(&w->err); i++) {
		struct tree_state *t = state_of(b, &stack->v[i]);

		if (t && t->state == TREES_PRESENT)
			continue;
		if (!t || t->state == TREES_FAILED)
			t = fresh[nfresh++] = begin(b, &stack->v[i], what, &e);
		if (!t) {
			nfresh--;
			err_move(&w->err, &e);
			break;
		}
		vec_push(&t->waiters, w);
		w->left++;
	}
	start_all(b, fresh, nfresh);
	/* Our own hold on the waiter: everything may have been there already. */
	release_waiter(w);
}

void trees_release(struct build *b)
{
	treefetch_release(b);
	smap_release(&b->trees);
	smap_release(&b->origins);
}
