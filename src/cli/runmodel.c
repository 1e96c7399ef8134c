#include "src/cli/runmodel.h"

#include <string.h>

#include "src/util/mem.h"

static const struct {
	const char *fact, *text, *class_name;
} runmodel_results[] = {
	[RUNMODEL_BUILT] = {"built", "built", "built"},
	[RUNMODEL_LOCAL] = {"local", "cached here", "local"},
	[RUNMODEL_REMOTE] = {"remote", "cached remotely", "remote"},
	[RUNMODEL_FAILED] = {"failed", "failed", "failed"},
	[RUNMODEL_SKIPPED] = {"stopped", "skipped", "skipped"},
	[RUNMODEL_UNNEEDED] = {"unneeded", "not needed", "unneeded"},
	[RUNMODEL_UNKNOWN] = {"", "not begun", "unneeded"},
};

const char *runmodel_result_text(enum runmodel_result r)
{
	return runmodel_results[r].text;
}

const char *runmodel_result_class(enum runmodel_result r)
{
	return runmodel_results[r].class_name;
}

static enum runmodel_result runmodel_result(const char *fact)
{
	for (size_t i = 0; fact && i < RUNMODEL_UNKNOWN; i++)
		if (strcmp(fact, runmodel_results[i].fact) == 0)
			return (enum runmodel_result)i;
	return RUNMODEL_UNKNOWN;
}

static const char *runmodel_str(const struct json *j, const char *key)
{
	const char *s = json_get_str(j, key);

	return s ? s : "";
}

static size_t runmodel_find(const struct runmodel *m, const char *name)
{
	for (size_t i = 0; name && i < m->stages.n; i++)
		if (strcmp(m->stages.v[i].name, name) == 0)
			return i;
	return RUNMODEL_NONE;
}

/* --- stages --- */

static void runmodel_sizes(struct runmodel_stage *st)
{
	const struct json *layers = json_get(st->facts, "layers");

	for (size_t i = 0; i < json_len(layers); i++) {
		const struct json *one = json_at(layers, i);
		uint64_t size = (uint64_t)json_get_int(one, "size", 0);

		st->size += size;
		st->own += strcmp(runmodel_str(one, "stage"), st->name) == 0 ? size : 0;
	}
}

static void runmodel_times(struct runmodel_stage *st)
{
	for (size_t i = 0; st->log && i < st->log->steps.n; i++) {
		const struct runlog_step *s = &st->log->steps.v[i];

		if (s->state == RUNLOG_CACHED)
			continue;
		st->ran++;
		st->busy_ns += s->ended - s->begun;
	}
}

static void runmodel_add_stage(struct runmodel *m, const struct json *facts, const struct runlog *log)
{
	struct runmodel_stage st = {.name = runmodel_str(facts, "name"),
				    .flavor = json_get_str(facts, "flavor"),
				    .result = runmodel_result(json_get_str(facts, "result")),
				    .goal = json_get_bool(facts, "goal", false),
				    .facts = facts};

	st.label = st.name;
	st.log = smap_get(&log->stages, st.name);
	runmodel_sizes(&st);
	runmodel_times(&st);
	m->results[st.result]++;
	vec_push(&m->stages, st);
}

/* Stages of the facts, each behind what it needs and near to it: depth first, without recursion, as chains are long. */
struct runmodel_order {
	const struct json *list;
	struct smap index; /* name → size_t, place in the list */
	size_t *next;	   /* by place: the need to look at next */
	bool *entered;
	VEC_OF(size_t) way;
};

static void runmodel_enter(struct runmodel_order *o, size_t at)
{
	if (o->entered[at])
		return;
	o->entered[at] = true;
	vec_push(&o->way, at);
}

/* One step on the way; the stage that is done with, or RUNMODEL_NONE. */
static size_t runmodel_walk(struct runmodel_order *o)
{
	size_t at = o->way.v[o->way.n - 1];
	const struct json *needs = json_get(json_at(o->list, at), "needs");
	const char *name = json_get_str(json_at(needs, o->next[at]), "stage");
	const size_t *found = name ? smap_get(&o->index, name) : NULL;

	if (o->next[at]++ >= json_len(needs)) {
		o->way.n--;
		return at;
	}
	if (found)
		runmodel_enter(o, *found);
	return RUNMODEL_NONE;
}

