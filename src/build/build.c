#include "src/build/build.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "src/build/cachewrite.h"
#include "src/build/ctxnamed.h"
#include "src/build/facts.h"
#include "src/build/lowers.h"
#include "src/build/remote.h"
#include "src/build/state.h"
#include "src/build/why.h"
#include "src/plan/plan_lint.h"
#include "src/sandbox/sandbox.h"
#include "src/session/blobs.h"
#include "src/session/logdir.h"
#include "src/session/sweep.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

/* --- signals --- */

static void on_signal(void *arg, int signo)
{
	struct build *b = arg;

	b->stopping = true;
	b->s->interrupted = true;
	b->s->signo = signo;
	/* Whoever waits for a worker gets its cancellation and ends by itself. */
	worker_kill_all(b->s);
	if (b->looping)
		sched_kick(b);
}

static int cancelled(const struct build *b, struct err *e)
{
	err_release(e);
	err_set(e, ERR_CANCELLED, "cancelled by %s; finished steps are kept",
		b->s->signo == SIGTERM ? "SIGTERM" : "SIGINT");
	e->sys = b->s->signo == SIGTERM ? SIGTERM : 0; /* report_status tells them apart by it */
	return -1;
}

/* --- the run --- */

static bool has_mounts(const struct build *b)
{
	for (size_t i = 0; i < b->plan->stages.n; i++)
		for (size_t k = 0; k < b->plan->stages.v[i].steps.n; k++)
			if (b->plan->stages.v[i].steps.v[k].mounts.n)
				return true;
	return false;
}

static int open_run(struct build *b, struct err *e)
{
	AUTO_FREE char *points = NULL;

	b->log_dir = logdir_open(b->s, b->o->output_directory, e);
	if (!b->log_dir || store_tmp_dir(b->s->store, "run", &b->tmp, e) < 0)
		return -1;
	points = mem_printf("%s/points", b->tmp);
	if (mkdirat(store_fd(b->s->store), points, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", points);
	if (cgroup_find(&b->o->limits, &b->cgroups, e) < 0)
		return -1;
	if (has_mounts(b) && sshagent_start(b->s, b->o, b->tmp, &b->agents, e) < 0)
		return -1;
	if (has_mounts(b) && sandbox_seccomp(false, &b->seccomp_sync, &b->seccomp_sync_len, e) < 0)
		return -1;
	return sandbox_seccomp(true, &b->seccomp, &b->seccomp_len, e);
}

static bool must_run(const struct build *b)
{
	for (size_t i = 0; i < b->plan->stages.n; i++)
		for (size_t k = b->run[i].next; b->run[i].wanted && k < b->plan->stages.v[i].steps.n; k++)
			if (plan_step_is_layer(&b->plan->stages.v[i].steps.v[k]))
				return true;
	return false;
}

/* Where the layers can be had: all of them where the entry is, so that the goal goes on from there as a whole. */
static int keep_origin(struct build *b, const struct remote_hit *h, const struct digest *diff_id, struct err *e)
{
	const struct layer_origin *o = smap_get(&b->origins, diff_id->text);

	if (store_layer_has(b->s->store, b->s->tier.form, diff_id))
		return 0;
	for (size_t i = 0; h && i < h->manifest.nlayers; i++)
		if (digest_eq(&h->rec.diff_ids.v[i], diff_id))
			return blobs_origin_put(b->s->store, diff_id, h->repo, &h->manifest.layers[i], e);
	return o ? blobs_origin_put(b->s->store, diff_id, o->repo, &o->blob, e) : 0;
}

/* What a remote entry answered is known here from now on: the record, and where its layers can be fetched. */
static void keep_remote_stage(struct build *b, size_t at)
{
	const struct stage_run *r = &b->run[at];
	const struct plan_stage *st = &b->plan->stages.v[at];
	const struct plan_step *step = r->next ? &st->steps.v[r->next - 1] : NULL;
	struct err e = ERR_INIT;

	if (!r->wanted || !r->source || strcmp(r->source, "remote") != 0 || !step)
		return;
	for (size_t k = 0; k < r->stack.n; k++) {
		if (keep_origin(b, smap_get(&b->hits, step->key.hex), &r->stack.v[k], &e) < 0) {
			session_warn(b->s, st->name, "%s", e.msg);
			err_release(&e);
			return;
		}
	}
	record_keep(b, r, st, step);
}

static void keep_remote(struct build *b)
{
	for (size_t i = 0; i < b->plan->stages.n; i++)
		keep_remote_stage(b, i);
}

static void begin_line(struct build *b)
{
	uint64_t stages = 0;
	AUTO_FREE char *text = b->s->tier.why && b->s->tier.why[0]
				       ? mem_printf("isolation: %s (%s)", tier_name(b->s->tier.tier), b->s->tier.why)
				       : mem_printf("isolation: %s", tier_name(b->s->tier.tier));

	for (size_t i = 0; i < b->plan->stages.n; i++)
		stages += b->plan->stages.v[i].needed;
	state_emit(b, &(struct event){.kind = EVENT_BEGIN, .stage = "", .text = text, .total = stages});
}

static int execute(struct build *b, struct build_result *r, struct err *e)
{
	struct err flush = ERR_INIT;

	if (must_run(b) && open_run(b, e) < 0)
		return -1;
	if (b->o->explain && !(b->why = why_load(b, e)))
		return -1;
	keep_remote(b);
	sched_run(b, e);
	if (record_flush(b, &flush) < 0)
		sched_fail(b, &flush);
	err_release(&flush);
	if (!b->s->interrupted && !err_is_set(&b->err))
		lowers_publish(b);
	if (result_publish(b, r, e) < 0)
		return -1;
	if (b->s->interrupted)
		return cancelled(b, e);
	if (err_is_set(&b->err)) {
		err_move(e, &b->err);
		return -1;
	}
	return 0;
}

static int build(struct build *b, struct build_result *r, struct err *e)
{
	static const int signos[] = {SIGINT, SIGTERM};
	struct loop_src *sig;
	int rc;

	if (build_make_plan(b, e) < 0 || session_need_tier(b->s, e) < 0)
		return -1;
	sig = loop_add_signals(b->s->loop, signos, ARRAY_LEN(signos), on_signal, b, e);
	if (!sig)
		return -1;
	begin_line(b);
	cachewrite_init(b);
	rc = build_prepare(b, e);
	if (b->s->interrupted)
		rc = cancelled(b, e);
	else if (rc == 0)
		rc = execute(b, r, e);
	/* A further signal must not cut the clean-up short. */
	for (size_t i = 0; b->s->interrupted && i < ARRAY_LEN(signos); i++)
		signal(signos[i], SIG_IGN);
	loop_remove(b->s->loop, sig);
	return rc;
}

int build_run(struct session *s, const struct build_opts *o, struct build_result *r, struct err *e)
{
	struct build b;

	*r = (struct build_result){0};
	build_begin(&b, s, o);
	int rc = build(&b, r, e);

	r->counts = b.counts;
	r->elapsed_ns = clock_mono() - b.begun;
	r->failed = b.failed;
	r->log_dir = mem_strdup_opt(b.log_dir);
	if (o->facts)
		r->facts = facts_of(&b);
	state_emit(&b, &(struct event){.kind = EVENT_END,
				       .stage = "",
				       .counts = &b.counts,
				       .elapsed_ns = r->elapsed_ns,
				       .err = rc < 0 ? e : NULL});
	if (b.tmp)
		sweep_run(s, b.tmp);
	build_end(&b);
	return rc;
}
