/* Keys of steps: what changes them and what does not. */
#include "tests/unit/plan_util.h"

/* Each row changes something between FROM and the RUN of line 5 (first step: line 4). */
START_TEST(what_is_in_a_key)
{
	static const struct {
		const char *what, *before, *after;
		bool differs;
	} rows[] = {
		{"nothing", "FROM debian\n\n\nRUN x\nRUN y\n", "FROM debian\n\n\nRUN x\nRUN y\n", false},
		{"label", "FROM debian\n\nLABEL a=1\nRUN x\nRUN y\n", "FROM debian\n\nLABEL a=2\nRUN x\nRUN y\n",
		 false},
		{"cmd", "FROM debian\n\nCMD a\nRUN x\nRUN y\n", "FROM debian\n\n\nRUN x\nRUN y\n", false},
		{"entrypoint", "FROM debian\n\nENTRYPOINT a\nRUN x\nRUN y\n", "FROM debian\n\nCMD b\nRUN x\nRUN y\n",
		 false},
		{"expose, volume, stopsignal, healthcheck", "FROM debian\nEXPOSE 1\nVOLUME /v\nRUN x\nRUN y\n",
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
		{"argument that nobody names", "FROM debian\n\nARG A=1\nRUN x\nRUN y\n",
		 "FROM debian\n\n\nRUN x\nRUN y\n", true},
		{"user", "FROM debian\n\n\nUSER a\nRUN y\n", "FROM debian\n\n\nUSER b\nRUN y\n", true},
		{"shell", "FROM debian\n\n\nSHELL [\"a\"]\nRUN y\n", "FROM debian\n\n\nSHELL [\"b\"]\nRUN y\n", true},
		{"shell of exec form", "FROM debian\n\n\nSHELL [\"a\"]\nRUN [\"y\"]\n",
		 "FROM debian\n\n\nSHELL [\"b\"]\nRUN [\"y\"]\n", false},
		{"network", "FROM debian\n\n\n\nRUN y\n", "FROM debian\n\n\n\nRUN --network=none y\n", true},
		{"base", "FROM debian\n\n\nRUN x\nRUN y\n", "FROM debian:12\n\n\nRUN x\nRUN y\n", true},
		{"platform", "FROM debian\n\n\nRUN x\nRUN y\n",
		 "FROM --platform=linux/arm64 debian\n\n\nRUN x\nRUN y\n", true},
		{"copied names", "FROM debian\n\n\n\nCOPY a /x\n", "FROM debian\n\n\n\nCOPY b /x\n", true},
		{"destination", "FROM debian\n\n\n\nCOPY a /x\n", "FROM debian\n\n\n\nCOPY a /y\n", true},
		{"directory or name", "FROM debian\n\n\n\nCOPY a /x\n", "FROM debian\n\n\n\nCOPY a /x/\n", true},
		{"chown", "FROM debian\n\n\n\nCOPY a /x\n", "FROM debian\n\n\n\nCOPY --chown=0 a /x\n", true},
		{"chmod", "FROM debian\n\n\n\nCOPY --chmod=644 a /x\n", "FROM debian\n\n\n\nCOPY --chmod=755 a /x\n",
		 true},
		{"COPY or ADD", "FROM debian\n\n\n\nCOPY a /x\n", "FROM debian\n\n\n\nADD a /x\n", true},
		{"user of a copy", "FROM debian\n\n\nUSER a\nCOPY a /x\n", "FROM debian\n\n\nUSER b\nCOPY a /x\n",
		 false},
		{"env of a copy", "FROM debian\n\n\nENV a=1\nCOPY a /x\n", "FROM debian\n\n\nENV a=2\nCOPY a /x\n",
		 false},
		{"env in a copy", "FROM debian\n\n\nENV a=1\nCOPY $a /x\n", "FROM debian\n\n\nENV a=2\nCOPY $a /x\n",
		 true},
		{"workdir", "FROM debian\n\n\nWORKDIR /a\nRUN y\n", "FROM debian\n\n\nWORKDIR /b\nRUN y\n", true},
		{"source stage", "FROM debian AS a\nRUN 1\nFROM debian\n\nCOPY --from=a / /\n",
		 "FROM debian AS a\nRUN 2\nFROM debian\n\nCOPY --from=a / /\n", true},
		{"what the source stage runs as", "FROM debian AS a\nCMD 1\nFROM debian\n\nCOPY --from=a / /\n",
		 "FROM debian AS a\nCMD 2\nFROM debian\n\nCOPY --from=a / /\n", false},
		{"source image", "FROM debian\n\n\n\nCOPY --from=a / /\n", "FROM debian\n\n\n\nCOPY --from=b / /\n",
		 true},
		{"mount", "FROM debian\n\n\n\nRUN x\n", "FROM debian\n\n\n\nRUN --mount=type=tmpfs,target=/t x\n",
		 true},
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
		 "FROM debian AS a\nRUN 2\nFROM debian\n\nRUN --mount=from=b,target=/u --mount=from=a,target=/t x\n",
		 true},
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

UNIT_MAIN("plan_key", what_is_in_a_key, mounted_files_are_in_the_key, mounts, mounts_refused, what_else_is_in_a_key,
	  keys_do_not_depend_on_the_base_manifest, content_keys, origin_of_a_source_image, build_arguments)
