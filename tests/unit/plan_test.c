/* Plans: from Dockerfiles in a directory to stages, edges, goals, steps and keys. Images are resolved by hand. */
#include "src/plan/plan.h"
#include "src/plan/plan_mount.h"

#include "tests/unit/cache_util.h"

/* --- helpers --- */

static struct plan *load(const struct unit_dir *d, const char *target, const struct smap *args)
{
	AUTO_FREE char *dir = mem_printf("%s/c", d->path);
	struct plan *p = plan_new();
	struct err e = ERR_INIT;

	platform_parse("linux/amd64", &p->platform, &e);
	p->build_args = args;
	unit_ok(plan_add_context(p, dir, NULL, target, &e), e);
	return p;
}

static struct plan *written(const struct unit_dir *d, const char *text)
{
	cache_util_file(d, "c/Dockerfile", text);
	return load(d, NULL, NULL);
}

static void cannot_load(const char *text, unsigned line, const char *says)
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

static void select_goals(struct plan *p, const char *const *names, size_t n)
{
	AUTO_STRV struct strv goals = {0};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		strv_add(&goals, names[i]);
	unit_ok(plan_select_goals(p, &goals, &e), e);
}
#define GOALS(p, ...) select_goals(p, (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* Every image is this one. */
static void resolve(struct plan *p, const char *created, const char *const *onbuild, size_t n)
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

static void fake_scan(struct plan *p)
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

#define CREATED "2020-01-01T00:00:00Z"
#define CREATED_S 1577836800

static void finish(struct plan *p)
{
	struct err e = ERR_INIT;

	resolve(p, CREATED, NULL, 0);
	unit_ok(plan_evaluate(p, false, &e), e);
	fake_scan(p);
	plan_keys(p);
}

/* A Dockerfile's whole plan, all default goals. */
static struct plan *planned_with(const struct unit_dir *d, const char *text, const struct smap *args)
{
	struct err e = ERR_INIT;
	struct plan *p;

	cache_util_file(d, "c/Dockerfile", text);
	p = load(d, NULL, args);
	unit_ok(plan_select_goals(p, &(struct strv){0}, &e), e);
	finish(p);
	return p;
}

static struct plan *planned(const struct unit_dir *d, const char *text)
{
	return planned_with(d, text, NULL);
}

static void cannot_evaluate(const char *text, unsigned line, const char *says)
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

static struct plan_stage *stage(struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->stages.n; i++)
		if (strcmp(p->stages.v[i].name, name) == 0)
			return &p->stages.v[i];
	ck_abort_msg("no stage %s", name);
}

/* "from:a copy:b image:debian" */
static void needs(struct plan *p, const char *name, const char *want)
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
static void marked(struct plan *p, size_t offset, const char *want)
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

/* --- stages and edges --- */

START_TEST(stages_and_edges)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = written(&d, "ARG TAG=12\n"
					       "FROM debian:${TAG} AS Base\n"
					       "FROM base\n"
					       "COPY --from=0 /a /a\n"
					       "COPY --from=busybox:1 /b /b\n"
					       "COPY --from=busybox:1 /c /c\n"
					       "FROM scratch AS last\n"
					       "COPY --from=base /a /\n"
					       "COPY --from=1 /a /\n"
					       "COPY x y /to/\n");

	ck_assert_uint_eq(p->stages.n, 3);
	ck_assert_ptr_null(p->stages.v[0].flavor);
	needs(p, "base", "from:@debian:12");
	needs(p, "stage-1", "from:base copy:base copy:@busybox:1");
	needs(p, "last", "copy:base copy:stage-1");
	ck_assert_uint_eq(p->images.n, 2);
	ck_assert_uint_eq(stage(p, "last")->base_stage, PLAN_NONE);
	ck_assert_uint_eq(stage(p, "last")->base_image, PLAN_NONE);
	ck_assert_uint_eq(stage(p, "stage-1")->base_stage, 0);
}
END_TEST

START_TEST(later_stages_of_the_name_do_not_count)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = written(&d, "FROM debian AS a\nFROM a AS debian\nFROM debian AS b\n");

	needs(p, "a", "from:@debian");
	needs(p, "debian", "from:a");
	needs(p, "b", "from:debian");
}
END_TEST

START_TEST(mounts_are_edges)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p =
		written(&d, "FROM debian AS a\nFROM debian AS b\n"
			    "RUN --mount=type=bind,from=a,source=/x,target=/y --mount=target=/z,source=from=q cmd\n");

	needs(p, "b", "from:@debian mount:a");
}
END_TEST

START_TEST(files_that_do_not_load)
{
	cannot_load("FROM Debian:12\n", 1, "Debian");
	cannot_load("FROM debian\nCOPY --from=b@d /x /\n", 2, "b@d");
	cannot_load("ARG X\nFROM $X\n", 2, "FROM");
	cannot_load("FROM debian\nRUN --network=lan x\n", 2, "lan");
	cannot_load("FROM --platform=a/b/c/d debian\n", 1, "platform");
}
END_TEST

START_TEST(contexts_that_do_not_load)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = plan_new();
	AUTO_FREE char *file = mem_printf("%s/file", d.path), *none = mem_printf("%s/none", d.path);
	struct err e = ERR_INIT;

	cache_util_file(&d, "file", "");
	ck_assert_int_lt(plan_add_context(p, d.path, NULL, NULL, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.hint, "-f"));
	unit_failed(e, ERR_INPUT, "no Dockerfile in it");
	ck_assert_int_lt(plan_add_context(p, file, NULL, NULL, &e), 0);
	unit_failed(e, ERR_INPUT, "is not a directory");
	ck_assert_int_lt(plan_add_context(p, none, NULL, NULL, &e), 0);
	unit_failed(e, ERR_INPUT, "build context");
}
END_TEST

