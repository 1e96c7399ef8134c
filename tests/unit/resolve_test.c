/* Base images: from the store, by digest, from a layout, from a registry; each once, and errors that name the line. */
#include "src/build/state.h"

#include "tests/unit/cache_util.h"
#include "tests/unit/fake_http.h"

struct fixture {
	struct unit_dir d;
	struct session s;
	struct build b;
	struct build_opts o;
};

static void begin(struct fixture *f, const char *dockerfile)
{
	AUTO_FREE char *root = NULL, *dir = NULL;
	struct err e = ERR_INIT;

	*f = (struct fixture){.d = unit_dir_make()};
	root = mem_printf("%s/store", f->d.path);
	dir = mem_printf("%s/c", f->d.path);
	build_opts_init(&f->o);
	unit_ok(session_open(&f->s, root, NULL, &e), e);
	f->b = (struct build){.s = &f->s, .o = &f->o, .plan = plan_new()};
	f->b.trees = f->b.origins = f->b.hits = f->b.misses = SMAP_INIT(NULL);
	cache_util_file(&f->d, "c/Dockerfile", dockerfile);
	unit_ok(plan_add_context(f->b.plan, dir, NULL, NULL, &e), e);
	unit_ok(plan_select_goals(f->b.plan, &(struct strv){0}, &e), e);
}

static void end(struct fixture *f)
{
	plan_free(f->b.plan);
	trees_release(&f->b);
	build_opts_release(&f->o);
	session_close(&f->s);
	unit_dir_release(&f->d);
}
#define AUTO_FIXTURE AUTO(end)

/* Config (of one layer, for this or another machine) and manifest of an image. */
struct made {
	struct buf config, manifest;
	struct digest config_digest, manifest_digest, layer, diff_id;
};

static void make(struct made *m, const char *arch)
{
	AUTO_IMGCONFIG struct imgconfig c;
	AUTO_MANIFEST struct manifest im = {0};
	AUTO_DESCRIPTOR struct descriptor layer = {0};
	struct platform p;

	*m = (struct made){.config = BUF_INIT(BUF_TEXT_MAX), .manifest = BUF_INIT(BUF_TEXT_MAX)};
	m->layer = cache_util_digest("blob");
	m->diff_id = cache_util_digest("tree");
	platform_host(&p);
	if (arch)
		snprintf(p.arch, sizeof p.arch, "%s", arch);
	imgconfig_init(&c, &p);
	vec_push(&c.diff_ids, m->diff_id);
	imgconfig_write(&c, &m->config);
	digest_of_bytes(m->config.p, m->config.n, &m->config_digest);
	descriptor_set(&im.config, MEDIATYPE_OCI_CONFIG, &m->config_digest, m->config.n);
	descriptor_set(&layer, MEDIATYPE_OCI_LAYER_GZIP, &m->layer, 1234);
	manifest_add_layer(&im, &layer);
	manifest_write(&im, &m->manifest);
	digest_of_bytes(m->manifest.p, m->manifest.n, &m->manifest_digest);
}

static void made_release(struct made *m)
{
	buf_release(&m->config);
	buf_release(&m->manifest);
}
#define AUTO_MADE AUTO(made_release)

static void put(struct fixture *f, const struct made *m, const char *name)
{
	AUTO_FREE char *full = mem_strdup(name);
	AUTO_DESCRIPTOR struct descriptor d = {0};
	struct store_image im = {.name = full, .config = m->config_digest};
	struct err e = ERR_INIT;

	vec_push(&im.diff_ids, m->diff_id);
	unit_ok(store_blob_put(f->s.store, m->config.p, m->config.n, MEDIATYPE_OCI_CONFIG, NULL, &e), e);
	unit_ok(store_blob_put(f->s.store, m->manifest.p, m->manifest.n, MEDIATYPE_OCI_MANIFEST, &d, &e), e);
	im.manifest = d;
	if (name)
		unit_ok(store_image_put(f->s.store, &im, &e), e);
	digest_list_release(&im.diff_ids);
}

static const struct plan_image *image(const struct fixture *f)
{
	ck_assert_uint_eq(f->b.plan->images.n, 1);
	return &f->b.plan->images.v[0];
}