static void runmodel_add_stages(struct runmodel *m, const struct json *list, const struct runlog *log)
{
	size_t n = json_len(list);
	AUTO_FREE size_t *next = mem_zalloc((n + 1) * sizeof *next);
	AUTO_FREE bool *entered = mem_zalloc(n + 1);
	struct runmodel_order o = {.list = list, .index = SMAP_INIT(free), .next = next, .entered = entered};

	for (size_t i = 0; i < n; i++)
		smap_set(&o.index, runmodel_str(json_at(list, i), "name"), mem_dup(&i, sizeof i));
	for (size_t i = 0; i < n; i++) {
		runmodel_enter(&o, i);
		while (o.way.n) {
			size_t done = runmodel_walk(&o);

			if (done != RUNMODEL_NONE)
				runmodel_add_stage(m, json_at(list, done), log);
		}
	}
	vec_release(&o.way);
	smap_release(&o.index);
}

static void runmodel_add_needs(struct runmodel *m, struct runmodel_stage *st)
{
	const struct json *needs = json_get(st->facts, "needs");

	for (size_t i = 0; i < json_len(needs); i++) {
		const struct json *one = json_at(needs, i);
		const char *kind = runmodel_str(one, "kind"), *stage = json_get_str(one, "stage");
		struct runmodel_need n = {runmodel_find(m, stage), json_get_str(one, "ref"),
					  strcmp(kind, "from") == 0 || strcmp(kind, "image") == 0};

		if (n.stage != RUNMODEL_NONE || n.image)
			vec_push(&st->needs, n);
	}
}

/* Where all stages are of one flavor, its name says nothing. */
static void runmodel_labels(struct runmodel *m)
{
	const char *last = NULL;

	for (size_t i = 0; i < m->stages.n; i++) {
		const char *flavor = m->stages.v[i].flavor;

		if (flavor && (!last || strcmp(flavor, last) != 0)) {
			m->flavors++;
			last = flavor;
		}
	}
	for (size_t i = 0; i < m->stages.n; i++) {
		struct runmodel_stage *st = &m->stages.v[i];
		size_t n = st->flavor ? strlen(st->flavor) : 0;

		if (n && strncmp(st->name, st->flavor, n) == 0 && st->name[n] == '/')
			st->label = st->name + n + 1;
	}
}

/* --- spans --- */

static int runmodel_by_begin(const void *a, const void *b)
{
	const struct runmodel_span *p = a, *q = b;

	if (p->step->begun != q->step->begun)
		return p->step->begun < q->step->begun ? -1 : 1;
	return p->stage < q->stage ? -1 : p->stage > q->stage;
}

static void runmodel_spans(struct runmodel *m)
{
	for (size_t i = 0; i < m->stages.n; i++) {
		const struct runlog_stage *log = m->stages.v[i].log;

		for (size_t k = 0; log && k < log->steps.n; k++)
			if (log->steps.v[k].state != RUNLOG_CACHED)
				vec_push(&m->spans, (struct runmodel_span){.stage = i,
									   .step = &log->steps.v[k],
									   .before = RUNMODEL_NONE});
	}
	if (m->spans.n)
		qsort(m->spans.v, m->spans.n, sizeof *m->spans.v, runmodel_by_begin);
}

static void runmodel_lanes(struct runmodel *m)
{
	VEC_OF(int64_t) busy = {0};

	for (size_t i = 0; i < m->spans.n; i++) {
		size_t lane = 0;

		while (lane < busy.n && busy.v[lane] > m->spans.v[i].step->begun)
			lane++;
		if (lane == busy.n)
			vec_push(&busy, 0);
		busy.v[lane] = m->spans.v[i].step->ended;
		m->spans.v[i].lane = lane;
	}
	m->lanes = busy.n;
	vec_release(&busy);
}

/* --- the critical path --- */

struct runmodel_search {
	const struct runmodel *m;
	int64_t until; /* spans that ended later are of no interest */
	bool *seen;    /* stages */
	size_t best;
};

/* The last span of a stage, or if none of its steps ran, of what it needs. */
static void runmodel_last_of(struct runmodel_search *s, size_t stage)
{
	bool any = false;

	if (stage == RUNMODEL_NONE || s->seen[stage])
		return;
	s->seen[stage] = true;
	for (size_t i = 0; i < s->m->spans.n; i++) {
		const struct runmodel_span *sp = &s->m->spans.v[i];

		if (sp->stage != stage)
			continue;
		any = true;
		if (sp->step->ended <= s->until &&
		    (s->best == RUNMODEL_NONE || sp->step->ended > s->m->spans.v[s->best].step->ended))
			s->best = i;
	}
	for (size_t i = 0; !any && i < s->m->stages.v[stage].needs.n; i++)
		runmodel_last_of(s, s->m->stages.v[stage].needs.v[i].stage);
}

