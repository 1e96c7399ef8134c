/* Context scans: tree digests of what every COPY, ADD and RUN --mount takes from its context, in one worker. */
#include <string.h>

#include "src/build/state.h"
#include "src/dockerfile/dparse.h"
#include "src/plan/plan_mount.h"
#include "src/plan/treelist.h"
#include "src/plan/treesum.h"
#include "src/util/mem.h"

/* Digests of one message: what fits WORKER_MESSAGE_MAX with a margin. */
#define DIGESTS_PER_MESSAGE 512

/* One selection of files. */
struct item {
	const struct plan_stage *st;
	struct plan_step *s;
	struct plan_mount *m; /* NULL: the step is a COPY */
};

struct scan {
	struct build *b;
	VEC_OF(struct item) items; /* in the order of the answers */
	size_t taken;
	struct err err;
};

static void close_index(void *p)
{
	statidx_save(p);
	statidx_free(p);
}

/* Contexts that begin with the same directory share an index. All stay open to the end: one that is saved keeps only
 * what was asked for since it was opened. */
static struct statidx *index_of(struct build *b, struct smap *indexes, const struct plan_source *src)
{
	const struct source_part *first = src->context.parts.n ? &src->context.parts.v[0] : NULL;
	const char *name = first && first->path ? first->path : src->file->name; /* a named directory has a part */

	if (!smap_has(indexes, name))
		smap_set(indexes, name, statidx_open(b->s->store, name));
	return smap_get(indexes, name);
}

static struct digest *tree_of(const struct item *it)
{
	return it->m ? &it->m->tree : &it->s->copy.tree;
}

static struct dast_pos pos_of(const struct item *it)
{
	return it->m ? it->m->pos : it->s->pos;
}

static int select_files(const struct source_set *set, const struct item *it, struct source_list *l, struct err *e)
{
	AUTO_STRV struct strv patterns = {0};
	struct source_query q = {.patterns = &patterns};

	if (it->m)
		plan_mount_pattern(it->m, &patterns);
	else
		q = plan_copy_query(&it->s->copy);
	return source_select(set, &q, l, e);
}

/* The list is for slct why alone: what cannot be kept is not missed. */
static int sum_up(struct build *b, const struct source_set *set, const struct source_list *l, struct statidx *x,
		  struct digest *tree, struct err *e)
{
	AUTO_BUF struct buf list = BUF_INIT(TREELIST_MAX_BYTES + (64 << 10));
	bool keep = !b->planning && l->entries <= TREELIST_ENTRIES_MAX;
	struct err ignored = ERR_INIT;

	if (treesum_of_context(set, l, x, tree, keep ? &list : NULL, e) < 0)
		return -1;
	if (keep && !treelist_has(b->s->store, tree) && treelist_put(b->s->store, tree, &list, &ignored) < 0)
		err_release(&ignored);
	return 0;
}

static int scan_item(struct build *b, struct smap *indexes, const struct item *it, struct err *e)
{
	const struct plan_stage *st = it->st;
	struct plan_source *src = b->plan->sources.v[it->m ? it->m->index : it->s->copy.index];
	AUTO_SOURCE_LIST struct source_list l = {0};
	int rc = source_prepare(&src->context, e);

	if (rc == 0)
		rc = select_files(&src->context, it, &l, e);
	if (rc == 0)
		rc = sum_up(b, &src->context, &l, index_of(b, indexes, src), tree_of(it), e);
	if (rc == 0)
		return 0;
	err_wrap(e, "stage %s: %s%s", st->name, dast_info(it->s->instruction)->name, it->m ? " --mount" : "");
	return it->s->pos.line ? dparse_err_at(b->plan->sources.v[st->source]->file, pos_of(it), e) : -1;
}

static void send_digests(struct worker *w, const struct scan *sc, size_t from, size_t to, struct json **out)
{
	struct json *list = json_array();

	for (size_t i = from; i < to; i++)
		json_append(list, json_new_str(tree_of(&sc->items.v[i])->text));
	if (out) {
		*out = list;
		return;
	}
	worker_send(w, list);
	json_free(list);
}

static int scan_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct scan *sc = arg;
	AUTO_SMAP struct smap indexes = SMAP_INIT(close_index);
	size_t sent = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sc->items.n; i++) {
		rc = scan_item(sc->b, &indexes, &sc->items.v[i], e);
		if (rc == 0 && i + 1 - sent == DIGESTS_PER_MESSAGE) {
			send_digests(w, sc, sent, i + 1, NULL);
			sent = i + 1;
		}
	}
	if (rc == 0)
		send_digests(w, sc, sent, sc->items.n, result);
	return rc;
}

static void take_digests(void *ctx, const struct json *list)
{
	struct scan *sc = ctx;

	for (size_t i = 0; i < json_len(list) && sc->taken < sc->items.n; i++) {
		struct digest *to = tree_of(&sc->items.v[sc->taken++]);

		if (digest_parse(sv_from(json_str(json_at(list, i))), to, ERR_INTERNAL, &sc->err) < 0)
			return;
	}
}

static void find_items(const struct plan_stage *st, struct plan_step *s, struct scan *sc)
{
	if (s->kind == PLAN_COPY && s->copy.origin == PLAN_FROM_CONTEXT)
		vec_push(&sc->items, (struct item){st, s, NULL});
	for (size_t i = 0; i < s->mounts.n; i++)
		if (plan_mount_of_context(&s->mounts.v[i]))
			vec_push(&sc->items, (struct item){st, s, &s->mounts.v[i]});
}

static void find_all(struct build *b, struct scan *sc)
{
	for (size_t i = 0; i < b->plan->stages.n; i++) {
		struct plan_stage *st = &b->plan->stages.v[i];

		for (size_t k = 0; st->evaluated && k < st->steps.n; k++)
			find_items(st, &st->steps.v[k], sc);
	}
}

int scan_contexts(struct build *b, struct err *e)
{
	struct scan sc = {.b = b};
	AUTO_JSON struct json *last = NULL;
	int rc = 0;

	find_all(b, &sc);
	if (sc.items.n) {
		struct worker_spec spec = {.role = "scan",
					   .reads_host = true,
					   .fn = scan_all,
					   .arg = &sc,
					   .message = take_digests,
					   .ctx = &sc};

		rc = worker_call(b->s, &spec, &last, e);
		if (rc == 0)
			take_digests(&sc, last);
		if (rc == 0 && err_is_set(&sc.err)) {
			err_move(e, &sc.err);
			rc = -1;
		} else if (rc == 0 && sc.taken != sc.items.n) {
			rc = err_set(e, ERR_INTERNAL, "the scan worker answered %zu of %zu", sc.taken, sc.items.n);
		}
	}
	vec_release(&sc.items);
	return rc;
}
