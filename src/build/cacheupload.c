#include "src/build/cacheupload.h"

#include <string.h>

#include "src/build/cachenote.h"
#include "src/util/mem.h"

static void next_target(struct uploads *u);

static struct cacheupload_entry *current(const struct uploads *u)
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

static bool is_written(const struct uploads *u, const struct cacheupload_target *t, const struct cacheupload_entry *en)
{
	if (t->broken)
		return false;
	if (en->use)
		return cachenote_reads(u->b, &t->place->opt);
	if (!cachepick_takes(t->place, en->stage))
		return false;
	if (en->why)
		return t->place->opt.why && t->wrote[en->stage];
	return !t->place->opt.stages_only || plan_last_layer(&u->b->plan->stages.v[en->stage]) == en->step;
}

static bool is_wanted(const struct uploads *u, const struct cacheupload_entry *en)
{
	for (size_t i = 0; i < u->nto; i++)
		if (is_written(u, &u->to[i], en))
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
		cacheupload_begin(u);
	if (!u->active)
		sched_kick(b);
}

/* A cache that cannot be written now will not be in a minute: one warning, and no waiting for it again. */
static void warn(struct uploads *u, struct err *e)
{
	struct cacheupload_target *t = &u->to[u->target];
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

/* A blob of this layer that was met somewhere: only its digest is here. Those of other places stay as they are. */
static bool find_elsewhere(struct uploads *u, size_t i, struct descriptor *out, char **from)
{
	const struct digest *diff_id = &current(u)->stack.v[i];
	const struct layer_origin *o = smap_get(&u->b->origins, diff_id->text);

	if (o) {
		*from = mem_strdup(o->repo);
		descriptor_copy(out, &o->blob);
	} else if (!blobs_origin_get(u->b->s->store, diff_id, from, out)) {
		return blobs_remembered(&u->request, i, out);
	}
	if (cacheopt_dir(*from))
		session_hold_dir(u->b->s, cacheopt_dir(*from));
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
	if (find_elsewhere(u, i, &u->descs[i], &u->from[i]) && (u->from[i] || !u->certain)) {
		u->assumed |= !u->certain;
		return 1;
	}
	return tree ? 0 : -1;
}

/* Number of layers to be packed; -1: the entry cannot be offered. */
static ssize_t find_layers(struct uploads *u)
{
	const struct cacheupload_entry *en = current(u);
	const struct cacheopt *to = &u->to[u->target].place->opt;
	ssize_t pack = 0;

	forget_layers(u);
	u->descs = mem_zalloc((en->stack.n + 1) * sizeof *u->descs);
	u->from = mem_zalloc((en->stack.n + 1) * sizeof *u->from);
	u->assumed = false;
	u->request = (struct blobs_request){
		.s = u->b->s, .diff_ids = &en->stack, .codec = to->codec, .exact = to->codec_given, .out = u->descs};
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
	const struct cacheupload_entry *en = current(u);

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
	if (kind == CACHEJOB_USE)
		job->text = cachenote_text(u->b, &u->to[u->target].place->opt, en->built);
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

static bool is_upload(enum cachejob_kind kind)
{
	return kind == CACHEJOB_WRITE || kind == CACHEJOB_WHY;
}

static int send_job(struct uploads *u, enum cachejob_kind kind, struct err *e)
{
	AUTO_CACHEJOB struct cachejob job = {0};

	describe(u, kind, &job);
	u->sent = kind;
	if (cachesend_job(u->to[u->target].send, &job, e) < 0)
		return -1;
	if (is_upload(kind))
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

static void end_target(struct uploads *u)
{
	u->target++;
	next_target(u);
}

/* The answer to a question. */
static void on_asked(struct uploads *u, const struct json *answer, struct err *e)
{
	if (err_is_set(e)) {
		give_up_target(u, e);
	} else if (json_get_bool(answer, "there", false)) {
		note_layers(u);
		end_target(u);
	} else {
		write_entry(u);
	}
}

static void on_answer(void *ctx, const struct json *answer, struct err *e)
{
	struct uploads *u = ctx;
	uint64_t sent = (uint64_t)json_get_int(answer, "sent", 0);

	u->b->counts.bytes_out += sent;
	if (is_upload(u->sent)) {
		tell_upload(u, EVENT_UPLOAD_DONE, sent, e);
		err_move(&u->send_err, e);
		end_write(u);
	} else if (u->sent == CACHEJOB_ASK) {
		on_asked(u, answer, e);
	} else { /* not to know of a use makes a later collection wrong, no build */
		err_release(e);
		end_target(u);
	}
}

static void on_over(void *ctx)
{
	struct uploads *u = ctx;

	sched_kick(u->b);
}

static int begin_target(struct uploads *u, struct err *e)
{
	struct cacheupload_target *t = &u->to[u->target];

	if (!t->send)
		t->send = cachesend_new(u->b, &t->place->opt, on_answer, on_over, u, e);
	if (!t->send)
		return -1;
	u->certain = u->assumed = false;
	if (current(u)->use)
		return send_job(u, CACHEJOB_USE, e);
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
	while (u->target < u->nto && !is_written(u, &u->to[u->target], current(u)))
		u->target++;
	if (u->target == u->nto || u->b->stopping)
		end_entry(u);
	else if (begin_target(u, &e) < 0)
		give_up_target(u, &e);
}

void cacheupload_begin(struct uploads *u)
{
	u->active = true;
	u->target = 0;
	next_target(u);
}