START_TEST(containerfile_and_own_ignore_file)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = plan_new();
	AUTO_FREE char *dir = mem_printf("%s/c", d.path), *file = mem_printf("%s/c/other", d.path);
	struct err e = ERR_INIT;

	cache_util_file(&d, "c/Containerfile", "FROM debian AS con\n");
	cache_util_file(&d, "c/other", "FROM debian AS oth\n");
	cache_util_file(&d, "c/.dockerignore", "a\n");
	cache_util_file(&d, "c/other.dockerignore", "b\n");
	unit_ok(plan_add_context(p, dir, NULL, NULL, &e), e);
	unit_ok(plan_add_context(p, dir, file, NULL, &e), e);
	ck_assert_str_eq(p->stages.v[0].name, "con");
	ck_assert_str_eq(p->stages.v[1].name, "oth");
	ck_assert(ignore_match(p->sources.v[0]->context.ignore, "a"));
	ck_assert(!ignore_match(p->sources.v[0]->context.ignore, "b"));
	ck_assert(ignore_match(p->sources.v[1]->context.ignore, "b"));
	ck_assert(!ignore_match(p->sources.v[1]->context.ignore, "a"));
}
END_TEST

/* --- goals --- */

#define CHAIN "FROM debian AS a\nFROM a AS b\nFROM debian AS other\nFROM b AS c\nCOPY --from=other / /\nFROM a AS d\n"

START_TEST(goals)
{
	static const struct {
		const char *target, *goal, *needed;
	} rows[] = {
		{NULL, "d", "a d"}, {"c", "c", "a b other c"}, {"C", "c", "a b other c"}, {"1", "b", "a b"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		UNIT_DIR(d);
		struct err e = ERR_INIT;

		cache_util_file(&d, "c/Dockerfile", CHAIN);
		AUTO_PLAN struct plan *p = load(&d, rows[i].target, NULL);

		unit_ok(plan_select_goals(p, &(struct strv){0}, &e), e);
		MARKED(p, goal, rows[i].goal);
		MARKED(p, needed, rows[i].needed);
	}
}
END_TEST

START_TEST(unknown_names_list_the_known)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = written(&d, CHAIN), *other = plan_new();
	AUTO_STRV struct strv goal = {0};
	AUTO_FREE char *dir = mem_printf("%s/c", d.path);
	struct err e = ERR_INIT;

	strv_add(&goal, "e");
	ck_assert_int_lt(plan_select_goals(p, &goal, &e), 0);
	ck_assert_str_eq(e.hint, "the stages are: a, b, other, c, d");
	unit_failed(e, ERR_INPUT, "there is no stage \"e\"");
	ck_assert_uint_eq(plan_find_stage(p, "e", &e), PLAN_NONE);
	unit_failed(e, ERR_INPUT, "there is no stage \"e\"");
	ck_assert_int_lt(plan_add_context(other, dir, NULL, "e", &e), 0);
	ck_assert_str_eq(e.hint, "the stages are: a, b, other, c, d");
	unit_failed(e, ERR_INPUT, "target stage \"e\" not found");
}
END_TEST

/* Several contexts may have stages of one name: only the last of each is a goal. */
START_TEST(goals_of_several_contexts)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = written(&d, "FROM debian\nFROM debian\n");
	AUTO_FREE char *dir = mem_printf("%s/two", d.path);
	struct err e = ERR_INIT;

	cache_util_file(&d, "two/Dockerfile", "FROM debian\n");
	unit_ok(plan_add_context(p, dir, NULL, NULL, &e), e);
	unit_ok(plan_select_goals(p, &(struct strv){0}, &e), e);
	ck_assert(!p->stages.v[0].goal);
	ck_assert(p->stages.v[1].goal);
	ck_assert(p->stages.v[2].goal);
}
END_TEST

START_TEST(force)
{
	static const struct {
		const char *names, *forced;
	} rows[] = {
		{"", "a b other c"}, {"a", "a b c"}, {"other", "other c"}, {"c", "c"}, {"d", ""}, {"b other", "b other c"},
	};
	UNIT_DIR(d);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_PLAN struct plan *p = written(&d, CHAIN);
		AUTO_STRV struct strv names = {0};
		struct sv rest = sv_from(rows[i].names);

		while (rest.p && rest.n)
			strv_take(&names, sv_dup(sv_cut(&rest, ' ')));
		GOALS(p, "c");
		unit_ok(plan_force(p, &names, &e), e);
		MARKED(p, forced, rows[i].forced);
	}
}
END_TEST

START_TEST(order)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = written(&d, CHAIN);
	size_t at[5], place[5];

	plan_order(p, at);
	for (size_t i = 0; i < 5; i++)
		place[at[i]] = i;
	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < p->stages.v[i].needs.n; k++)
			if (p->stages.v[i].needs.v[k].stage != PLAN_NONE)
				ck_assert_uint_lt(place[p->stages.v[i].needs.v[k].stage], place[i]);
}
END_TEST

/* --- flavors --- */

static struct plan *flavor(const struct unit_dir *d, const char *dir)
{
	AUTO_FREE char *path = mem_printf("%s/%s", d->path, dir);
	struct plan *p = plan_new();
	struct err e = ERR_INIT;

	unit_ok(plan_add_flavor(p, path, NULL, &e), e);
	return p;
}

