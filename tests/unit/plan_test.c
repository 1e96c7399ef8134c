/* Plans: from Dockerfiles in a directory to stages, edges, goals, steps and configs. */
#include "tests/unit/plan_util.h"

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
		{NULL, "d", "a d"},
		{"c", "c", "a b other c"},
		{"C", "c", "a b other c"},
		{"1", "b", "a b"},
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
		{"", "a b other c"}, {"a", "a b c"}, {"other", "other c"},
		{"c", "c"},	     {"d", ""},	     {"b other", "b other c"},
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
	} rows[] = {{PLAN_META, 2, 2}, {PLAN_WORKDIR, 3, 3}, {PLAN_RUN, 4, 5},
		    {PLAN_META, 6, 6}, {PLAN_META, 7, 7},    {PLAN_RUN, 8, 8},
		    {PLAN_COPY, 9, 9}, {PLAN_RUN, 10, 10},   {PLAN_WORKDIR, 11, 11}};

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
		{"a", 0, CREATED_S},	       {"a", 1, CREATED_S + 1}, {"a", 2, CREATED_S + 2},
		{"a", 3, CREATED_S + 2},       {"b", 0, CREATED_S + 3}, {"b", 1, CREATED_S + 3},
		{"b", 2, CREATED_S + 4},       {"c", 0, 315619200 + 1}, {"stage-3", 0, CREATED_S + 5},
		{"stage-3", 1, CREATED_S + 6},
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
	AUTO_PLAN struct plan *p =
		written(&d, "FROM debian AS a\nRUN own\nONBUILD WORKDIR /later\nFROM a AS b\nRUN b\n");
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
	AUTO_PLAN struct plan *p =
		planned(&d, "FROM debian AS a\nLABEL x=1\nRUN x\nFROM a AS b\nCOPY --from=busybox /x /\n");
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
	  goals_of_several_contexts, force, order, names_of_a_flavor, default_goals_of_a_flavor, circles, steps,
	  refused_flags, logical_times, inheritance, onbuild, onbuild_from_a_stage, labels_by_option, dump, offline)
