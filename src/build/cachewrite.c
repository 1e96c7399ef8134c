/* --cache-to: each finished step becomes an ordinary image in the cache, in the background while later steps run; blobs
 * first, manifest last. One entry at a time: is it there already? Else its layers are packed by one worker while another
 * one (cachesend.h) sends what there is of them. A failed write is a warning, unless the cache is `required`. */
#include "src/build/cachewrite.h"

#include <string.h>

#include "src/build/blobs.h"
#include "src/build/blobstream.h"
#include "src/build/cachesend.h"
#include "src/build/lossy.h"
#include "src/cache/cachewhy.h"
#include "src/cache/inputs.h"
#include "src/plan/treelist.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

struct entry {
	size_t stage, step;
	struct ckey input, content;
	struct digest_list stack;
	char *made;
	int64_t built; /* seconds since 1970 */
	bool replace;  /* a forced build replaces a live entry */
	char *why;     /* no entry, but the record of a stage, whose tag follows from `input`; NULL */
};

struct target {
	const struct cachepick_place *place;
	struct cachesend *send; /* NULL: not started */
	struct smap layers; /* diff ids of its live entries */
	bool *wrote; /* by stage: an entry of it was written */
	bool broken; /* it failed once and is left alone for the rest of the build */
};

struct uploads {
	struct build *b;
	struct target *to;
	size_t nto;
	VEC_OF(struct entry *) queue; /* pointers: workers' arguments point into them */
	size_t next;   /* entry at work, or to be done next */
	size_t target; /* at work */
	bool active;
	bool failed; /* a required cache could not be written */
	bool asked;  /* what is sent now is a question */
	bool whys;   /* the records of stages are in the queue */
	/* of the entry and target at work: */
	struct descriptor *descs; /* of the layers; unset: unknown */
	char **from;   /* a blob that is not here: the place that has it; NULL: it is here, or was */
	bool assumed;  /* some blobs are believed to be there, or to be mounted */
	bool certain;  /* that was tried and failed: blobs are fetched or made */
	struct blobs_request request;
	struct blobstream streams;
	unsigned working; /* workers at it */
	struct json *packed;
	struct err pack_err, send_err;
};

static void begin_entry(struct uploads *u);
static void next_target(struct uploads *u);

static struct entry *current(const struct uploads *u)
{
	return u->queue.v[u->next];
}

static void forget_layers(struct uploads *u)
{
	for (size_t i = 0; u->descs && i < current(u)->stack.n; i++) {
		descriptor_release(&u->descs[i]);
		free(u->from[i]);
	}
	free(u->descs);
	free(u->from);
	u->descs = NULL;
	u->from = NULL;
}

static bool is_written(const struct target *t, const struct plan *p, const struct entry *en)
{
	if (t->broken || !cachepick_takes(t->place, en->stage))
		return false;
	if (en->why)
		return t->place->opt.why && t->wrote[en->stage];
	return !t->place->opt.stages_only || plan_last_layer(&p->stages.v[en->stage]) == en->step;
}

static bool is_wanted(const struct uploads *u, const struct entry *en)
{
	for (size_t i = 0; i < u->nto; i++)
		if (is_written(&u->to[i], u->b->plan, en))
			return true;
	return false;
}

/* On to the next entry; the scheduler may be waiting for the last one. */
static void end_entry(struct uploads *u)
{
	struct build *b = u->b;

	u->active = false;
	do
		u->next++;
	while (u->next < u->queue.n && !is_wanted(u, current(u)));
	if (u->next < u->queue.n && !b->stopping)
		begin_entry(u);
	if (!u->active)
		sched_kick(b);
}

/* A cache that cannot be written now will not be in a minute: one warning, and no waiting for it again. */
static void warn(struct uploads *u, struct err *e)
{
	struct target *t = &u->to[u->target];
	const struct cacheopt *to = &t->place->opt;

	t->broken = true;
	if (u->b->stopping) {
		err_release(e);
		return;
	}
	session_warn(u->b->s, u->b->plan->stages.v[current(u)->stage].name, "cache %s cannot be written: %s", to->repo,
		     e->msg);
	if (to->required && !u->failed) {
		u->failed = true;
		err_wrap(e, "required cache %s", to->repo);
		sched_fail(u->b, e);
	}
	err_release(e);
}