START_TEST(names_of_a_flavor)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;

	cache_util_file(&d, "fl/base/Dockerfile", "FROM debian AS inner\nFROM inner\n");
	cache_util_file(&d, "fl/top/Dockerfile", "FROM {{ base }}\nCOPY --from={{ base }} /x /x\n");
	cache_util_file(&d, "gl/top/Dockerfile", "FROM debian\n");
	AUTO_PLAN struct plan *p = flavor(&d, "fl");
	AUTO_FREE char *second = mem_printf("%s/gl", d.path);

	needs(p, "fl/base:inner", "from:@debian");
	needs(p, "fl/base", "from:fl/base:inner");
	needs(p, "fl/top", "from:fl/base copy:fl/base");
	ck_assert_str_eq(p->stages.v[plan_find_stage(p, "top", &e)].name, "fl/top");
	ck_assert_str_eq(p->stages.v[plan_find_stage(p, "fl/base", &e)].name, "fl/base");
	ck_assert_str_eq(p->stages.v[plan_find_stage(p, "some/dir/fl:base", &e)].name, "fl/base");
	ck_assert_str_eq(p->stages.v[plan_find_stage(p, "fl/:top", &e)].name, "fl/top");
	ck_assert_str_eq(p->stages.v[plan_find_stage(p, "fl:base", &e)].name, "fl/base");
	ck_assert_str_eq(p->stages.v[plan_find_stage(p, "fl/base:inner", &e)].name, "fl/base:inner");
	ck_assert_str_eq(p->stages.v[plan_find_stage(p, "base:inner", &e)].name, "fl/base:inner");
	unit_ok(plan_add_flavor(p, second, NULL, &e), e);
	ck_assert_uint_eq(plan_find_stage(p, "top", &e), PLAN_NONE);
	ck_assert_str_eq(e.hint, "write fl/top or gl/top");
	unit_failed(e, ERR_INPUT, "in several flavors");
	AUTO_FREE char *third = mem_printf("%s/sub/gl", d.path);
	AUTO_PLAN struct plan *twice = flavor(&d, "gl");

	cache_util_file(&d, "sub/gl/top/Dockerfile", "FROM debian\n");
	ck_assert_int_lt(plan_add_flavor(twice, third, NULL, &e), 0);
	unit_failed(e, ERR_INPUT, "are both called gl");
	/* as a goal the name means both */
	GOALS(p, "top");
	MARKED(p, goal, "fl/top gl/top");
}
END_TEST

START_TEST(default_goals_of_a_flavor)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;

	cache_util_file(&d, "fl/base/Dockerfile", "FROM debian\n");
	cache_util_file(&d, "fl/top/Dockerfile", "FROM {{ base }}\n");
	AUTO_PLAN struct plan *p = flavor(&d, "fl");

	unit_ok(plan_select_goals(p, &(struct strv){0}, &e), e);
	MARKED(p, goal, "fl/top");
	MARKED(p, needed, "fl/base fl/top");
}
END_TEST

START_TEST(circles)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;

	cache_util_file(&d, "fl/a/Dockerfile", "# first\nFROM {{ b }}\n");
	cache_util_file(&d, "fl/b/Dockerfile", "FROM debian\nCOPY --from={{ c }} / /\n");
	cache_util_file(&d, "fl/c/Dockerfile", "FROM {{ a }}\n");
	cache_util_file(&d, "fl/d/Dockerfile", "FROM debian\n");
	AUTO_PLAN struct plan *p = flavor(&d, "fl");

	ck_assert_int_lt(plan_select_goals(p, &(struct strv){0}, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.place.file, "fl/a/Dockerfile"));
	ck_assert_uint_eq(e.place.line, 2);
	ck_assert_ptr_nonnull(e.hint);
	unit_failed(e, ERR_INPUT, "in a circle: fl/a → fl/b → fl/c → fl/a");
}
END_TEST

/* --- steps --- */

START_TEST(steps)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = planned(&d, "FROM debian\n"
					       "ENV A=1\n"
					       "WORKDIR sub\n"
					       "RUN echo \\\n  $A\n"
					       "USER me\n"
					       "SHELL [\"/bin/bash\", \"-c\"]\n"
					       "RUN --network=none x\n"
					       "COPY --chown=1:2 --chmod=0640 f* .\n"
					       "RUN [\"/p\", \"$A\"]\n"
					       "WORKDIR /abs\n");
	const struct plan_stage *st = stage(p, "stage-0");
	static const struct {
		enum plan_step_kind kind;
		unsigned line, last;
	} rows[] = {{PLAN_META, 2, 2}, {PLAN_WORKDIR, 3, 3}, {PLAN_RUN, 4, 5},  {PLAN_META, 6, 6},    {PLAN_META, 7, 7},
		    {PLAN_RUN, 8, 8},  {PLAN_COPY, 9, 9},    {PLAN_RUN, 10, 10}, {PLAN_WORKDIR, 11, 11}};

	ck_assert_uint_eq(st->steps.n, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_int_eq(st->steps.v[i].kind, rows[i].kind);
		ck_assert_uint_eq(st->steps.v[i].n, i + 1);
		ck_assert_uint_eq(st->steps.v[i].line, rows[i].line);
		ck_assert_uint_eq(st->steps.v[i].last_line, rows[i].last);
	}
	const struct plan_step *run = &st->steps.v[2], *bash = &st->steps.v[5], *copy = &st->steps.v[6];
	AUTO_FREE char *argv = strv_join(&run->argv, "|"), *env = strv_join(&run->env, "|");
	AUTO_FREE char *bash_argv = strv_join(&bash->argv, "|"), *exec = strv_join(&st->steps.v[7].argv, "|");

	ck_assert_str_eq(argv, "/bin/sh|-c|echo   $A");
	ck_assert_str_eq(env, "PATH=/bin|LANG=C|A=1");
	ck_assert_str_eq(run->workdir, "/sub");
	ck_assert(!run->user || !run->user[0]);
	ck_assert(!run->net_none);
	ck_assert_str_eq(bash_argv, "/bin/bash|-c|x");
	ck_assert_str_eq(bash->user, "me");
	ck_assert(bash->net_none);
	ck_assert_str_eq(exec, "/p|$A");
	ck_assert_str_eq(copy->copy.dest, "/sub/");
	ck_assert_str_eq(copy->copy.chown, "1:2");
	ck_assert_str_eq(copy->copy.chmod, "0640");
	ck_assert_uint_eq(plan_last_layer(st), 8);
}
END_TEST

START_TEST(refused_flags)
{
	cannot_evaluate("FROM debian\nADD --checksum=sha256:12 https://example.com/x /x\n", 2, "--checksum");
	cannot_evaluate("FROM debian\nRUN --security=insecure true\n", 2, "--security=insecure");
	cannot_evaluate("FROM debian\nEXPOSE 99999\n", 2, "is not a port");
}
END_TEST

