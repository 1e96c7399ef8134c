/* From options to knowing what must run; and what only shows that. */
#include <string.h>

#include "src/build/cachewrite.h"
#include "src/build/ctxnamed.h"
#include "src/build/lockfile.h"
#include "src/build/remote.h"
#include "src/build/roots.h"
#include "src/build/state.h"
#include "src/build/why.h"
#include "src/plan/plan_lint.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

/* --- the plan --- */

static int check_operands(const struct build_opts *o, struct err *e)
{
	if (o->file && o->paths.n > 1)
		return err_set(e, ERR_USAGE, "-f goes with one context, and %zu are named", o->paths.n);
	return 0;
}

static int load(struct build *b, struct err *e)
{
	const struct context *c = &b->context;
	const struct build_opts *o = b->o;
	struct plan *p = b->plan;

	for (size_t i = 0; i < o->contexts.n; i++)
		if (ctxnamed_add(b, o->contexts.v[i], e) < 0)
			return -1;
	p->shown = c->shown;
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

static int set_before(struct plan *p, unsigned before, struct err *e)
{
	struct plan_stage *goal = NULL;

	for (size_t i = 0; i < p->stages.n; i++) {
		if (p->stages.v[i].goal && goal)
			return err_set(e, ERR_USAGE, "@%u is of one goal, but there are several", before);
		if (p->stages.v[i].goal)
			goal = &p->stages.v[i];
	}
	/* One behind the last is the state at the end. */
	if (!goal || before > goal->df->instrs.n + 1)
		return err_set(e, ERR_INPUT, "stage %s has %zu steps: there is no @%u", goal ? goal->name : "?",
			       goal ? goal->df->instrs.n : 0, before);
	goal->before = before;
	return 0;
}

/* Before anything is looked up there. */
static void hold_caches(struct build *b)
{
	for (size_t i = 0; i < b->caches.from.n; i++) {
		const char *dir = cacheopt_dir(b->caches.from.v[i].opt.repo);

		if (dir)
			session_hold_dir(b->s, dir);
	}
}

int build_make_plan(struct build *b, struct err *e)
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
	if (check_operands(o, e) < 0 || context_prepare(b->s, o, &b->context, e) < 0 || load(b, e) < 0 ||
	    plan_select_goals(p, &o->goals, e) < 0 || check_tags(p, o, e) < 0)
		return -1;
	if (o->before && set_before(p, o->before, e) < 0)
		return -1;
	if (o->all_stages)
		add_all_stages(p);
	if ((o->force_rebuild || o->force_rebuild_from.n) && plan_force(p, &o->force_rebuild_from, e) < 0)
		return -1;
	if (filter_cache(p, &o->no_cache_filter, e) < 0)
		return -1;
	if (cachepick_init(o, p, &b->caches, e) < 0)
		return -1;
	hold_caches(b);
	return 0;
}

/* Warnings of the evaluation and of the Dockerfiles' checks; an error if a Dockerfile asks for it. */
int build_check_files(struct build *b, struct err *e)
{
	int rc = plan_lint(b->plan, e);

	for (size_t i = 0; i < b->plan->warnings.n; i++)
		session_warn(b->s, b->plan->warnings.v[i].stage, "%s", b->plan->warnings.v[i].text);
	return rc;
}

/* Base images bring triggers, which may need further stages and images. */
static int resolve(struct build *b, struct err *e)
{
	bool more = true;

	while (more)
		if (lockfile_apply(b, e) < 0 || resolve_images(b, e) < 0 || lockfile_check(b, e) < 0 ||
		    plan_link_triggers(b->plan, &more, e) < 0)
			return -1;
	return 0;
}

int build_prepare(struct build *b, struct err *e)
{
	if (resolve(b, e) < 0 || plan_evaluate(b->plan, false, e) < 0 || build_check_files(b, e) < 0 ||
	    remote_fetch_all(b, e) < 0 || ctxnamed_fetch(b, e) < 0 || scan_contexts(b, e) < 0)
		return -1;
	plan_keys(b->plan);
	b->run = mem_zalloc((b->plan->stages.n + 1) * sizeof *b->run);
	return lookup_all(b, e);
}

/* --- a build's state --- */

static unsigned default_jobs(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

void build_begin(struct build *b, struct session *s, const struct build_opts *o)
{
	*b = (struct build){.s = s, .o = o, .begun = clock_mono(), .begun_wall = clock_wall()};
	b->jobs = o->jobs ? o->jobs : default_jobs();
	b->trees = b->origins = b->lossy = b->large = b->hits = b->misses = b->running = SMAP_INIT(NULL);
}

void build_end(struct build *b)
{
	for (size_t i = 0; b->plan && b->run && i < b->plan->stages.n; i++) {
		digest_list_release(&b->run[i].stack);
		buf_release(&b->run[i].made);
	}
	for (size_t i = 0; i < b->pending.n; i++)
		clocal_release(&b->pending.v[i]);
	vec_release(&b->pending);
	for (size_t i = 0; i < b->notify.n; i++)
		close(b->notify.v[i]);
	vec_release(&b->notify);
	cachewrite_release(b);
	cachepick_release(&b->caches);
	sshagent_release(&b->agents);
	context_release(b->s, &b->context);
	trees_release(b);
	roots_release(b);
	smap_release(&b->large);
	smap_release(&b->lossy);
	sched_release(b);
	why_free(b->why);
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
	if (plan_evaluate(b->plan, true, e) < 0 || build_check_files(b, e) < 0)
		return -1;
	*out = plan_dump(b->plan, NULL);
	return 0;
}

int build_plan(struct session *s, const struct build_opts *o, struct json **out, struct err *e)
{
	struct build b;
	int rc;

	build_begin(&b, s, o);
	b.planning = true;
	rc = build_make_plan(&b, e);
	if (rc == 0)
		show_all(&b);
	if (rc == 0 && o->offline)
		rc = plan_offline(&b, out, e);
	else if (rc == 0 && session_need_tier(s, e) == 0 && build_prepare(&b, e) == 0)
		*out = dump_states(&b);
	else
		rc = -1;
	build_end(&b);
	return rc;
}

int build_lock(struct session *s, const struct build_opts *o, struct json **out, struct err *e)
{
	struct build b;
	int rc;

	build_begin(&b, s, o);
	rc = build_make_plan(&b, e);
	if (rc == 0)
		show_all(&b);
	if (rc == 0)
		rc = resolve_images(&b, e);
	if (rc == 0)
		*out = lockfile_make(&b);
	build_end(&b);
	return rc;
}