static void give_up_target(struct uploads *u, struct err *e)
{
	warn(u, e);
	u->target++;
	next_target(u);
}

/* --- where the layers are --- */

/* A blob of this layer that was met somewhere: only its digest is here. */
static bool find_elsewhere(struct build *b, const struct digest *diff_id, struct descriptor *out, char **from)
{
	const struct layer_origin *o = smap_get(&b->origins, diff_id->text);

	if (!o)
		return blobs_origin_get(b->s->store, diff_id, from, out) ||
		       blobs_remembered(b->s->store, diff_id, out);
	*from = mem_strdup(o->repo);
	descriptor_copy(out, &o->blob);
	return true;
}

/* 1: there is a digest; 0: its tree must be packed; -1: it cannot be had in this form. */
static int find_layer(struct uploads *u, size_t i)
{
	const struct digest *diff_id = &current(u)->stack.v[i];
	bool tree = store_layer_has(u->b->s->store, u->b->s->tier.form, diff_id);

	if (digest_is_set(&u->descs[i].digest))
		return 1;
	if (u->certain && tree)
		return 0;
	if (find_elsewhere(u->b, diff_id, &u->descs[i], &u->from[i]) && (u->from[i] || !u->certain)) {
		u->assumed |= !u->certain;
		return 1;
	}
	return tree ? 0 : -1;
}

/* Number of layers to be packed; -1: the entry cannot be offered. */
static ssize_t find_layers(struct uploads *u)
{
	const struct entry *en = current(u);
	ssize_t pack = 0;

	forget_layers(u);
	u->descs = mem_zalloc((en->stack.n + 1) * sizeof *u->descs);
	u->from = mem_zalloc((en->stack.n + 1) * sizeof *u->from);
	u->assumed = false;
	u->request = (struct blobs_request){
		.s = u->b->s, .diff_ids = &en->stack, .codec = {CODEC_GZIP, 0}, .out = u->descs};
	blobs_known(&u->request);
	for (size_t i = 0; i < en->stack.n; i++) {
		int found = find_layer(u, i);

		if (found < 0)
			return -1;
		pack += !found;
	}
	return pack;
}

/* --- jobs --- */

static void describe(const struct uploads *u, enum cachejob_kind kind, struct cachejob *job)
{
	const struct entry *en = current(u);

	*job = (struct cachejob){.kind = kind,
				 .stage = en->stage,
				 .step = en->step,
				 .input = en->input,
				 .content = en->content,
				 .made = mem_strdup_opt(en->made),
				 .text = mem_strdup_opt(en->why),
				 .built = en->built,
				 .replace = en->replace,
				 .fetch = u->certain};
	if (kind != CACHEJOB_WRITE)
		return;
	for (size_t i = 0, k = 0; i < en->stack.n; i++) {
		struct cachejob_layer *l = cachejob_add(job, &en->stack.v[i]);

		l->from = mem_strdup_opt(u->from[i]);
		l->there = smap_has(&u->to[u->target].layers, l->diff_id.text);
		if (digest_is_set(&u->descs[i].digest))
			descriptor_copy(&l->blob, &u->descs[i]);
		else
			l->stream = mem_strdup(u->streams.names[k++]);
	}
}

static void tell_upload(const struct uploads *u, enum event_kind kind, uint64_t sent, const struct err *e)
{
	const struct plan_stage *st = &u->b->plan->stages.v[current(u)->stage];

	state_emit(u->b, &(struct event){.kind = kind,
					 .stage = state_short_name(st),
					 .n = current(u)->why ? 0 : st->steps.v[current(u)->step].n,
					 .text = u->to[u->target].place->opt.repo,
					 .done = sent,
					 .err = e && err_is_set(e) ? e : NULL});
}