static const struct json *runmodel_step_facts(const struct runmodel_stage *st, unsigned n)
{
	const struct json *steps = json_get(st->facts, "steps");

	for (size_t i = 0; i < json_len(steps); i++)
		if (json_get_int(json_at(steps, i), "n", 0) == n)
			return json_at(steps, i);
	return NULL;
}

/* What a step had to wait for: the step before it in its stage, or what its stage stands on; and what it reads. */
static size_t runmodel_before(const struct runmodel *m, size_t at)
{
	const struct runmodel_span *sp = &m->spans.v[at];
	const struct runmodel_stage *st = &m->stages.v[sp->stage];
	const struct json *reads = json_get(runmodel_step_facts(st, sp->step->n), "reads");
	AUTO_FREE bool *seen = mem_zalloc(m->stages.n + 1);
	struct runmodel_search s = {m, sp->step->begun, seen, RUNMODEL_NONE};

	runmodel_last_of(&s, sp->stage);
	for (size_t i = 0; s.best == RUNMODEL_NONE && i < st->needs.n; i++)
		if (st->needs.v[i].base)
			runmodel_last_of(&s, st->needs.v[i].stage);
	for (size_t i = 0; i < json_len(reads); i++)
		runmodel_last_of(&s, runmodel_find(m, json_str(json_at(reads, i))));
	return s.best == at ? RUNMODEL_NONE : s.best;
}

/* From the span that ended last back to one that waited for none; each ended before the next began, so it ends. */
static void runmodel_critical(struct runmodel *m)
{
	size_t at = RUNMODEL_NONE, n;

	for (size_t i = 0; i < m->spans.n; i++)
		if (at == RUNMODEL_NONE || m->spans.v[i].step->ended > m->spans.v[at].step->ended)
			at = i;
	for (; at != RUNMODEL_NONE && !m->spans.v[at].critical; at = m->spans.v[at].before) {
		m->spans.v[at].critical = true;
		m->spans.v[at].before = runmodel_before(m, at);
		vec_push(&m->critical, at);
	}
	n = m->critical.n;
	for (size_t i = 0; i < n / 2; i++) {
		size_t other = m->critical.v[i];

		m->critical.v[i] = m->critical.v[n - 1 - i];
		m->critical.v[n - 1 - i] = other;
	}
}

/* --- layers --- */

static int runmodel_by_size(const void *a, const void *b)
{
	const struct runmodel_layer *p = a, *q = b;

	if (p->size != q->size)
		return p->size > q->size ? -1 : 1;
	return strcmp(p->id, q->id);
}

static void runmodel_add_layer(struct runmodel *m, struct smap *known, const struct json *one)
{
	const char *id = runmodel_str(one, "id");

	if (smap_has(known, id))
		return;
	smap_set(known, id, NULL);
	vec_push(&m->layers, (struct runmodel_layer){.id = id,
						     .size = (uint64_t)json_get_int(one, "size", 0),
						     .stage = runmodel_find(m, json_get_str(one, "stage")),
						     .n = (unsigned)json_get_int(one, "n", 0),
						     .image = json_get_str(one, "image")});
}

static void runmodel_layers(struct runmodel *m)
{
	AUTO_SMAP struct smap known = SMAP_INIT(NULL);

	for (size_t i = 0; i < m->stages.n; i++) {
		const struct json *layers = json_get(m->stages.v[i].facts, "layers");

		for (size_t k = 0; k < json_len(layers); k++)
			runmodel_add_layer(m, &known, json_at(layers, k));
	}
	if (m->layers.n)
		qsort(m->layers.v, m->layers.n, sizeof *m->layers.v, runmodel_by_size);
}

void runmodel_init(struct runmodel *m, const struct json *facts, const struct runlog *log)
{
	const struct json *stages = json_get(facts, "stages");

	*m = (struct runmodel){0};
	runmodel_add_stages(m, stages, log);
	for (size_t i = 0; i < m->stages.n; i++)
		runmodel_add_needs(m, &m->stages.v[i]);
	runmodel_labels(m);
	runmodel_spans(m);
	runmodel_lanes(m);
	runmodel_critical(m);
	runmodel_layers(m);
}

void runmodel_release(struct runmodel *m)
{
	for (size_t i = 0; i < m->stages.n; i++)
		vec_release(&m->stages.v[i].needs);
	vec_release(&m->stages);
	vec_release(&m->spans);
	vec_release(&m->layers);
	vec_release(&m->critical);
}