/* --- time --- */

START_TEST(logical_times)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = planned(&d, "FROM debian AS a\nENV X=1\nRUN 1\nRUN 2\nLABEL l=1\n"
					       "FROM a AS b\nWORKDIR /w\nENV Y=1\nCOPY x /\n"
					       "FROM scratch AS c\nCOPY --from=b / /\n"
					       "FROM b\nCOPY --from=c / /\nRUN 3\n");
	static const struct {
		const char *stage;
		size_t step;
		int64_t t;
	} rows[] = {
		{"a", 0, CREATED_S}, {"a", 1, CREATED_S + 1}, {"a", 2, CREATED_S + 2}, {"a", 3, CREATED_S + 2},
		{"b", 0, CREATED_S + 3}, {"b", 1, CREATED_S + 3}, {"b", 2, CREATED_S + 4},
		{"c", 0, 315619200 + 1}, {"stage-3", 0, CREATED_S + 5}, {"stage-3", 1, CREATED_S + 6},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(stage(p, rows[i].stage)->steps.v[rows[i].step].logical == rows[i].t, "row %zu: %ld", i,
			      (long)stage(p, rows[i].stage)->steps.v[rows[i].step].logical);
	ck_assert_uint_eq(stage(p, "stage-3")->base_layers_n, 4);
	ck_assert_uint_eq(stage(p, "stage-3")->steps.v[1].layer_n, 5);
	/* SOURCE_DATE_EPOCH is a cap */
	p->source_date_epoch = CREATED_S + 2;
	plan_keys(p);
	ck_assert_int_eq(stage(p, "a")->steps.v[1].logical, CREATED_S + 1);
	ck_assert_int_eq(stage(p, "stage-3")->steps.v[1].logical, CREATED_S + 2);
}
END_TEST

/* --- keys --- */

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