static int send_job(struct uploads *u, enum cachejob_kind kind, struct err *e)
{
	AUTO_CACHEJOB struct cachejob job = {0};

	describe(u, kind, &job);
	u->asked = kind == CACHEJOB_ASK;
	if (cachesend_job(u->to[u->target].send, &job, e) < 0)
		return -1;
	if (!u->asked)
		tell_upload(u, EVENT_UPLOAD_START, 0, NULL);
	return 0;
}

/* --- writing --- */

static void retry_or_warn(struct uploads *u);
static void write_entry(struct uploads *u);

/* What was packed is remembered, whatever became of the sending. */
static void end_write(struct uploads *u)
{
	struct err e = ERR_INIT;

	if (--u->working)
		return;
	blobstream_close(&u->streams);
	if (!err_is_set(&u->pack_err) && u->packed && blobs_take(&u->request, u->packed, &e) < 0)
		err_move(&u->pack_err, &e);
	json_free(STEAL_PTR(u->packed));
	/* The cause is there if both have failed. */
	if (err_is_set(&u->pack_err))
		err_release(&u->send_err);
	if (err_is_set(&u->pack_err)) {
		give_up_target(u, &u->pack_err);
	} else if (err_is_set(&u->send_err)) {
		retry_or_warn(u);
	} else {
		u->to[u->target].wrote[current(u)->stage] = true;
		u->target++;
		next_target(u);
	}
}

/* What was believed to be in the registry is not. */
static void retry_or_warn(struct uploads *u)
{
	if (!u->assumed || u->b->stopping) {
		give_up_target(u, &u->send_err);
		return;
	}
	err_release(&u->send_err);
	u->certain = true;
	write_entry(u);
}

static void on_packed(void *ctx, const struct json *result, struct err *e)
{
	struct uploads *u = ctx;

	if (err_is_set(e))
		blobstream_give_up(&u->streams); /* a worker that was killed has told nobody */
	err_move(&u->pack_err, e);
	u->packed = result ? json_deep_copy(result) : NULL;
	end_write(u);
}

/* For a directory: nothing grows there, so that the layers are made first. */
static void on_packed_first(void *ctx, const struct json *result, struct err *e)
{
	struct uploads *u = ctx;

	if (err_is_set(e) || blobs_take(&u->request, result, e) < 0)
		give_up_target(u, e);
	else
		write_entry(u);
}

static int start_packing(struct uploads *u, bool first, struct err *e)
{
	struct worker_spec spec = {.role = "pack",
				   .what = u->b->plan->stages.v[current(u)->stage].name,
				   .enter = WORKER_USERNS,
				   .fn = first ? blobs_pack : blobstream_pack,
				   .arg = first ? (void *)&u->request : (void *)&u->streams,
				   .done = first ? on_packed_first : on_packed,
				   .ctx = u};

	if (session_need_tier(u->b->s, e) < 0 || !worker_start(u->b->s, &spec, e))
		return -1;
	return 0;
}

static int start_streaming(struct uploads *u, struct err *e)
{
	if (blobstream_open(&u->streams, &u->request, cachesend_table(u->to[u->target].send), e) < 0 ||
	    start_packing(u, false, e) < 0)
		return -1;
	u->working++;
	return 0;
}

static void write_entry(struct uploads *u)
{
	bool dir = cacheopt_dir(u->to[u->target].place->opt.repo) != NULL;
	struct err e = ERR_INIT;

	u->certain |= dir;
	ssize_t pack = find_layers(u);

	if (pack < 0) { /* of another tier's form, say: there is nothing to offer */
		u->target++;
		next_target(u);
		return;
	}
	if (dir && pack) {
		if (start_packing(u, true, &e) < 0)
			give_up_target(u, &e);
		return;
	}
	u->working = 1;
	if ((pack && start_streaming(u, &e) < 0) || send_job(u, CACHEJOB_WRITE, &e) < 0) {
		err_move(&u->send_err, &e);
		end_write(u);
	}
}

/* --- one place after the other --- */

static void note_layers(struct uploads *u)
{
	const struct digest_list *stack = &current(u)->stack;

	for (size_t i = 0; i < stack->n; i++)
		smap_set(&u->to[u->target].layers, stack->v[i].text, NULL);
}

