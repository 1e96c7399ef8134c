#include "src/build/why.h"

#include <string.h>

#include "src/build/cacheread.h"
#include "src/cache/cachewhy.h"
#include "src/cache/inputs.h"
#include "src/plan/treelist.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

/* Files that a reason names; what else there is, is counted. */
#define FILES_NAMED 5

struct why {
	struct build *b;
	struct smap stages;	    /* name → struct records */
	VEC_OF(struct json *) docs; /* records of stages from remote caches */
};

struct records {
	VEC_OF(struct clocal) v;
};

/* --- loading --- */

static void free_records(void *p)
{
	struct records *r = p;

	for (size_t i = 0; i < r->v.n; i++)
		clocal_release(&r->v.v[i]);
	vec_release(&r->v);
	free(r);
}

static void take(void *arg, struct clocal *r)
{
	struct why *w = arg;
	struct records *list = smap_get(&w->stages, r->stage);

	if (!list)
		return;
	vec_push(&list->v, *r);
	*r = (struct clocal){0};
}

/* --- from remote caches --- */

struct remote_why {
	struct why *w;
	const struct cacheread_keys *keys;
};

static void take_remote(void *ctx, size_t i, const struct manifest *m)
{
	const struct remote_why *r = ctx;
	const char *stage = r->w->b->plan->stages.v[r->keys->v[i].stage].name;
	struct err e = ERR_INIT;
	struct json *doc;

	if (cachewhy_accept(m, stage, &doc, &e) < 0) {
		session_warn(r->w->b->s, stage, "the record of it in a cache is ignored: %s", e.msg);
		err_release(&e);
		return;
	}
	vec_push(&r->w->docs, doc);
	cachewhy_each(doc, take, r->w);
}

static bool will_run(const struct build *b, size_t stage)
{
	const struct plan_stage *st = &b->plan->stages.v[stage];

	for (size_t k = b->run[stage].next; b->run[stage].wanted && k < st->steps.n; k++)
		if (plan_step_is_layer(&st->steps.v[k]))
			return true;
	return false;
}

/* Of stages in which something is to be explained. */
static void load_remote(struct why *w)
{
	struct cacheread_keys keys = {0};
	struct remote_why r = {w, &keys};

	for (size_t i = 0; w->b->caches.from.n && i < w->b->plan->stages.n; i++) {
		struct cacheread_key key = {.stage = i};

		if (!will_run(w->b, i))
			continue;
		cachewhy_key(w->b->plan->stages.v[i].name, &key.key);
		vec_push(&keys, key);
	}
	cacheread_whys(w->b, &keys, take_remote, &r);
	vec_release(&keys);
}

struct why *why_load(struct build *b, struct err *e)
{
	struct why *w = mem_new(struct why);

	w->b = b;
	w->stages = SMAP_INIT(free_records);
	for (size_t i = 0; i < b->plan->stages.n; i++)
		if (b->plan->stages.v[i].needed)
			smap_set(&w->stages, b->plan->stages.v[i].name, mem_new(struct records));
	if (clocal_each(b->s->store, take, w, e) == 0) {
		load_remote(w);
		return w;
	}
	why_free(w);
	return NULL;
}

void why_free(struct why *w)
{
	if (!w)
		return;
	smap_release(&w->stages);
	for (size_t i = 0; i < w->docs.n; i++)
		json_free(w->docs.v[i]);
	vec_release(&w->docs);
	free(w);
}

/* --- the nearest one --- */

/* What the record was made of can be compared with. */
static bool same_kind(const struct clocal *r, const struct plan_step *s)
{
	static const char *const of_run = "argv", *const of_copy = "sources";

	return (json_get(r->inputs, of_run) != NULL) == (s->kind == PLAN_RUN) &&
	       (json_get(r->inputs, of_copy) != NULL) == (s->kind == PLAN_COPY);
}

/* The same Dockerfile counts most, since stages of several projects may have one name; then what the step does, then
 * where it stands. */