/* Each row changes something between FROM and the RUN of line 5 (first step: line 4). */
START_TEST(what_is_in_a_key)
{
	static const struct {
		const char *what, *before, *after;
		bool differs;
	} rows[] = {
		{"nothing", "FROM debian\n\n\nRUN x\nRUN y\n", "FROM debian\n\n\nRUN x\nRUN y\n", false},
		{"label", "FROM debian\n\nLABEL a=1\nRUN x\nRUN y\n", "FROM debian\n\nLABEL a=2\nRUN x\nRUN y\n", false},
		{"cmd", "FROM debian\n\nCMD a\nRUN x\nRUN y\n", "FROM debian\n\n\nRUN x\nRUN y\n", false},
		{"entrypoint", "FROM debian\n\nENTRYPOINT a\nRUN x\nRUN y\n", "FROM debian\n\nCMD b\nRUN x\nRUN y\n", false},
		{"expose, volume, stopsignal, healthcheck",
		 "FROM debian\nEXPOSE 1\nVOLUME /v\nRUN x\nRUN y\n",
		 "FROM debian\nSTOPSIGNAL 9\nHEALTHCHECK NONE\nRUN x\nRUN y\n", false},
		{"comment", "FROM debian\n# a\n# b\nRUN x\nRUN y\n", "FROM debian\n# c\n\nRUN x\nRUN y\n", false},
		{"stage name", "FROM debian AS a\n\n\nRUN x\nRUN y\n", "FROM debian AS b\n\n\nRUN x\nRUN y\n", false},
		{"onbuild", "FROM debian\n\nONBUILD RUN z\nRUN x\nRUN y\n", "FROM debian\n\n\nRUN x\nRUN y\n", false},
		{"unset argument", "FROM debian\n\nARG A\nRUN x\nRUN y\n", "FROM debian\n\n\nRUN x\nRUN y\n", false},
		{"command", "FROM debian\n\n\nRUN x\nRUN y\n", "FROM debian\n\n\nRUN x\nRUN z\n", true},
		{"form", "FROM debian\n\n\nRUN x\nRUN y\n", "FROM debian\n\n\nRUN x\nRUN [\"y\"]\n", true},
		{"step before", "FROM debian\n\n\nRUN x\nRUN y\n", "FROM debian\n\n\nRUN z\nRUN y\n", true},
		{"no step before", "FROM debian\n\n\nRUN x\nRUN y\n", "FROM debian\n\n\n\nRUN y\n", true},
		{"env", "FROM debian\n\nENV A=1\nRUN x\nRUN y\n", "FROM debian\n\nENV A=2\nRUN x\nRUN y\n", true},
		{"argument", "FROM debian\n\nARG A=1\nRUN x\nRUN y\n", "FROM debian\n\nARG A=2\nRUN x\nRUN y\n", true},
		{"argument that nobody names", "FROM debian\n\nARG A=1\nRUN x\nRUN y\n", "FROM debian\n\n\nRUN x\nRUN y\n",
		 true},
		{"user", "FROM debian\n\n\nUSER a\nRUN y\n", "FROM debian\n\n\nUSER b\nRUN y\n", true},
		{"shell", "FROM debian\n\n\nSHELL [\"a\"]\nRUN y\n", "FROM debian\n\n\nSHELL [\"b\"]\nRUN y\n", true},
		{"shell of exec form", "FROM debian\n\n\nSHELL [\"a\"]\nRUN [\"y\"]\n",
		 "FROM debian\n\n\nSHELL [\"b\"]\nRUN [\"y\"]\n", false},
		{"network", "FROM debian\n\n\n\nRUN y\n", "FROM debian\n\n\n\nRUN --network=none y\n", true},
		{"base", "FROM debian\n\n\nRUN x\nRUN y\n", "FROM debian:12\n\n\nRUN x\nRUN y\n", true},
		{"platform", "FROM debian\n\n\nRUN x\nRUN y\n", "FROM --platform=linux/arm64 debian\n\n\nRUN x\nRUN y\n", true},
		{"copied names", "FROM debian\n\n\n\nCOPY a /x\n", "FROM debian\n\n\n\nCOPY b /x\n", true},
		{"destination", "FROM debian\n\n\n\nCOPY a /x\n", "FROM debian\n\n\n\nCOPY a /y\n", true},
		{"directory or name", "FROM debian\n\n\n\nCOPY a /x\n", "FROM debian\n\n\n\nCOPY a /x/\n", true},
		{"chown", "FROM debian\n\n\n\nCOPY a /x\n", "FROM debian\n\n\n\nCOPY --chown=0 a /x\n", true},
		{"chmod", "FROM debian\n\n\n\nCOPY --chmod=644 a /x\n", "FROM debian\n\n\n\nCOPY --chmod=755 a /x\n", true},
		{"COPY or ADD", "FROM debian\n\n\n\nCOPY a /x\n", "FROM debian\n\n\n\nADD a /x\n", true},
		{"user of a copy", "FROM debian\n\n\nUSER a\nCOPY a /x\n", "FROM debian\n\n\nUSER b\nCOPY a /x\n", false},
		{"env of a copy", "FROM debian\n\n\nENV a=1\nCOPY a /x\n", "FROM debian\n\n\nENV a=2\nCOPY a /x\n", false},
		{"env in a copy", "FROM debian\n\n\nENV a=1\nCOPY $a /x\n", "FROM debian\n\n\nENV a=2\nCOPY $a /x\n", true},
		{"workdir", "FROM debian\n\n\nWORKDIR /a\nRUN y\n", "FROM debian\n\n\nWORKDIR /b\nRUN y\n", true},
		{"source stage", "FROM debian AS a\nRUN 1\nFROM debian\n\nCOPY --from=a / /\n",
		 "FROM debian AS a\nRUN 2\nFROM debian\n\nCOPY --from=a / /\n", true},
		{"what the source stage runs as", "FROM debian AS a\nCMD 1\nFROM debian\n\nCOPY --from=a / /\n",
		 "FROM debian AS a\nCMD 2\nFROM debian\n\nCOPY --from=a / /\n", false},
		{"source image", "FROM debian\n\n\n\nCOPY --from=a / /\n", "FROM debian\n\n\n\nCOPY --from=b / /\n", true},
		{"mount", "FROM debian\n\n\n\nRUN x\n", "FROM debian\n\n\n\nRUN --mount=type=tmpfs,target=/t x\n", true},
		{"order of a mount's fields", "FROM debian\n\n\n\nRUN --mount=type=cache,target=/t,id=a x\n",
		 "FROM debian\n\n\n\nRUN --mount=type=cache,id=a,dst=/t x\n", false},
		{"mount target relative", "FROM debian\nWORKDIR /w\n\n\nRUN --mount=type=tmpfs,target=t x\n",
		 "FROM debian\nWORKDIR /w\n\n\nRUN --mount=type=tmpfs,target=/w/t x\n", false},
		{"size of a tmpfs", "FROM debian\n\n\n\nRUN --mount=type=tmpfs,target=/t x\n",
		 "FROM debian\n\n\n\nRUN --mount=type=tmpfs,target=/t,size=1m x\n", true},
		{"id of a cache", "FROM debian\n\n\n\nRUN --mount=type=cache,target=/t x\n",
		 "FROM debian\n\n\n\nRUN --mount=type=cache,target=/t,id=b x\n", true},
		{"sharing of a cache", "FROM debian\n\n\n\nRUN --mount=type=cache,target=/t x\n",
		 "FROM debian\n\n\n\nRUN --mount=type=cache,target=/t,sharing=locked x\n", true},
		{"id of a secret", "FROM debian\n\n\n\nRUN --mount=type=secret,id=a,target=/t x\n",
		 "FROM debian\n\n\n\nRUN --mount=type=secret,id=b,target=/t x\n", true},
		{"default target of a secret", "FROM debian\n\n\n\nRUN --mount=type=secret,id=a x\n",
		 "FROM debian\n\n\n\nRUN --mount=type=secret,id=a,target=/run/secrets/a x\n", false},
		{"default of ssh", "FROM debian\n\n\n\nRUN --mount=type=ssh x\n",
		 "FROM debian\n\n\n\nRUN --mount=type=ssh,id=default x\n", false},
		{"mount from a stage", "FROM debian AS a\nRUN 1\nFROM debian\n\nRUN --mount=from=a,target=/t x\n",
		 "FROM debian AS a\nRUN 2\nFROM debian\n\nRUN --mount=from=a,target=/t x\n", true},
		{"second mount from a stage",
		 "FROM debian AS a\nRUN 1\nFROM debian\n\nRUN --mount=from=b,target=/u --mount=from=a,target=/t x\n",
		 "FROM debian AS a\nRUN 2\nFROM debian\n\nRUN --mount=from=b,target=/u --mount=from=a,target=/t x\n", true},
		{"mount of the context or of nothing", "FROM debian\n\n\n\nRUN --mount=target=/t x\n",
		 "FROM debian\n\n\n\nRUN --mount=from=scratch,target=/t x\n", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		UNIT_DIR(d);
		AUTO_PLAN struct plan *a = planned(&d, rows[i].before);
		AUTO_PLAN struct plan *b = planned(&d, rows[i].after);
		bool differ = strcmp(key_at(a, 5), key_at(b, 5)) != 0;

		ck_assert_msg(differ == rows[i].differs, "%s", rows[i].what);
	}
}
END_TEST

/* The content of the context, the stack of the base, options. */
START_TEST(what_else_is_in_a_key)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = planned(&d, "FROM debian\nCOPY a /\nRUN x\n");
	AUTO_FREE char *copy = mem_strdup(key_at(p, 2)), *run = mem_strdup(key_at(p, 3));
	struct plan_step *of = stage(p, "stage-0")->steps.v;

	plan_keys(p);
	ck_assert_str_eq(key_at(p, 2), copy);
	of[0].copy.tree = cache_util_digest("other tree");
	plan_keys(p);
	ck_assert_str_ne(key_at(p, 2), copy);
	ck_assert_str_ne(key_at(p, 3), run);
	fake_scan(p);
	p->timestamps_real = true;
	plan_keys(p);
	ck_assert_str_ne(key_at(p, 2), copy);
	p->timestamps_real = false;
	p->source_date_epoch = 1;
	plan_keys(p);
	ck_assert_str_ne(key_at(p, 2), copy);
	p->source_date_epoch = -1;
	cache_util_add(&p->images.v[0].diff_ids, "another layer");
	plan_keys(p);
	ck_assert_str_ne(key_at(p, 2), copy);
	p->images.v[0].diff_ids.n--;
	plan_keys(p);
	ck_assert_str_eq(key_at(p, 2), copy);
	ck_assert_str_eq(key_at(p, 3), run);
	/* what a RUN sees of the options */
	struct strv hosts = {0};

	strv_add(&hosts, "h:127.0.0.1");
	p->add_hosts = &hosts;
	plan_keys(p);
	ck_assert_str_eq(key_at(p, 2), copy);
	ck_assert_str_ne(key_at(p, 3), run);
	strv_release(&hosts);
	plan_keys(p);
	ck_assert_str_eq(key_at(p, 3), run);
	p->shm_size = 1;
	plan_keys(p);
	ck_assert_str_ne(key_at(p, 3), run);
	/* unknown inputs: no key, here and above it */
	of[0].copy.tree = (struct digest){0};
		plan_keys(p);
	ck_assert(!ckey_is_set(&of[0].key));
	ck_assert(!ckey_is_set(&of[1].key));
}
END_TEST

