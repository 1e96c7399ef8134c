/* Layer trees on demand: blob in the store → unpacked; known only from a registry → fetched first. Each layer is made
 * once, however many steps wait for it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/layout_dir.h"
#include "src/build/cacheopt.h"
#include "src/build/lossy.h"
#include "src/build/state.h"
#include "src/session/blobs.h"
#include "src/session/reform.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"

/* Layers fetched side by side: each has a connection of its own, and registries count those. */
#define FETCHES_MAX 6

enum making { TREE_PRESENT, TREE_MAKING, TREE_FAILED };

struct waiter {
	unsigned left;
	trees_done_fn *done;
	void *ctx;
	struct err err;
};

struct tree_state {
	enum making state;
	struct build *b;
	struct digest diff_id;
	struct descriptor blob;
	char *repo; /* where to fetch the blob, NULL: it is in the store */
	char *form; /* it is there in this form and becomes a tar of that name; NULL: there is a blob */
	char *tar;
	struct reform reform;
	char *what; /* image or stage, for messages */
	char *dir;  /* being unpacked, relative to the store */
	VEC_OF(struct waiter *) waiters;
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
	t->state = TREE_PRESENT;
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

static void release_waiter(struct waiter *w)
{
	if (--w->left)
		return;
	w->done(w->ctx, &w->err);
	err_release(&w->err);
	free(w);
}

static void copy_error(struct err *to, const struct err *from)
{
	if (!err_is_set(from) || err_is_set(to))
		return;
	err_set(to, from->code, "%s", from->msg);
	if (from->hint)
		err_hint(to, "%s", from->hint);
}

/* A waiter may ask for the same layer again, which after a failure makes a new state: t is not used any more then. */
static void finish(struct tree_state *t, struct err *e)
{
	__typeof__(t->waiters) waiters = t->waiters;

	memset(&t->waiters, 0, sizeof t->waiters);
	t->state = err_is_set(e) ? TREE_FAILED : TREE_PRESENT;
	for (size_t i = 0; i < waiters.n; i++) {
		copy_error(&waiters.v[i]->err, e);
		release_waiter(waiters.v[i]);
	}
	vec_release(&waiters);
}

static int open_layer(const struct tree_state *t, struct err *e)
{
	int fd;

	if (!t->tar)
		return store_blob_open(t->b->s->store, &t->blob.digest, e);
	fd = openat(store_fd(t->b->s->store), t->tar, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", t->tar) : fd;
}

static int unpack(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct tree_state *t = arg;
	struct store *s = t->b->s->store;
	AUTO_TREEVIEW struct treeview tv = {0};
	struct layer_apply_opts o = {.want = &t->blob,
				     .want_diff = &t->diff_id,
				     .may_mknod = tier_makes_nodes(&t->b->s->tier),
				     .view = &tv.view,
				     .owners = &tv.made};
	struct layer_info info = {0};
	int blob = open_layer(t, e);

	(void)w;
	if (blob < 0)
		return -1;
	if (t->tar)
		o.want = NULL;
	struct rstream *src = stream_from_fd(blob, true, "layer");
	AUTO_CLOSE int dest = openat(store_fd(s), t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dest < 0)
		return err_sys(e, ERR_HOST, errno, "opening %s", t->dir);
	treeview_open(&tv, t->b->s);
	if (layer_apply(src, dest, &o, &info, e) < 0)
		return err_wrap(e, "unpacking layer %s", t->tar ? t->diff_id.text : t->blob.digest.text);
	if (store_layer_publish_with(s, t->dir, t->b->s->tier.form, &t->diff_id, &tv.made, e) < 0)
		return -1;
	*result = json_object();
	json_set_int(*result, "size", (int64_t)info.size);
	json_set_bool(*result, "lossy", info.lossy);
	return 0;
}

/* A place that lost a layer, or has another one in its stead, will not get better by itself. It is forgotten, so that the
 * layer is not taken to be there when it is made again. */
static void blame_place(const struct tree_state *t, bool is_bad, struct err *e)
{
	if (!t->repo || !is_bad)
		return;
	blobs_origin_forget(t->b->s->store, &t->diff_id);
	if (!e->hint)
		err_hint(e, "%s does not have what a cache or image there names: build with --no-cache, and with --cache-to, where "
			 "it is a cache, to mend it", t->repo);
}

static bool is_gone(const struct err *e)
{
	return e->code == ERR_NOT_FOUND || e->code == ERR_INTEGRITY || e->http == 404;
}

/* What was fetched cannot be unpacked, and it is not this machine that refuses. */
static bool is_no_layer(const struct err *e)
{
	return e->code == ERR_INTEGRITY || e->code == ERR_INPUT || e->code == ERR_REGISTRY;
}

static void on_unpacked(void *ctx, const struct json *result, struct err *e)
{
	struct tree_state *t = ctx;

	if (t->tar)
		unlinkat(store_fd(t->b->s->store), t->tar, 0);
	if (err_is_set(e))
		blame_place(t, is_no_layer(e), e);
	if (!err_is_set(e) && !t->tar)
		store_layer_rec_add_blob(t->b->s->store, &t->diff_id, (uint64_t)json_get_int(result, "size", 0),
					 &t->blob, "pulled", e);
	if (!err_is_set(e) && json_get_bool(result, "lossy", false)) {
		lossy_mark(t->b, &t->diff_id);
		session_warn(t->b->s, "",
			     "%s: something in layer %s cannot be kept here (see slct doctor): what is built upon it stays "
			     "out of remote caches", t->what, t->diff_id.text);
	}
	finish(t, e);
}

static int make_dir(struct build *b, const char *prefix, char **out, struct err *e)
{
	*out = mem_printf("%s/%s.%u", b->tmp, prefix, b->tmp_count++);
	if (mkdirat(store_fd(b->s->store), *out, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s/%s", store_root(b->s->store), *out);
	return 0;
}

static void start_unpack(struct tree_state *t)
{
	struct err e = ERR_INIT;
	struct worker_spec spec = {.role = "unpack",
				   .what = t->what,
				   .enter = WORKER_USERNS,
				   .fn = unpack,
				   .arg = t,
				   .done = on_unpacked,
				   .ctx = t};

	if (make_dir(t->b, "unpack", &t->dir, &e) < 0 || !worker_start(t->b->s, &spec, &e))
		finish(t, &e);
	err_release(&e);
}

static void on_reformed(void *ctx, const struct json *result, struct err *e)
{
	(void)result;
	if (err_is_set(e))
		finish(ctx, e);
	else
		start_unpack(ctx);
}

static void start_reform(struct tree_state *t)
{
	struct err e = ERR_INIT;

	t->tar = mem_printf("%s/reform.%u", t->b->tmp, t->b->tmp_count++);
	t->reform = (struct reform){.s = t->b->s, .form = t->form, .path = t->tar, .diff_id = &t->diff_id};
	if (reform_start(&t->reform, on_reformed, t, &e) < 0)
		finish(t, &e);
	err_release(&e);
}

static void send_progress(void *arg, const struct digest *blob, uint64_t done, uint64_t total)
{
	AUTO_JSON struct json *j = json_object();

	(void)blob;
	json_set_int(j, "done", (int64_t)done);
	json_set_int(j, "total", (int64_t)total);
	worker_send(arg, j);
}

static int fetch_from_dir(const struct tree_state *t, const char *path, struct err *e)
{
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;

	return layout_dir_open(&d, path, e) < 0 ? -1 : layout_dir_fetch(&d, t->b->s->store, &t->blob, e);
}

static int fetch(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct tree_state *t = arg;
	const struct descriptor *blobs[] = {&t->blob};
	AUTO_REF struct ref repo = {0};
	struct registry *reg = NULL;

	(void)result;
	if (cacheopt_dir(t->repo))
		return fetch_from_dir(t, cacheopt_dir(t->repo), e);
	if (ref_parse_repo(t->repo, &repo, e) < 0)
		return -1;
	reg = registry_new(&t->b->s->net, e);
	return reg ? registry_fetch_blobs(reg, &repo, blobs, 1, t->b->s->store, send_progress, w, e) : -1;
}

static void on_progress(void *ctx, const struct json *j)
{
	struct tree_state *t = ctx;

	state_emit(t->b, &(struct event){.kind = EVENT_TRANSFER,
					 .stage = "",
					 .text = t->what,
					 .done = (uint64_t)json_get_int(j, "done", 0),
					 .total = (uint64_t)json_get_int(j, "total", 0)});
}

static void next_fetch(struct build *b);

static void on_fetched(void *ctx, const struct json *result, struct err *e)
{
	struct tree_state *t = ctx;

	(void)result;
	t->b->fetches--;
	next_fetch(t->b);
	if (err_is_set(e)) {
		blame_place(t, is_gone(e), e);
		finish(t, e);
		return;
	}
	t->b->counts.bytes_in += t->blob.size;
	start_unpack(t);
}

static void begin_fetch(struct tree_state *t)
{
	struct err e = ERR_INIT;
	struct worker_spec spec = {
		.role = "fetch", .what = t->what, .fn = fetch, .arg = t, .done = on_fetched, .message = on_progress,
		.ctx = t};

	t->b->fetches++;
	if (!worker_start(t->b->s, &spec, &e)) {
		t->b->fetches--;
		finish(t, &e);
	}
	err_release(&e);
}

static void start_fetch(struct tree_state *t)
{
	if (t->b->fetches < FETCHES_MAX)
		begin_fetch(t);
	else
		vec_push(&t->b->to_fetch, t);
}

/* Those that wait when the build is cancelled never begin. */
static void next_fetch(struct build *b)
{
	struct err e = ERR_INIT;

	while (b->to_fetch.n && b->fetches < FETCHES_MAX) {
		struct tree_state *t = b->to_fetch.v[0];

		memmove(&b->to_fetch.v[0], &b->to_fetch.v[1], --b->to_fetch.n * sizeof(struct tree_state *));
		if (b->s->interrupted) {
			err_set(&e, ERR_CANCELLED, "cancelled");
			finish(t, &e);
			err_release(&e);
		} else {
			begin_fetch(t);
		}
	}
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

	*t = (struct tree_state){.state = TREE_MAKING, .b = b, .diff_id = *diff_id, .what = mem_strdup(what)};
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

static void start(struct tree_state *t)
{
	if (t->form)
		start_reform(t);
	else if (t->repo)
		start_fetch(t);
	else
		start_unpack(t);
}

void trees_ensure(struct build *b, const struct digest_list *stack, const char *what, trees_done_fn *done, void *ctx)
{
	struct waiter *w = mem_new(struct waiter);
	struct err e = ERR_INIT;

	*w = (struct waiter){.left = 1, .done = done, .ctx = ctx};
	for (size_t i = 0; i < stack->n && !err_is_set(&w->err); i++) {
		struct tree_state *t = state_of(b, &stack->v[i]);
		bool fresh = !t || t->state == TREE_FAILED;

		if (t && t->state == TREE_PRESENT)
			continue;
		if (fresh)
			t = begin(b, &stack->v[i], what, &e);
		if (!t) {
			err_move(&w->err, &e);
			break;
		}
		vec_push(&t->waiters, w);
		w->left++;
		if (fresh)
			start(t);
	}
	/* Our own hold on the waiter: everything may have been there already. */
	release_waiter(w);
}

void trees_release(struct build *b)
{
	vec_release(&b->to_fetch);
	smap_release(&b->trees);
	smap_release(&b->origins);
}
