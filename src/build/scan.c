/* Context scans: tree digests of what every COPY and ADD takes from its context, in one worker. */
#include <string.h>

#include "src/build/state.h"
#include "src/dockerfile/dparse.h"
#include "src/plan/treesum.h"
#include "src/util/mem.h"

/* Digests of one message: what fits WORKER_MESSAGE_MAX with a margin. */
#define DIGESTS_PER_MESSAGE 512

struct scan {
	struct build *b;
	VEC_OF(struct plan_step *) copies; /* in the order of the answers */
	VEC_OF(struct plan_stage *) stages;
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
	const char *name = first && first->path ? first->path : src->file->name;

	if (!smap_has(indexes, name))
		smap_set(indexes, name, statidx_open(b->s->store, name));
	return smap_get(indexes, name);
}

static int scan_copy(struct build *b, struct smap *indexes, const struct plan_stage *st, struct plan_step *s,
		     struct err *e)
{
	struct plan_source *src = b->plan->sources.v[st->source];
	AUTO_SOURCE_LIST struct source_list l = {0};
	struct source_query q = plan_copy_query(&s->copy);
	int rc = source_prepare(&src->context, e);

	if (rc == 0)
		rc = source_select(&src->context, &q, &l, e);
	if (rc == 0)
		rc = treesum_of_context(&src->context, &l, index_of(b, indexes, src), &s->copy.tree, e);
	if (rc == 0)
		return 0;
	err_wrap(e, "stage %s: %s", st->name, dast_info(s->instruction)->name);
	return s->pos.line ? dparse_err_at(src->file, s->pos, e) : -1;
}

static void send_digests(struct worker *w, const struct scan *sc, size_t from, size_t to, struct json **out)
{
	struct json *list = json_array();

	for (size_t i = from; i < to; i++)
		json_append(list, json_new_str(sc->copies.v[i]->copy.tree.text));
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

	for (size_t i = 0; rc == 0 && i < sc->copies.n; i++) {
		rc = scan_copy(sc->b, &indexes, sc->stages.v[i], sc->copies.v[i], e);
		if (rc == 0 && i + 1 - sent == DIGESTS_PER_MESSAGE) {
			send_digests(w, sc, sent, i + 1, NULL);
			sent = i + 1;
		}
	}
	if (rc == 0)
		send_digests(w, sc, sent, sc->copies.n, result);
	return rc;
}

static void take_digests(void *ctx, const struct json *list)
{
	struct scan *sc = ctx;

	for (size_t i = 0; i < json_len(list) && sc->taken < sc->copies.n; i++) {
		struct digest *to = &sc->copies.v[sc->taken++]->copy.tree;

		if (digest_parse(sv_from(json_str(json_at(list, i))), to, ERR_INTERNAL, &sc->err) < 0)
			return;
	}
}

static void find_copies(struct build *b, struct scan *sc)
{
	for (size_t i = 0; i < b->plan->stages.n; i++) {
		struct plan_stage *st = &b->plan->stages.v[i];

		for (size_t k = 0; st->evaluated && k < st->steps.n; k++)
			if (st->steps.v[k].kind == PLAN_COPY && st->steps.v[k].copy.origin == PLAN_FROM_CONTEXT) {
				vec_push(&sc->copies, &st->steps.v[k]);
				vec_push(&sc->stages, st);
			}
	}
}

int scan_contexts(struct build *b, struct err *e)
{
	struct scan sc = {.b = b};
	AUTO_JSON struct json *last = NULL;
	int rc = 0;

	find_copies(b, &sc);
	if (sc.copies.n) {
		struct worker_spec spec = {
			.role = "scan", .fn = scan_all, .arg = &sc, .message = take_digests, .ctx = &sc};

		rc = worker_call(b->s, &spec, &last, e);
		if (rc == 0)
			take_digests(&sc, last);
		if (rc == 0 && err_is_set(&sc.err)) {
			err_move(e, &sc.err);
			rc = -1;
		} else if (rc == 0 && sc.taken != sc.copies.n) {
			rc = err_set(e, ERR_INTERNAL, "the scan worker answered %zu of %zu", sc.taken, sc.copies.n);
		}
	}
	vec_release(&sc.copies);
	vec_release(&sc.stages);
	return rc;
}