START_TEST(mounted_files_are_in_the_key)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = planned(&d, "FROM debian\nRUN --mount=target=/t x\nRUN y\n");
	AUTO_FREE char *run = mem_strdup(key_at(p, 2)), *next = mem_strdup(key_at(p, 3));
	struct plan_step *of = stage(p, "stage-0")->steps.v;

	of[0].mounts.v[0].tree = cache_util_digest("other tree");
	plan_keys(p);
	ck_assert_str_ne(key_at(p, 2), run);
	ck_assert_str_ne(key_at(p, 3), next);
	of[0].mounts.v[0].tree = (struct digest){0};
	plan_keys(p);
	ck_assert(!ckey_is_set(&of[0].key));
	ck_assert(!ckey_is_set(&of[1].key));
}
END_TEST

/* What a mount leaves open. */
START_TEST(mounts)
{
	static const struct {
		const char *flag, *target, *id;
	} rows[] = {
		{"type=tmpfs,target=t", "/w/t", NULL},
		{"type=bind,dst=/a/../b/", "/b", NULL},
		{"type=cache,target=c/", "/w/c", "c"},
		{"type=cache,target=/c,id=../../x", "/c", "../../x"},
		{"type=secret,id=a", "/run/secrets/a", "a"},
		{"type=secret,src=a", "/run/secrets/a", "a"},
		{"type=secret,target=x/y", "/w/x/y", "y"},
		{"type=secret,id=../a/b", "/run/secrets/b", "../a/b"},
		{"type=secret,id=a,env=A", NULL, "a"},
		{"type=secret,id=a,env=A,target=/t", "/t", "a"},
		{"type=ssh", "/run/buildkit/ssh_agent.0", "default"},
		{"type=ssh,id=k,target=s", "/w/s", "k"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		UNIT_DIR(d);
		AUTO_FREE char *text = mem_printf("FROM debian\nWORKDIR /w\nRUN --mount=%s x\n", rows[i].flag);
		AUTO_PLAN struct plan *p = planned(&d, text);
		const struct dmount *m = &stage(p, "stage-0")->steps.v[1].mounts.v[0].m;

		ck_assert_pstr_eq(m->target, rows[i].target);
		ck_assert_pstr_eq(m->id, rows[i].id);
	}
}
END_TEST

START_TEST(mounts_refused)
{
	cannot_evaluate("FROM debian\n\nRUN --mount=type=tmpfs,target=/ x\n", 3, "is the root of the image");
	cannot_evaluate("FROM debian\nRUN --mount=type=tmpfs,target=/a/../.. x\n", 2, "is the root of the image");
	cannot_evaluate("FROM debian\nRUN --mount=type=secret x\n", 2, "needs an id or a target");
	cannot_evaluate("FROM debian\nRUN --mount=type=cache,target=/x,size=1 x\n", 2, "type cache has no size");
}
END_TEST

START_TEST(keys_do_not_depend_on_the_base_manifest)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *a = planned(&d, "FROM debian\nRUN x\n");
	AUTO_PLAN struct plan *b = planned(&d, "FROM registry.example/mirror/debian:12\nRUN x\n");

	ck_assert_str_ne(key_at(a, 2), key_at(b, 2)); /* resolve() gave them other layers */
	digest_list_release(&b->images.v[0].diff_ids);
	cache_util_add(&b->images.v[0].diff_ids, "debian");
	b->images.v[0].config_digest = cache_util_digest("another config");
	plan_keys(b);
	ck_assert_str_eq(key_at(a, 2), key_at(b, 2));
}
END_TEST

START_TEST(content_keys)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *a = planned(&d, "FROM debian AS s\nRUN 1\nFROM debian\nRUN 1\nCOPY --from=s / /\n");
	AUTO_PLAN struct plan *b = planned(&d, "FROM debian AS s\nRUN 2\nFROM debian\nRUN 2\nCOPY --from=s / /\n");
	AUTO_DIGEST_LIST struct digest_list parent = {0}, from = {0};
	const struct digest_list *const froms[] = {&from};
	struct plan *plans[] = {a, b};
	struct ckey k[2], other;

	cache_util_add(&parent, "base");
	cache_util_add(&from, "source");
	for (size_t i = 0; i < 2; i++) {
		const struct plan_stage *st = &plans[i]->stages.v[1];

		plan_content_key(plans[i], st, &st->steps.v[1], &parent, froms, &k[i]);
	}
	/* same content, whatever came before */
	ck_assert_str_eq(k[0].hex, k[1].hex);
	ck_assert_str_ne(key_at(a, 5), key_at(b, 5));
	cache_util_add(&from, "one more");
	plan_content_key(a, &a->stages.v[1], &a->stages.v[1].steps.v[1], &parent, froms, &other);
	ck_assert_str_ne(other.hex, k[0].hex);
	from.n--;
	cache_util_add(&parent, "one more");
	plan_content_key(a, &a->stages.v[1], &a->stages.v[1].steps.v[1], &parent, froms, &other);
	ck_assert_str_ne(other.hex, k[0].hex);
	/* the first step stands on the image: both keys are the same question */
	plan_content_key(a, &a->stages.v[1], &a->stages.v[1].steps.v[0], &a->images.v[0].diff_ids, NULL, &other);
	ck_assert_str_eq(other.hex, a->stages.v[1].steps.v[0].key.hex);
}
END_TEST