static unsigned likeness(const struct clocal *r, const struct plan_stage *st, const struct plan_step *s,
			 const struct json *now)
{
	static const char *const does[] = {"argv", "sources", "dest", "workdir"};
	AUTO_FREE char *file = realpath(st->file, NULL);
	/* One from elsewhere does not say where its file was. */
	unsigned n = !r->file || strcmp(r->file, file ? file : st->file) == 0 ? 16 : 0;
	unsigned same = 0;

	for (size_t i = 0; i < ARRAY_LEN(does); i++) {
		const struct json *a = json_get(r->inputs, does[i]), *b = json_get(now, does[i]);

		same += a && b && json_eq(a, b) ? 3 : 0;
	}
	same += r->n == s->n ? 5 : 0;
	return same || r->file ? n + same : 0;
}

static int64_t time_of(const struct clocal *r)
{
	return r->run ? r->run : r->built * CLOCK_NS_PER_S;
}

/* Than the build of which is asked. Others' clocks count seconds, and not ours. */
static bool is_later(const struct clocal *r, int64_t before)
{
	return (r->run || !r->file) && time_of(r) >= before;
}

static const struct clocal *nearest(const struct records *list, const struct plan_stage *st, const struct plan_step *s,
				    const struct json *now, int64_t before)
{
	const struct clocal *best = NULL;
	unsigned most = 0;

	for (size_t i = 0; list && i < list->v.n; i++) {
		const struct clocal *r = &list->v.v[i];
		unsigned n;

		if (strcmp(r->key.hex, s->key.hex) == 0 || is_later(r, before) || !same_kind(r, s))
			continue;
		n = likeness(r, st, s, now);
		/* Nothing in common but the stage's name is not the same step. */
		if (n < 5 || n < most || (n == most && best && time_of(r) < time_of(best)))
			continue;
		most = n;
		best = r;
	}
	return best;
}

/* --- reasons --- */

static const char *image_name(const struct json *j)
{
	const char *name = json_get_str(j, "image");

	return name ? name : "an image";
}

static void image_reason(const char *what, const struct json *then, const struct json *now, struct strv *out)
{
	const char *was = json_get_str(then, "image"), *is = json_get_str(now, "image");

	if (was && is && strcmp(was, is) != 0)
		strv_printf(out, "%s %s → %s", what, was, is);
	else if (json_get_str(then, "digest") && json_get_str(now, "digest"))
		strv_printf(out, "%s %s: %.19s → %.19s", what, image_name(now), json_get_str(then, "digest"),
			    json_get_str(now, "digest"));
	else
		strv_printf(out, "%s %s is another one", what, image_name(now));
}

static void parent_reason(const struct plan *p, const struct plan_stage *st, const struct json *then,
			  const struct json *now, struct strv *out)
{
	if (json_get(now, "base"))
		image_reason("base image", json_get(then, "base"), json_get(now, "base"), out);
	else if (st->base_stage != PLAN_NONE && !json_get(now, "inner"))
		strv_printf(out, "stage %s, which it stands on, was rebuilt", p->stages.v[st->base_stage].name);
	else
		strv_add(out, "the step before it was rebuilt");
}

/* n-th of what it copies from or mounts. */
static void from_reason(const struct json *then, const struct json *now, size_t n, struct strv *out)
{
	const struct json *is = json_at(json_get(now, "origins"), n);

	if (json_str(is))
		strv_printf(out, "stage %s, which it takes files from, was rebuilt", json_str(is));
	else
		image_reason("image", json_at(json_get(then, "origins"), n), is, out);
}

static bool changes_from_elsewhere(const struct why *w, const char *was, const char *is, struct strv *out)
{
	for (size_t i = 0; i < w->docs.n; i++) {
		const char *list = cachewhy_files(w->docs.v[i], was);

		if (list)
			return treelist_changes_from(w->b->s->store, sv_from(list), is, FILES_NAMED, out);
	}
	return false;
}

static void files_reason(const struct why *w, const struct json *then, const struct json *now, struct strv *out)
{
	const char *was = json_str(then), *is = json_str(now);

	if (!was || !is ||
	    (!treelist_changes(w->b->s->store, was, is, FILES_NAMED, out) && !changes_from_elsewhere(w, was, is, out)))
		strv_add(out, "files of the context changed");
}

static void env_reason(const struct plan_stage *st, const struct json *then, const struct json *now, struct strv *out)
{
	AUTO_STRV struct strv changes = {0};

	inputs_env_changes(then, now, &changes);
	for (size_t i = 0; i < changes.n; i++) {
		AUTO_FREE char *name = mem_strndup(changes.v[i], strcspn(changes.v[i], " "));

		/* What is in the image's config is an ENV; config.env holds the names of the stage's end. */
		strv_printf(out, "%s %s", smap_has(&st->config.env, name) ? "ENV" : "ARG", changes.v[i]);
	}
}