static void assert_resolved(const struct fixture *f, const struct made *m)
{
	const struct plan_image *im = image(f);

	ck_assert(im->resolved && digest_eq(&im->config_digest, &m->config_digest));
	ck_assert(digest_eq(&im->manifest_digest, &m->manifest_digest));
	ck_assert_uint_eq(im->diff_ids.n, 1);
	ck_assert(digest_eq(&im->diff_ids.v[0], &m->diff_id));
}

START_TEST(from_the_store)
{
	static const struct {
		const char *ref, *name;
		enum build_pull pull;
		bool offline;
	} rows[] = {
		{"localhost/base:1", "localhost/base:1", BUILD_PULL_ALWAYS, false}, /* it is nowhere else */
		{"127.0.0.1:1/base:1", "127.0.0.1:1/base:1", BUILD_PULL_MISSING, false},
		{"127.0.0.1:1/base:1", "127.0.0.1:1/base:1", BUILD_PULL_NEVER, false},
		{"127.0.0.1:1/base:1", "127.0.0.1:1/base:1", BUILD_PULL_ALWAYS, true},
		{"base", "docker.io/library/base:latest", BUILD_PULL_NEVER, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *text = mem_printf("FROM %s\nFROM %s\nCOPY --from=0 /x /\n", rows[i].ref, rows[i].ref);
		AUTO_FIXTURE struct fixture f;
		AUTO_MADE struct made m;
		struct err e = ERR_INIT;

		begin(&f, text);
		f.o.pull = rows[i].pull;
		f.o.offline = rows[i].offline;
		make(&m, NULL);
		put(&f, &m, rows[i].name);
		unit_ok(resolve_images(&f.b, &e), e);
		assert_resolved(&f, &m);
	}
}
END_TEST

START_TEST(not_in_the_store)
{
	static const struct {
		const char *ref;
		enum build_pull pull;
		bool offline;
		const char *hint;
	} rows[] = {
		{"localhost/base:1", BUILD_PULL_ALWAYS, false, "slct import"},
		{"127.0.0.1:1/base:1", BUILD_PULL_NEVER, false, "without --pull never"},
		{"127.0.0.1:1/base:1", BUILD_PULL_ALWAYS, true, "without --offline"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *text = mem_printf("# the base\nFROM %s\n", rows[i].ref);
		AUTO_FIXTURE struct fixture f;
		struct err e = ERR_INIT;

		begin(&f, text);
		f.o.pull = rows[i].pull;
		f.o.offline = rows[i].offline;
		ck_assert_int_lt(resolve_images(&f.b, &e), 0);
		ck_assert_msg(e.hint && strstr(e.hint, rows[i].hint), "%s", e.hint ? e.hint : "no hint");
		ck_assert_ptr_nonnull(strstr(e.msg, rows[i].ref));
		ck_assert_uint_eq(e.place.line, 2);
		unit_failed(e, ERR_INPUT, "not in the store");
	}
}
END_TEST

/* What nothing needs is not asked for. */
START_TEST(only_what_is_needed)
{
	AUTO_FIXTURE struct fixture f;
	struct err e = ERR_INIT;

	begin(&f, "FROM 127.0.0.1:1/other AS unused\nFROM scratch\nCOPY x /\n");
	unit_ok(resolve_images(&f.b, &e), e);
	ck_assert(!f.b.plan->images.n || !image(&f)->resolved);
}
END_TEST

/* A digest is the same everywhere: with manifest and config here no registry is asked, whatever --pull says. */
START_TEST(by_digest)
{
	AUTO_MADE struct made m;
	AUTO_FIXTURE struct fixture f;
	struct err e = ERR_INIT;

	make(&m, NULL);
	AUTO_FREE char *text = mem_printf("FROM 127.0.0.1:1/base@%s\n", m.manifest_digest.text);

	begin(&f, text);
	put(&f, &m, "localhost/any:1");
	unit_ok(resolve_images(&f.b, &e), e);
	assert_resolved(&f, &m);
	const struct layer_origin *o = smap_get(&f.b.origins, m.diff_id.text);

	ck_assert_ptr_nonnull(o);
	ck_assert_str_eq(o->repo, "127.0.0.1:1/base");
	ck_assert(digest_eq(&o->blob.digest, &m.layer));
}
END_TEST

/* --pull missing: a name that has another platform's image here is asked for, since one name has one image. */
START_TEST(another_platform_is_missing)
{
	AUTO_FIXTURE struct fixture f;
	AUTO_MADE struct made m;
	struct err e = ERR_INIT;

	begin(&f, "FROM 127.0.0.1:1/base:1\n");
	f.s.net.retries = 1;
	f.o.pull = BUILD_PULL_MISSING;
	make(&m, "s390x");
	put(&f, &m, "127.0.0.1:1/base:1");
	ck_assert_int_lt(resolve_images(&f.b, &e), 0);
	ck_assert_uint_eq(e.place.line, 1);
	ck_assert_msg(e.hint != NULL, "%s", e.msg);
	unit_failed(e, ERR_REGISTRY, "127.0.0.1:1/base:1");
}
END_TEST

START_TEST(as_many_layers_as_the_config_says)
{
	AUTO_MADE struct made m, two;
	AUTO_FIXTURE struct fixture f;
	AUTO_MANIFEST struct manifest im = {0};
	AUTO_DESCRIPTOR struct descriptor layer = {0};
	struct err e = ERR_INIT;

	make(&m, NULL);
	make(&two, NULL);
	buf_release(&two.manifest);
	two.manifest = BUF_INIT(BUF_TEXT_MAX);
	descriptor_set(&im.config, MEDIATYPE_OCI_CONFIG, &m.config_digest, m.config.n);
	descriptor_set(&layer, MEDIATYPE_OCI_LAYER_GZIP, &m.layer, 1234);
	manifest_add_layer(&im, &layer);
	manifest_add_layer(&im, &layer);
	manifest_write(&im, &two.manifest);
	begin(&f, "FROM localhost/base:1\n");
	put(&f, &two, "localhost/base:1");
	ck_assert_int_lt(resolve_images(&f.b, &e), 0);
	unit_failed(e, ERR_REGISTRY, "2 layers in the manifest, 1 in the config");
}
END_TEST

/* --- a registry --- */

static struct made served;

static void serve(struct fake_conn *c)
{
	if (strstr(c->q->target, "/manifests/"))
		fake_answer(c, 200, "Content-Type: " MEDIATYPE_OCI_MANIFEST "\r\n", served.manifest.p,
			    served.manifest.n);
	else if (strstr(c->q->target, served.config_digest.text))
		fake_answer(c, 200, "", served.config.p, served.config.n);
	else
		fake_status(c, 404, "");
}

START_TEST(from_a_registry)
{
	AUTO_FIXTURE struct fixture f;
	struct err e = ERR_INIT;

	make(&served, NULL);
	FAKE(reg, serve);
	AUTO_FREE char *text = mem_printf("FROM %s/some/base:1 AS one\nFROM %s/some/base:1\nCOPY --from=one /x /\n",
					  reg.host, reg.host);
	AUTO_FREE char *repo = mem_printf("%s/some/base", reg.host);

	begin(&f, text);
	unit_ok(resolve_images(&f.b, &e), e);
	assert_resolved(&f, &served);
	ck_assert_uint_eq(reg.log->n, 2); /* manifest and config, once for both stages; no layer */
	const struct layer_origin *o = smap_get(&f.b.origins, served.diff_id.text);

	ck_assert_str_eq(o->repo, repo);
	/* Both are kept: by its digest it is found without asking. */
	ck_assert(store_blob_has(f.s.store, &served.manifest_digest, NULL));
	ck_assert(store_blob_has(f.s.store, &served.config_digest, NULL));
	made_release(&served);
}
END_TEST

static void refuse(struct fake_conn *c)
{
	fake_status(c, 404, "");
}

/* The first failure is told, when all have ended. */
START_TEST(several_that_fail)
{
	AUTO_FIXTURE struct fixture f;
	struct err e = ERR_INIT;

	FAKE(reg, refuse);
	AUTO_FREE char *text =
		mem_printf("FROM %s/one:1 AS a\nFROM %s/two:1\nCOPY --from=a /x /\n", reg.host, reg.host);

	begin(&f, text);
	ck_assert_int_lt(resolve_images(&f.b, &e), 0);
	ck_assert(e.place.line == 1 || e.place.line == 2);
	ck_assert(!strstr(e.msg, "one:1") != !strstr(e.msg, "two:1"));
	ck_assert_uint_eq(f.s.workers ? 1 : 0, 0);
	err_release(&e);
}
END_TEST

UNIT_MAIN("resolve", from_the_store, not_in_the_store, only_what_is_needed, by_digest, another_platform_is_missing,
	  as_many_layers_as_the_config_says, from_a_registry, several_that_fail)