static void on_answer(void *ctx, const struct json *answer, struct err *e)
{
	struct uploads *u = ctx;
	uint64_t sent = (uint64_t)json_get_int(answer, "sent", 0);

	u->b->counts.bytes_out += sent;
	if (!u->asked)
		tell_upload(u, EVENT_UPLOAD_DONE, sent, e);
	if (!u->asked) {
		err_move(&u->send_err, e);
		end_write(u);
	} else if (err_is_set(e)) {
		give_up_target(u, e);
	} else if (json_get_bool(answer, "there", false)) {
		note_layers(u);
		u->target++;
		next_target(u);
	} else {
		write_entry(u);
	}
}

static void on_over(void *ctx)
{
	struct uploads *u = ctx;

	sched_kick(u->b);
}

static int begin_target(struct uploads *u, struct err *e)
{
	struct target *t = &u->to[u->target];

	if (!t->send)
		t->send = cachesend_new(u->b, &t->place->opt, on_answer, on_over, u, e);
	if (!t->send)
		return -1;
	u->certain = u->assumed = false;
	if (current(u)->why) {
		u->working = 1;
		return send_job(u, CACHEJOB_WHY, e);
	}
	if (!current(u)->replace)
		return send_job(u, CACHEJOB_ASK, e);
	write_entry(u);
	return 0;
}

static void next_target(struct uploads *u)
{
	struct err e = ERR_INIT;

	forget_layers(u);
	while (u->target < u->nto && !is_written(&u->to[u->target], u->b->plan, current(u)))
		u->target++;
	if (u->target == u->nto || u->b->stopping)
		end_entry(u);
	else if (begin_target(u, &e) < 0)
		give_up_target(u, &e);
}

static void begin_entry(struct uploads *u)
{
	u->active = true;
	u->target = 0;
	next_target(u);
}

/* --- the queue --- */

static void enqueue(struct build *b, const struct entry *en)
{
	struct uploads *u = b->uploads;

	vec_push(&u->queue, mem_dup(en, sizeof *en));
	if (!u->active)
		begin_entry(u);
}

void cachewrite_step(struct build *b, size_t stage, size_t step, const struct ckey *content)
{
	const struct stage_run *r = &b->run[stage];
	const struct plan_stage *st = &b->plan->stages.v[stage];

	if (!b->uploads || !ckey_is_set(&st->steps.v[step].key) || r->lossy || lossy_stack(b, &r->stack))
		return;
	struct entry en = {.stage = stage,
			   .step = step,
			   .input = st->steps.v[step].key,
			   .content = *content,
			   .made = mem_strdup(buf_str(&r->made)),
			   .built = clock_wall() / CLOCK_NS_PER_S,
			   /* with a TTL, what was found may have been too old */
			   .replace = st->forced || b->o->no_cache || cachepick_ttl(&b->caches, stage)};

	digest_list_copy(&en.stack, &r->stack);
	enqueue(b, &en);
}

/* A step that the local cache answered: its layers are here, so the remote cache can have it too. Its content key would
 * need the stacks that it was built from; the input key is what another machine asks for first. */
static void offer_cached(struct build *b, size_t stage, size_t step)
{
	const struct plan_step *s = &b->plan->stages.v[stage].steps.v[step];
	struct entry en = {.stage = stage, .step = step, .input = s->key, .content = s->key};
	struct clocal rec;

	if (!ckey_is_set(&s->key) || !clocal_get(b->s->store, &s->key, &rec))
		return;
	if (trees_obtainable(b, &rec.diff_ids) && strlen(rec.made) == s->layer_n + 1) {
		en.made = mem_strdup(rec.made);
		en.built = rec.built;
		digest_list_copy(&en.stack, &rec.diff_ids);
		enqueue(b, &en);
	}
	clocal_release(&rec);
}

void cachewrite_cached(struct build *b)
{
	for (size_t i = 0; b->uploads && i < b->plan->stages.n; i++) {
		const struct plan_stage *st = &b->plan->stages.v[i];
		size_t end = b->run[i].wanted ? b->run[i].next : st->steps.n;

		for (size_t k = 0; st->needed && !st->forced && !b->o->no_cache && k < end; k++)
			if (plan_step_is_layer(&st->steps.v[k]))
				offer_cached(b, i, k);
	}
}