static char *flat(const struct json *j)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < json_len(j); i++)
		buf_printf(&out, "%s%s", i ? " " : "", json_str(json_at(j, i)) ? json_str(json_at(j, i)) : "");
	if (json_str(j))
		buf_str_add(&out, json_str(j));
	else if (!json_is_array(j))
		json_write(j, &out);
	return buf_steal(&out);
}

static void plain_reason(const char *field, const struct json *then, const struct json *now, struct strv *out)
{
	AUTO_FREE char *was = then ? flat(then) : NULL, *is = now ? flat(now) : NULL;
	AUTO_FREE char *change = inputs_change(was, is);

	strv_printf(out, "%s %s", strcmp(field, "argv") == 0 ? "command" : field, change);
}

static bool is_field(const char *field, const char *name)
{
	size_t n = strlen(name);

	return strncmp(field, name, n) == 0 && (field[n] == '\0' || field[n] == '#');
}

/* "from" is the first, "from#2" the second. */
static size_t from_number(const char *field)
{
	const char *hash = strchr(field, '#');

	return hash ? (size_t)strtoul(hash + 1, NULL, 10) - 1 : 0;
}

/* Members that are no inputs, or that only follow from others. */
static bool is_silent(const char *field)
{
	static const char *const names[] = {"base", "origins", "inner", "time", "from-time", "origin"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (is_field(field, names[i]))
			return true;
	return false;
}

static void add_reason(const struct why *w, const struct plan_stage *st, const struct json *then,
		       const struct json *now, const char *field, struct strv *out)
{
	const struct json *was = json_get(then, field), *is = json_get(now, field);

	if (is_field(field, "parent"))
		parent_reason(w->b->plan, st, then, now, out);
	else if (is_field(field, "from"))
		from_reason(then, now, from_number(field), out);
	else if (is_field(field, "files"))
		files_reason(w, was, is, out);
	else if (is_field(field, "env"))
		env_reason(st, was, is, out);
	else if (!is_silent(field))
		plain_reason(field, was, is, out);
}

static void compare(const struct why *w, const struct plan_stage *st, struct json *then, struct json *now,
		    struct strv *out)
{
	AUTO_STRV struct strv fields = {0};
	bool parent = false;

	inputs_differing(then, now, &fields);
	for (size_t i = 0; i < fields.n; i++)
		if (is_field(fields.v[i], "parent"))
			parent = true; /* last: what is the step's own says more */
		else
			add_reason(w, st, then, now, fields.v[i], out);
	if (parent)
		add_reason(w, st, then, now, "parent", out);
	if (!out->n && strv_has(&fields, "time"))
		strv_add(out, "the number of steps before it is another one, and so are the times of its files");
	if (!out->n)
		strv_add(out, "something that records leave out changed (a value that looks secret)");
}

void why_step(const struct why *w, size_t stage, const struct plan_step *s, int64_t before, struct strv *out)
{
	const struct plan_stage *st = &w->b->plan->stages.v[stage];
	AUTO_JSON struct json *now = s->why ? inputs_mask(s->why) : NULL;
	const struct clocal *then = now ? nearest(smap_get(&w->stages, st->name), st, s, now, before) : NULL;

	if (!now)
		strv_add(out, "its inputs are not known");
	else if (!then)
		strv_add(out, "no earlier record of it: it is new here");
	else
		compare(w, st, then->inputs, now, out);
}

void why_explain(struct build *b, size_t stage, const struct plan_step *s)
{
	const struct plan_stage *st = &b->plan->stages.v[stage];
	AUTO_STRV struct strv reasons = {0};

	if (!b->why)
		return;
	if (st->forced || b->o->no_cache)
		strv_add(&reasons, "it was forced to run");
	else
		why_step(b->why, stage, s, INT64_MAX, &reasons);
	AUTO_FREE char *text = strv_join(&reasons, "; ");

	state_emit(b, &(struct event){.kind = EVENT_STEP_WHY,
				      .stage = state_short_name(st),
				      .n = s->n,
				      .m = (unsigned)st->steps.n,
				      .text = text});
}
