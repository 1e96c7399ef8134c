/* Context scans: tree digests of what every COPY and ADD takes from its context, in one worker. */
#include <string.h>

#include "src/build/state.h"
#include "src/dockerfile/dparse.h"
#include "src/plan/treesum.h"
#include "src/util/mem.h"

/* Digests of one message: what fits WORKER_MESSAGE_MAX with a margin. */
#define DIGESTS_PER_MESSAGE 512

/* One selection of files of a stage's context, and where its digest goes. */
struct pick {
	const struct plan_stage *st;
	const struct plan_step *step;
	struct source_query query;
	struct digest *tree;
};

struct scan {
	struct build *b;
	VEC_OF(struct pick) picks; /* in the order of the answers */
	size_t taken;
	struct err err;
};

static void open_index(struct build *b, const struct plan_source *src, struct statidx **idx)
{
	const char *name = src->context.parts.n && src->context.parts.v[0].path ? src->context.parts.v[0].path
										: src->file->name;

	if (*idx)
		statidx_save(*idx);
	statidx_free(*idx);
	*idx = statidx_open(b->s->store, name);
}

static int scan_pick(struct build *b, struct statidx **idx, size_t *idx_source, const struct pick *p, struct err *e)
{
	struct plan_source *src = b->plan->sources.v[p->st->source];
	AUTO_SOURCE_LIST struct source_list l = {0};
	int rc;

	if (*idx_source != p->st->source) {
		open_index(b, src, idx);
		*idx_source = p->st->source;
	}
	rc = source_prepare(&src->context, e);
	if (rc == 0)
		rc = source_select(&src->context, &p->query, &l, e);
	if (rc == 0)
		rc = treesum_of_context(&src->context, &l, *idx, p->tree, e);
	if (rc == 0)
		return 0;
	err_wrap(e, "stage %s: %s", p->st->name, dast_info(p->step->instruction)->name);
	return err_at(e, p->st->file, p->step->line, 0);
}

static void send_digests(struct worker *w, const struct scan *sc, size_t from, size_t to, struct json **out)
{
	struct json *list = json_array();

	for (size_t i = from; i < to; i++)
		json_append(list, json_new_str(sc->picks.v[i].tree->text));
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
	struct statidx *idx = NULL;
	size_t idx_source = PLAN_NONE, sent = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sc->picks.n; i++) {
		rc = scan_pick(sc->b, &idx, &idx_source, &sc->picks.v[i], e);
		if (rc == 0 && i + 1 - sent == DIGESTS_PER_MESSAGE) {
			send_digests(w, sc, sent, i + 1, NULL);
			sent = i + 1;
		}
	}
	if (idx)
		statidx_save(idx);
	if (rc == 0)
		send_digests(w, sc, sent, sc->picks.n, result);
	return rc;
}

static void take_digests(void *ctx, const struct json *list)
{
	struct scan *sc = ctx;

	for (size_t i = 0; i < json_len(list) && sc->taken < sc->picks.n; i++) {
		struct digest *to = sc->picks.v[sc->taken++].tree;

		if (digest_parse(sv_from(json_str(json_at(list, i))), to, ERR_INTERNAL, &sc->err) < 0)
			return;
	}
}

static void find_in_step(struct scan *sc, const struct plan_stage *st, struct plan_step *s)
{
	if (s->kind == PLAN_COPY && s->copy.origin == PLAN_FROM_CONTEXT)
		vec_push(&sc->picks, (struct pick){st, s, plan_copy_query(&s->copy), &s->copy.tree});
	for (size_t i = 0; i < s->mounts.n; i++) {
		struct plan_mount *m = &s->mounts.v[i];

		if (m->context)
			vec_push(&sc->picks, (struct pick){st, s, {.patterns = &m->sources}, &m->tree});
	}
}

static void find_picks(struct build *b, struct scan *sc)
{
	for (size_t i = 0; i < b->plan->stages.n; i++) {
		struct plan_stage *st = &b->plan->stages.v[i];

		for (size_t k = 0; st->evaluated && k < st->steps.n; k++)
			find_in_step(sc, st, &st->steps.v[k]);
	}
}

int scan_contexts(struct build *b, struct err *e)
{
	struct scan sc = {.b = b};
	AUTO_JSON struct json *last = NULL;
	int rc = 0;

	find_picks(b, &sc);
	if (sc.picks.n) {
		struct worker_spec spec = {
			.role = "scan", .fn = scan_all, .arg = &sc, .message = take_digests, .ctx = &sc};

		rc = worker_call(b->s, &spec, &last, e);
		if (rc == 0)
			take_digests(&sc, last);
		if (rc == 0 && err_is_set(&sc.err)) {
			err_move(e, &sc.err);
			rc = -1;
		} else if (rc == 0 && sc.taken != sc.picks.n) {
			rc = err_set(e, ERR_INTERNAL, "the scan worker answered %zu of %zu", sc.taken, sc.picks.n);
		}
	}
	vec_release(&sc.picks);
	return rc;
}
