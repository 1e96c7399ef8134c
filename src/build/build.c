#include "src/build/build.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "src/build/blobs.h"
#include "src/build/logdir.h"
#include "src/build/lowers.h"
#include "src/build/remote.h"
#include "src/build/roots.h"
#include "src/build/state.h"
#include "src/build/sweep.h"
#include "src/build/cachewrite.h"
#include "src/plan/plan_lint.h"
#include "src/sandbox/sandbox.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

/* --- options and results --- */

void build_opts_init(struct build_opts *o)
{
	*o = (struct build_opts){.args = SMAP_STR, .labels = SMAP_STR, .annotations = SMAP_STR, .source_date_epoch = -1};
}

void build_secret_list_release(struct build_secret_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].id);
		free(l->v[i].file);
		free(l->v[i].env);
		strv_release(&l->v[i].keys);
	}
	vec_release(l);
}

void build_opts_release(struct build_opts *o)
{
	struct strv *lists[] = {&o->paths,      &o->goals,    &o->tags,
				&o->cache_from, &o->cache_to, &o->force_rebuild_from,
				&o->add_hosts,  &o->contexts, &o->ulimits, &o->no_cache_filter};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		strv_release(lists[i]);
	smap_release(&o->args);
	smap_release(&o->labels);
	smap_release(&o->annotations);
	build_secret_list_release(&o->secrets);
	build_secret_list_release(&o->ssh);
	free(o->file);
	free(o->target);
	free(o->flavor_root);
	free(o->output_directory);
	free(o->names_repo);
	free(o->names_prefix);
	free(o->names_build);
}

void build_result_release(struct build_result *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].stage);
		free(r->v[i].name);
		free(r->v[i].flavor);
		free(r->v[i].key);
	}
	vec_release(r);
	free(r->log_dir);
	r->log_dir = NULL;
}

/* --- planning --- */

static int check_operands(const struct build_opts *o, struct err *e)
{
	if (o->file && o->paths.n > 1)
		return err_set(e, ERR_USAGE, "-f goes with one context, and %zu are named", o->paths.n);
	return 0;
}

static int load(struct plan *p, const struct context *c, const struct build_opts *o, struct err *e)
{
	for (size_t i = 0; i < o->contexts.n; i++)
		if (plan_add_named(p, o->contexts.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < c->paths.n; i++) {
		const char *path = c->paths.v[i];
		bool flavor = !c->file && flavor_is_flavor(path);
		int rc = flavor ? plan_add_flavor(p, path, o->flavor_root, e)
				: plan_add_context(p, path, c->file, o->target, e);

		if (rc < 0)
			return -1;
	}
	return 0;
}

static int check_tags(const struct plan *p, const struct build_opts *o, struct err *e)
{
	size_t goals = 0;

	for (size_t i = 0; i < p->stages.n; i++)
		goals += p->stages.v[i].goal;
	if (o->tags.n && goals > 1) {
		err_set(e, ERR_USAGE, "-t names one image, but there are %zu goals", goals);
		return err_hint(e, "choose one with --goal");
	}
	return 0;
}

/* Stages of flavors that the goals need, but not the inner stages of their Dockerfiles. */
static void add_all_stages(struct plan *p)
{
	for (size_t i = 0; i < p->stages.n; i++) {
		struct plan_stage *st = &p->stages.v[i];

		if (!st->needed || st->goal || !st->flavor || strchr(st->name, ':'))
			continue;
		st->goal = st->extra = true;
	}
}

/* Unlike --force-rebuild-from, what depends on such a stage is run only if its result is another one. */
static int filter_cache(struct plan *p, const struct strv *names, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		struct sv rest = sv_from(names->v[i]);

		while (rest.p) {
			AUTO_FREE char *name = sv_dup(sv_cut(&rest, ','));
			size_t at = plan_find_stage(p, name, e);

			if (at == PLAN_NONE)
				return err_wrap(e, "--no-cache-filter");
			p->stages.v[at].forced = p->stages.v[at].needed;
		}
	}
	return 0;
}

static int make_plan(struct build *b, struct err *e)
{
	const struct build_opts *o = b->o;
	struct plan *p = b->plan = plan_new();

	if (o->platform.os[0])
		p->platform = o->platform;
	p->build_args = &o->args;
	p->labels = &o->labels;
	p->timestamps_real = o->timestamps_real;
	p->source_date_epoch = o->source_date_epoch;
	p->net_none = o->network_none;
	p->add_hosts = &o->add_hosts;
	p->shm_size = o->shm_size;
	p->ulimits = &o->ulimits;
	p->allow_insecure = o->allow_insecure;
	if (check_operands(o, e) < 0 || context_prepare(b->s, o, &b->context, e) < 0 || load(p, &b->context, o, e) < 0 ||
	    plan_select_goals(p, &o->goals, e) < 0 ||
	    check_tags(p, o, e) < 0)
		return -1;
	if (o->all_stages)
		add_all_stages(p);
	if ((o->force_rebuild || o->force_rebuild_from.n) && plan_force(p, &o->force_rebuild_from, e) < 0)
		return -1;
	return filter_cache(p, &o->no_cache_filter, e);
}

/* Warnings of the evaluation and of the Dockerfiles' checks; an error if a Dockerfile asks for it. */
static int check_files(struct build *b, struct err *e)
{
	int rc = plan_lint(b->plan, e);

	for (size_t i = 0; i < b->plan->warnings.n; i++)
		session_warn(b->s, b->plan->warnings.v[i].stage, "%s", b->plan->warnings.v[i].text);
	return rc;
}