void cachewrite_init(struct build *b)
{
	struct uploads *u;

	if (!b->caches.to.n || b->o->offline)
		return;
	u = b->uploads = mem_new(struct uploads);
	u->b = b;
	u->nto = b->caches.to.n;
	u->to = mem_zalloc((u->nto + 1) * sizeof *u->to);
	for (size_t i = 0; i < u->nto; i++) {
		u->to[i].place = &b->caches.to.v[i];
		u->to[i].wrote = mem_zalloc((b->plan->stages.n + 1) * sizeof *u->to[i].wrote);
	}
}

/* --- records of stages --- */

static void add_files(struct build *b, const struct json *inputs, struct json *doc)
{
	struct json *all = json_deep_copy(inputs);

	for (void *it = json_iter(all); it; it = json_iter_next(all, it)) {
		AUTO_BUF struct buf list = BUF_INIT(CACHEWHY_FILES_MAX_BYTES);
		const char *tree = json_str(json_iter_val(it));

		if (tree && strncmp(json_iter_key(it), "files", 5) == 0 &&
		    treelist_get(b->s->store, tree, CACHEWHY_FILES_MAX_BYTES, &list))
			cachewhy_add_files(doc, tree, buf_sv(&list));
	}
	json_free(all);
}

/* Those of its steps that are done. */
static char *record_of(struct build *b, size_t stage)
{
	const struct plan_stage *st = &b->plan->stages.v[stage];
	AUTO_JSON struct json *doc = cachewhy_new(st->name);
	AUTO_BUF struct buf text = BUF_INIT(CACHEWHY_MAX_BYTES);

	for (size_t k = 0; k < b->run[stage].next; k++) {
		const struct plan_step *s = &st->steps.v[k];
		AUTO_JSON struct json *inputs = s->why ? inputs_mask(s->why) : NULL;

		if (!plan_step_is_layer(s) || !ckey_is_set(&s->key) || !inputs)
			continue;
		cachewhy_add(doc, s->n, &s->key, inputs);
		add_files(b, inputs, doc);
	}
	json_write(doc, &text);
	return text.over ? NULL : buf_steal(&text);
}

static bool wants_why(const struct uploads *u, size_t stage)
{
	for (size_t i = 0; i < u->nto; i++)
		if (u->to[i].place->opt.why && u->to[i].wrote[stage])
			return true;
	return false;
}

static void enqueue_whys(struct uploads *u)
{
	u->whys = true;
	for (size_t i = 0; i < u->b->plan->stages.n; i++) {
		struct entry en = {.stage = i, .built = clock_wall() / CLOCK_NS_PER_S};

		if (!wants_why(u, i) || !(en.why = record_of(u->b, i)))
			continue;
		cachewhy_key(u->b->plan->stages.v[i].name, &en.input);
		en.content = en.input;
		enqueue(u->b, &en);
	}
}

bool cachewrite_over(struct build *b)
{
	struct uploads *u = b->uploads;
	bool over = true;

	if (!u || u->active)
		return !u;
	if (!u->whys && !b->stopping)
		enqueue_whys(u);
	if (u->active)
		return false;
	for (size_t i = 0; i < u->nto; i++) {
		if (!u->to[i].send || cachesend_is_over(u->to[i].send))
			continue;
		cachesend_end(u->to[i].send);
		over = false;
	}
	return over;
}

void cachewrite_release(struct build *b)
{
	struct uploads *u = b->uploads;

	if (!u)
		return;
	for (size_t i = 0; i < u->nto; i++) {
		cachesend_free(u->to[i].send);
		smap_release(&u->to[i].layers);
		free(u->to[i].wrote);
	}
	free(u->to);
	for (size_t i = 0; i < u->queue.n; i++) {
		digest_list_release(&u->queue.v[i]->stack);
		free(u->queue.v[i]->made);
		free(u->queue.v[i]->why);
		free(u->queue.v[i]);
	}
	vec_release(&u->queue);
	free(u);
	b->uploads = NULL;
}