/* The same layers under another date: other times are kept, so that the copy is another one. */
START_TEST(origin_of_a_source_image)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = planned(&d, "FROM scratch\nCOPY --from=debian / /\n");
	AUTO_FREE char *key = mem_strdup(key_at(p, 2));
	struct ckey content[2];
	struct plan_stage *st = &p->stages.v[0];

	for (size_t i = 0; i < 2; i++) {
		const struct digest_list *const from[] = {&p->images.v[0].diff_ids};

		plan_content_key(p, st, &st->steps.v[0], &(struct digest_list){0}, from, &content[i]);
		free(p->images.v[0].config.created);
		p->images.v[0].config.created = mem_strdup("2021-01-01T00:00:00Z");
	}
	plan_keys(p);
	ck_assert_str_ne(key_at(p, 2), key);
	ck_assert_str_ne(content[0].hex, content[1].hex);
}
END_TEST

START_TEST(build_arguments)
{
	static const char text[] = "FROM debian\nARG A=1\nARG B\n\nRUN x $A\n";
	UNIT_DIR(d);
	AUTO_SMAP struct smap a2 = SMAP_STR, a1 = SMAP_STR, b = SMAP_STR, proxy = SMAP_STR, unused = SMAP_STR;

	smap_set_str(&a1, "A", "1");
	smap_set_str(&a2, "A", "2");
	smap_set_str(&b, "B", "b");
	smap_set_str(&proxy, "HTTP_PROXY", "http://proxy.example");
	smap_set_str(&unused, "Z", "z");
	AUTO_PLAN struct plan *plain = planned(&d, text);
	AUTO_PLAN struct plan *with_a1 = planned_with(&d, text, &a1), *with_a2 = planned_with(&d, text, &a2);
	AUTO_PLAN struct plan *with_b = planned_with(&d, text, &b), *with_proxy = planned_with(&d, text, &proxy);
	AUTO_PLAN struct plan *with_unused = planned_with(&d, text, &unused);

	ck_assert_str_eq(key_at(plain, 5), key_at(with_a1, 5));
	ck_assert_str_ne(key_at(plain, 5), key_at(with_a2, 5));
	ck_assert_str_ne(key_at(plain, 5), key_at(with_b, 5));
	ck_assert_str_eq(key_at(plain, 5), key_at(with_proxy, 5));
	ck_assert(strv_has(&with_proxy->stages.v[0].steps.v[2].env_extra, "HTTP_PROXY=http://proxy.example"));
	ck_assert_str_eq(key_at(plain, 5), key_at(with_unused, 5));
	ck_assert_uint_eq(plain->warnings.n, 0);
	ck_assert_uint_eq(with_unused->warnings.n, 1);
	ck_assert_ptr_nonnull(strstr(with_unused->warnings.v[0].text, "Z was not used"));
}
END_TEST

/* --- configs --- */

START_TEST(inheritance)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = planned(&d, "FROM debian AS a\n"
					       "SHELL [\"/bin/ash\", \"-ec\"]\n"
					       "ENV A=1\nUSER u\nWORKDIR /w\nCMD a\nENTRYPOINT [\"e\"]\nLABEL l=1\n"
					       "FROM a AS b\n"
					       "CMD b\n"
					       "RUN x\n"
					       "FROM a AS c\n"
					       "ENTRYPOINT [\"f\"]\n"
					       "FROM b AS end\nCOPY --from=c / /\n");
	const struct imgconfig *a = &stage(p, "a")->config, *b = &stage(p, "b")->config, *c = &stage(p, "c")->config;
	AUTO_FREE char *a_cmd = strv_join(&a->cmd, "|"), *b_cmd = strv_join(&b->cmd, "|");
	AUTO_FREE char *argv = strv_join(&stage(p, "b")->steps.v[1].argv, "|");

	/* the CMD stood before the ENTRYPOINT of the same stage, so it stays */
	ck_assert_str_eq(a_cmd, "/bin/ash|-ec|a");
	ck_assert_str_eq(b_cmd, "/bin/ash|-ec|b");
	ck_assert_str_eq(argv, "/bin/ash|-ec|x");
	ck_assert_str_eq(stage(p, "b")->steps.v[1].workdir, "/w");
	ck_assert_str_eq(stage(p, "b")->steps.v[1].user, "u");
	ck_assert_str_eq(smap_get(&b->env, "A"), "1");
	ck_assert_str_eq(smap_get(&b->labels, "l"), "1");
	ck_assert(!c->has_cmd);
	ck_assert_str_eq(c->entrypoint.v[0], "f");
}
END_TEST