/* Everything up to knowing what must run. */
static int prepare(struct build *b, struct err *e)
{
	if (resolve_images(b, e) < 0 || plan_evaluate(b->plan, false, e) < 0 || check_files(b, e) < 0 ||
	    remote_fetch_all(b, e) < 0 || scan_contexts(b, e) < 0)
		return -1;
	plan_keys(b->plan);
	b->run = mem_zalloc((b->plan->stages.n + 1) * sizeof *b->run);
	return lookup_all(b, e);
}

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

	b->log_dir = logdir_open(b->s->store, b->o->output_directory, e);
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
		const struct layer_origin *o = smap_get(&b->origins, r->stack.v[k].text);

		if (o && !store_layer_has(b->s->store, b->s->tier.form, &r->stack.v[k]) &&
		    blobs_origin_put(b->s->store, &r->stack.v[k], o->repo, &o->blob, &e) < 0) {
			session_warn(b->s, st->name, "%s", e.msg);
			err_release(&e);
			return;
		}
	}
	record_add(b, &step->key, r, st, step);
}

static void keep_remote(struct build *b)
{
	for (size_t i = 0; i < b->plan->stages.n; i++)
		keep_remote_stage(b, i);
}

static void begin_line(struct build *b)
{
	uint64_t stages = 0;
	AUTO_FREE char *text =
		b->s->tier.why && b->s->tier.why[0]
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

	if (make_plan(b, e) < 0 || session_need_tier(b->s, e) < 0)
		return -1;
	sig = loop_add_signals(b->s->loop, signos, ARRAY_LEN(signos), on_signal, b, e);
	if (!sig)
		return -1;
	begin_line(b);
	rc = cachewrite_init(b, e);
	if (rc == 0)
		rc = prepare(b, e);
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

static unsigned default_jobs(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

static void release(struct build *b)
{
	for (size_t i = 0; b->plan && b->run && i < b->plan->stages.n; i++) {
		digest_list_release(&b->run[i].stack);
		buf_release(&b->run[i].made);
	}
	for (size_t i = 0; i < b->pending.n; i++)
		clocal_release(&b->pending.v[i]);
	vec_release(&b->pending);
	cachewrite_release(b);
	sshagent_release(&b->agents);
	context_release(b->s, &b->context);
	trees_release(b);
	roots_release(b);
	smap_release(&b->large);
	sched_release(b);
	smap_release(&b->running);
	smap_release(&b->hits);
	smap_release(&b->misses);
	free(b->run);
	plan_free(b->plan);
	free(b->tmp);
	free(b->log_dir);
	free(b->seccomp);
	free(b->seccomp_sync);
	cgroup_leave(&b->cgroups);
	err_release(&b->err);
}

static void init(struct build *b, struct session *s, const struct build_opts *o)
{
	*b = (struct build){.s = s, .o = o, .begun = clock_mono()};
	b->jobs = o->jobs ? o->jobs : default_jobs();
	b->trees = b->origins = b->large = b->hits = b->misses = b->running = SMAP_INIT(NULL);
}

int build_run(struct session *s, const struct build_opts *o, struct build_result *r, struct err *e)
{
	struct build b;

	*r = (struct build_result){0};
	init(&b, s, o);
	int rc = build(&b, r, e);

	r->counts = b.counts;
	r->elapsed_ns = clock_mono() - b.begun;
	r->log_dir = mem_strdup_opt(b.log_dir);
	state_emit(&b, &(struct event){.kind = EVENT_END,
				       .stage = "",
				       .counts = &b.counts,
				       .elapsed_ns = r->elapsed_ns,
				       .err = rc < 0 ? e : NULL});
	if (b.tmp)
		sweep_run(s, b.tmp);
	release(&b);
	return rc;
}

/* --- plan --- */

static struct json *dump_states(struct build *b)
{
	size_t n = b->plan->stages.n;
	struct plan_states st = {.stage = mem_zalloc((n + 1) * sizeof *st.stage),
				 .step = mem_zalloc((n + 1) * sizeof *st.step)};
	struct json *j;

	for (size_t i = 0; i < n; i++)
		st.step[i] = mem_zalloc((b->plan->stages.v[i].steps.n + 1) * sizeof **st.step);
	lookup_states(b, &st);
	j = plan_dump(b->plan, &st);
	for (size_t i = 0; i < n; i++)
		free(st.step[i]);
	free(st.step);
	free(st.stage);
	return j;
}

/* Without --goal all stages are shown, those outside the default goals too. */
static void show_all(struct build *b)
{
	for (size_t i = 0; i < b->plan->stages.n && !b->o->goals.n; i++)
		b->plan->stages.v[i].needed = true;
}

static int plan_offline(struct build *b, struct json **out, struct err *e)
{
	if (plan_evaluate(b->plan, true, e) < 0 || check_files(b, e) < 0)
		return -1;
	*out = plan_dump(b->plan, NULL);
	return 0;
}

int build_plan(struct session *s, const struct build_opts *o, struct json **out, struct err *e)
{
	struct build b;
	int rc;

	init(&b, s, o);
	b.planning = true;
	rc = make_plan(&b, e);
	if (rc == 0)
		show_all(&b);
	if (rc == 0 && o->offline)
		rc = plan_offline(&b, out, e);
	else if (rc == 0 && session_need_tier(s, e) == 0 && prepare(&b, e) == 0)
		*out = dump_states(&b);
	else
		rc = -1;
	release(&b);
	return rc;
}
