/* For tests of plans: from a Dockerfile in a directory to a plan; images are resolved by hand. */
#ifndef SLCT_TEST_PLAN_UTIL_H
#define SLCT_TEST_PLAN_UTIL_H

#include "src/plan/plan.h"
#include "src/plan/plan_mount.h"
#include "tests/unit/cache_util.h"

static inline struct plan *load(const struct unit_dir *d, const char *target, const struct smap *args)
{
	AUTO_FREE char *dir = mem_printf("%s/c", d->path);
	struct plan *p = plan_new();
	struct err e = ERR_INIT;

	platform_parse("linux/amd64", &p->platform, &e);
	p->build_args = args;
	unit_ok(plan_add_context(p, dir, NULL, target, &e), e);
	return p;
}

static inline struct plan *written(const struct unit_dir *d, const char *text)
{
	cache_util_file(d, "c/Dockerfile", text);
	return load(d, NULL, NULL);
}

static inline void cannot_load(const char *text, unsigned line, const char *says)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = plan_new();
	AUTO_FREE char *dir = mem_printf("%s/c", d.path);
	struct err e = ERR_INIT;

	cache_util_file(&d, "c/Dockerfile", text);
	ck_assert_int_lt(plan_add_context(p, dir, NULL, NULL, &e), 0);
	ck_assert_msg(e.place.line == line, "line %u: %s", e.place.line, e.msg);
	unit_failed(e, ERR_INPUT, says);
}

static inline void select_goals(struct plan *p, const char *const *names, size_t n)
{
	AUTO_STRV struct strv goals = {0};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		strv_add(&goals, names[i]);
	unit_ok(plan_select_goals(p, &goals, &e), e);
}
#define GOALS(p, ...)                                                                                                  \
	select_goals(p, (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* Every image is this one. */
static inline void resolve(struct plan *p, const char *created, const char *const *onbuild, size_t n)
{
	for (size_t i = 0; i < p->images.n; i++) {
		struct plan_image *im = &p->images.v[i];

		imgconfig_init(&im->config, &im->platform);
		im->config.created = mem_strdup_opt(created);
		smap_set_str(&im->config.env, "PATH", "/bin");
		smap_set_str(&im->config.env, "LANG", "C");
		for (size_t k = 0; k < n; k++)
			strv_add(&im->config.onbuild, onbuild[k]);
		cache_util_add(&im->diff_ids, im->text);
		im->resolved = true;
	}
}

static inline void fake_scan(struct plan *p)
{
	for (size_t i = 0; i < p->stages.n; i++)
		for (size_t k = 0; k < p->stages.v[i].steps.n; k++) {
			struct plan_step *s = &p->stages.v[i].steps.v[k];

			if (s->kind == PLAN_COPY && s->copy.origin == PLAN_FROM_CONTEXT)
				s->copy.tree = cache_util_digest("tree");
			for (size_t m = 0; m < s->mounts.n; m++)
				if (plan_mount_of_context(&s->mounts.v[m]))
					s->mounts.v[m].tree = cache_util_digest("tree");
		}
}

#define CREATED	  "2020-01-01T00:00:00Z"
#define CREATED_S 1577836800

static inline void finish(struct plan *p)
{
	struct err e = ERR_INIT;

	resolve(p, CREATED, NULL, 0);
	unit_ok(plan_evaluate(p, false, &e), e);
	fake_scan(p);
	plan_keys(p);
}

/* A Dockerfile's whole plan, all default goals. */
static inline struct plan *planned_with(const struct unit_dir *d, const char *text, const struct smap *args)
{
	struct err e = ERR_INIT;
	struct plan *p;

	cache_util_file(d, "c/Dockerfile", text);
	p = load(d, NULL, args);
	unit_ok(plan_select_goals(p, &(struct strv){0}, &e), e);
	finish(p);
	return p;
}

static inline struct plan *planned(const struct unit_dir *d, const char *text)
{
	return planned_with(d, text, NULL);
}

static inline void cannot_evaluate(const char *text, unsigned line, const char *says)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = written(&d, text);
	struct err e = ERR_INIT;

	unit_ok(plan_select_goals(p, &(struct strv){0}, &e), e);
	resolve(p, CREATED, NULL, 0);
	ck_assert_int_lt(plan_evaluate(p, false, &e), 0);
	ck_assert_msg(e.place.line == line, "line %u: %s", e.place.line, e.msg);
	unit_failed(e, ERR_INPUT, says);
}

static inline struct plan_stage *stage(struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->stages.n; i++)
		if (strcmp(p->stages.v[i].name, name) == 0)
			return &p->stages.v[i];
	ck_abort_msg("no stage %s", name);
}

/* "from:a copy:b image:debian" */
static inline void needs(struct plan *p, const char *name, const char *want)
{
	static const char *const kinds[] = {"from", "copy", "mount"};
	const struct plan_stage *st = stage(p, name);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < st->needs.n; i++) {
		const struct plan_edge *ed = &st->needs.v[i];

		buf_printf(&b, "%s%s:%s%s", i ? " " : "", kinds[ed->kind], ed->stage == PLAN_NONE ? "@" : "",
			   ed->stage == PLAN_NONE ? p->images.v[ed->image].text : p->stages.v[ed->stage].name);
	}
	ck_assert_str_eq(buf_str(&b), want);
}

/* Names of the stages with a mark, in order. */
static inline void marked(struct plan *p, size_t offset, const char *want)
{
	AUTO_STRV struct strv names = {0};
	AUTO_FREE char *have = NULL;

	for (size_t i = 0; i < p->stages.n; i++)
		if (*(const bool *)((const char *)&p->stages.v[i] + offset))
			strv_add(&names, p->stages.v[i].name);
	have = strv_join(&names, " ");
	ck_assert_str_eq(have, want);
}
#define MARKED(p, field, want) marked(p, offsetof(struct plan_stage, field), want)

/* The key of the layer step that begins in this line of the last stage. */
static const char *key_at(struct plan *p, unsigned line)
{
	for (size_t i = 0; i < p->stages.n; i++)
		for (size_t k = 0; k < p->stages.v[i].steps.n; k++)
			if (p->stages.v[i].steps.v[k].line == line) {
				ck_assert(ckey_is_set(&p->stages.v[i].steps.v[k].key));
				return p->stages.v[i].steps.v[k].key.hex;
			}
	ck_abort_msg("no step in line %u", line);
}

#endif
