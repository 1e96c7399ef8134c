/* Cache records of finished steps. A record names trees, so it is written only after they are durable: one syncfs for a
 * batch of steps, at intervals and at the end. */
#include <string.h>

#include "src/build/lossy.h"
#include "src/build/state.h"
#include "src/cache/inputs.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

#define FLUSH_INTERVAL_NS (3 * CLOCK_NS_PER_S)

struct flush {
	struct build *b;
	size_t n; /* records of the batch: the first n of the pending ones */
};

static int sync_store(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct build *b = arg;

	(void)w;
	(void)result;
	return store_sync(b->s->store, e);
}

static int write_records(struct build *b, size_t n, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			rc = clocal_put(b->s->store, &b->pending.v[i], e);
		clocal_release(&b->pending.v[i]);
	}
	b->pending.n -= n;
	memmove(b->pending.v, b->pending.v + n, b->pending.n * sizeof *b->pending.v);
	return rc;
}

static void flushed(void *ctx, const struct json *result, struct err *e)
{
	struct flush *f = ctx;
	struct build *b = f->b;

	(void)result;
	/* What was cancelled is done again at the end. */
	if ((err_is_set(e) || write_records(b, f->n, e) < 0) && !b->stopping)
		session_warn(b->s, "", "cache records could not be written: %s", e->msg);
	free(f);
	b->flushing = false;
	sched_kick(b);
}

/* In the background, while further steps run. */
static void flush_later(void *arg)
{
	struct build *b = arg;
	struct flush *f = mem_new(struct flush);
	struct err e = ERR_INIT;

	loop_remove(b->s->loop, b->flush_timer);
	b->flush_timer = NULL;
	b->flushing = true;
	*f = (struct flush){.b = b, .n = b->pending.n};
	struct worker_spec spec = {.role = "sync", .fn = sync_store, .arg = b, .done = flushed, .ctx = f};

	if (!worker_start(b->s, &spec, &e)) {
		err_release(&e);
		free(f);
		b->flushing = false;
	}
}

void record_layer(struct build *b, const struct layer_info *info)
{
	const struct store_layer_rec rec = {
		.diff_id = info->diff_id, .size = info->size, .entries = info->entries, .lossy = info->lossy};
	struct err e = ERR_INIT;

	if (store_layer_rec_made(b->s->store, &rec, &e) < 0)
		session_warn(b->s, "", "record of layer %s: %s", info->diff_id.text, e.msg);
	err_release(&e);
}

/* Which step it is and what it was made of, for slct why. */
static void describe(const struct plan_stage *st, const struct plan_step *step, const struct json *why,
		     struct clocal *rec)
{
	char *file = realpath(st->file, NULL);

	rec->inputs = inputs_mask(why);
	rec->stage = mem_strdup(st->name);
	rec->file = file ? file : mem_strdup(st->file);
	rec->n = step->n;
}

static struct clocal *add(struct build *b, const struct ckey *key, const struct stage_run *r,
			  const struct plan_stage *st, const struct plan_step *step, struct json *why)
{
	struct clocal rec = {.key = *key, .made = mem_strdup(buf_str(&r->made)), .built = r->built};

	AUTO_FREE char *text = inputs_mask_text(step->text);

	if (r->lossy || lossy_stack(b, &r->stack))
		lossy_key(b, key, &rec.key);
	rec.step = mem_printf("%s %u %s", st->name, step->n, text);
	if (why)
		describe(st, step, why, &rec);
	digest_list_copy(&rec.diff_ids, &r->stack);
	vec_push(&b->pending, rec);
	return &b->pending.v[b->pending.n - 1];
}

static void flush_soon(struct build *b, struct err *e)
{
	if (!b->flush_timer && !b->flushing && !b->o->scratch)
		b->flush_timer = loop_add_timer(b->s->loop, FLUSH_INTERVAL_NS, 0, flush_later, b, e);
}

void record_add(struct build *b, const struct ckey *content, const struct stage_run *r, const struct plan_stage *st,
		const struct plan_step *step)
{
	struct err e = ERR_INIT;

	if (ckey_is_set(&step->key))
		add(b, &step->key, r, st, step, step->why)->run = b->begun_wall;
	if (strcmp(content->hex, step->key.hex) != 0)
		add(b, content, r, st, step, NULL);
	flush_soon(b, &e);
	err_release(&e);
}

void record_keep(struct build *b, const struct stage_run *r, const struct plan_stage *st, const struct plan_step *step)
{
	struct err e = ERR_INIT;

	if (!ckey_is_set(&step->key))
		return;
	add(b, &step->key, r, st, step, step->why);
	flush_soon(b, &e);
	err_release(&e);
}

void record_alias(struct build *b, const struct ckey *content, const struct stage_run *r, const struct plan_stage *st,
		  const struct plan_step *step)
{
	if (strcmp(content->hex, step->key.hex) != 0)
		record_keep(b, r, st, step);
}

int record_flush(struct build *b, struct err *e)
{
	loop_remove(b->s->loop, b->flush_timer);
	b->flush_timer = NULL;
	if (!b->pending.n || b->o->scratch)
		return 0;
	if (store_sync(b->s->store, e) < 0)
		return -1;
	return write_records(b, b->pending.n, e);
}