START_TEST(onbuild)
{
	static const char *const triggers[] = {"ENV T=1", "RUN trigger $T"};
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = written(&d, "FROM debian AS a\nRUN own\nONBUILD WORKDIR /later\nFROM a AS b\nRUN b\n");
	struct err e = ERR_INIT;

	unit_ok(plan_select_goals(p, &(struct strv){0}, &e), e);
	resolve(p, CREATED, triggers, ARRAY_LEN(triggers));
	unit_ok(plan_evaluate(p, false, &e), e);
	plan_keys(p);
	const struct plan_stage *a = stage(p, "a"), *b = stage(p, "b");

	/* the image's triggers run first, once */
	ck_assert_uint_eq(a->steps.n, 4);
	ck_assert_int_eq(a->steps.v[1].kind, PLAN_RUN);
	ck_assert_uint_eq(a->steps.v[1].line, 0);
	ck_assert_str_eq(a->steps.v[1].text, "RUN trigger $T");
	ck_assert_str_eq(a->steps.v[2].text, "RUN own");
	ck_assert_uint_eq(a->config.onbuild.n, 1);
	ck_assert_uint_eq(b->steps.n, 2);
	ck_assert_int_eq(b->steps.v[0].kind, PLAN_WORKDIR);
	ck_assert_str_eq(b->steps.v[1].workdir, "/later");
	ck_assert_uint_eq(b->config.onbuild.n, 0);
	ck_assert(ckey_is_set(&b->steps.v[1].key));
}
END_TEST

/* A trigger that copies from a stage which nothing else needs: refused, not taken as empty. */
START_TEST(onbuild_from_a_stage)
{
	static const char *const triggers[] = {"COPY --from=tools /x /x"};
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = written(&d, "FROM scratch AS tools\nCOPY x /x\nFROM debian\n");
	struct err e = ERR_INIT;

	unit_ok(plan_select_goals(p, &(struct strv){0}, &e), e);
	resolve(p, CREATED, triggers, ARRAY_LEN(triggers));
	ck_assert_int_lt(plan_evaluate(p, false, &e), 0);
	unit_failed(e, ERR_INPUT, "ONBUILD");
}
END_TEST

START_TEST(labels_by_option)
{
	UNIT_DIR(d);
	AUTO_SMAP struct smap labels = SMAP_STR;
	AUTO_PLAN struct plan *p = written(&d, "FROM debian AS a\nRUN x\nFROM a\nLABEL l=1\nRUN y\n");
	struct err e = ERR_INIT;

	smap_set_str(&labels, "l", "option");
	p->labels = &labels;
	unit_ok(plan_select_goals(p, &(struct strv){0}, &e), e);
	finish(p);
	ck_assert_str_eq(smap_get(&stage(p, "stage-1")->config.labels, "l"), "option");
	ck_assert_ptr_null(smap_get(&stage(p, "a")->config.labels, "l"));
}
END_TEST

/* --- the dump --- */

START_TEST(dump)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = planned(&d, "FROM debian AS a\nLABEL x=1\nRUN x\nFROM a AS b\nCOPY --from=busybox /x /\n");
	enum plan_state of_a[] = {PLAN_LOCAL, PLAN_LOCAL}, of_b[] = {PLAN_BUILD}, stages[] = {PLAN_LOCAL, PLAN_BUILD};
	enum plan_state *of_steps[] = {of_a, of_b};
	struct plan_states st = {.stage = stages, .step = of_steps};
	AUTO_JSON struct json *j = plan_dump(p, &st), *unknown = plan_dump(p, NULL);
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *want = mem_printf(
		"{\"goals\":[\"b\"],\"stages\":["
		"{\"dockerfile\":\"%s/c/Dockerfile\",\"flavor\":null,\"goal\":false,\"key\":\"%s\",\"name\":\"a\","
		"\"needs\":[{\"kind\":\"image\",\"ref\":\"debian\"}],\"platform\":\"linux/amd64\",\"state\":\"local\","
		"\"steps\":[{\"instruction\":\"LABEL x=1\",\"key\":null,\"line\":2,\"n\":1,\"state\":\"local\"},"
		"{\"instruction\":\"RUN x\",\"key\":\"%s\",\"line\":3,\"n\":2,\"state\":\"local\"}]},"
		"{\"dockerfile\":\"%s/c/Dockerfile\",\"flavor\":null,\"goal\":true,\"key\":\"%s\",\"name\":\"b\","
		"\"needs\":[{\"kind\":\"from\",\"stage\":\"a\"},{\"kind\":\"copy\",\"ref\":\"busybox\"}],"
		"\"platform\":\"linux/amd64\",\"state\":\"build\","
		"\"steps\":[{\"instruction\":\"COPY --from=busybox /x /\",\"key\":\"%s\",\"line\":5,\"n\":1,"
		"\"state\":\"build\"}]}],\"version\":1}",
		d.path, key_at(p, 3), key_at(p, 3), d.path, key_at(p, 5), key_at(p, 5));

	json_write(j, &text);
	ck_assert_str_eq(buf_str(&text), want);
	ck_assert_str_eq(json_get_str(json_at(json_get(unknown, "stages"), 0), "state"), "unknown");
}
END_TEST

START_TEST(offline)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = written(&d, "FROM debian\nRUN x\nFROM scratch\nCOPY a /\n");
	struct err e = ERR_INIT;

	GOALS(p, "stage-0", "stage-1");
	unit_ok(plan_evaluate(p, true, &e), e);
	fake_scan(p);
	plan_keys(p);
	ck_assert(!ckey_is_set(&p->stages.v[0].steps.v[0].key));
	ck_assert(ckey_is_set(&p->stages.v[1].steps.v[0].key));
	AUTO_JSON struct json *j = plan_dump(p, NULL);

	ck_assert(json_is_null(json_get(json_at(json_get(j, "stages"), 0), "key")));
}
END_TEST

UNIT_MAIN("plan", stages_and_edges, later_stages_of_the_name_do_not_count, mounts_are_edges, files_that_do_not_load,
	  contexts_that_do_not_load, containerfile_and_own_ignore_file, goals, unknown_names_list_the_known,
	  goals_of_several_contexts, force, order, names_of_a_flavor, default_goals_of_a_flavor, circles, steps, refused_flags,
	  logical_times, what_is_in_a_key, mounted_files_are_in_the_key, mounts, mounts_refused,
	  what_else_is_in_a_key, keys_do_not_depend_on_the_base_manifest, content_keys,
	  origin_of_a_source_image,
	  build_arguments, inheritance, onbuild, onbuild_from_a_stage, labels_by_option, dump, offline)
