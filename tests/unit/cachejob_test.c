/* What the scheduler tells the worker that writes a cache, there and back; what the worker knows of tags; places. */
#include "src/build/cachejob.h"
#include "src/build/cacheknown.h"
#include "src/build/cachepick.h"
#include "tests/unit/cache_util.h"

START_TEST(there_and_back)
{
	AUTO_CACHEJOB struct cachejob job = {.kind = CACHEJOB_WRITE, .stage = 3, .step = 9, .built = 1700000000};
	AUTO_CACHEJOB struct cachejob got = {0};
	AUTO_JSON struct json *j = NULL;
	struct digest one = cache_util_digest("one"), two = cache_util_digest("two"), blob = cache_util_digest("blob");
	struct cachejob_layer *l;
	struct err e = ERR_INIT;

	job.input = cache_util_key("input");
	job.content = cache_util_key("content");
	job.made = mem_strdup("011");
	job.replace = job.fetch = true;
	l = cachejob_add(&job, &one);
	l->from = mem_strdup("localhost:1/cache");
	l->there = true;
	descriptor_set(&l->blob, MEDIATYPE_OCI_LAYER_GZIP, &blob, 77);
	cachejob_add(&job, &two)->stream = mem_strdup("tmp/x");
	j = cachejob_to_json(&job);
	unit_ok(cachejob_from_json(j, &got, &e), e);
	ck_assert(got.kind == CACHEJOB_WRITE && got.stage == 3 && got.step == 9 && got.built == job.built);
	ck_assert(got.replace && got.fetch && !got.text);
	ck_assert_str_eq(got.made, "011");
	ck_assert_str_eq(got.input.hex, job.input.hex);
	ck_assert_str_eq(got.content.hex, job.content.hex);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_str_eq(got.layers[0].from, "localhost:1/cache");
	ck_assert(got.layers[0].there && !got.layers[0].stream && got.layers[0].blob.size == 77);
	ck_assert(digest_eq(&got.layers[1].diff_id, &two) && !digest_is_set(&got.layers[1].blob.digest));
	ck_assert_str_eq(got.layers[1].stream, "tmp/x");
}
END_TEST

START_TEST(a_layer_of_nowhere)
{
	AUTO_CACHEJOB struct cachejob job = {0}, got = {0};
	AUTO_JSON struct json *j = NULL;
	struct digest one = cache_util_digest("one");
	struct err e = ERR_INIT;

	cachejob_add(&job, &one);
	j = cachejob_to_json(&job);
	ck_assert(cachejob_from_json(j, &got, &e) < 0);
	unit_failed(e, ERR_INTERNAL, "neither blob nor file");
}
END_TEST

START_TEST(tags_that_are_known)
{
	struct cacheknown k = {0};
	AUTO_STRV struct strv tags = {0};

	ck_assert_int_eq(cacheknown_has(&k, "a"), CACHEKNOWN_PERHAPS);
	strv_add(&tags, "a");
	cacheknown_list(&k, &tags, false); /* the first page of many */
	ck_assert_int_eq(cacheknown_has(&k, "a"), CACHEKNOWN_YES);
	ck_assert_int_eq(cacheknown_has(&k, "b"), CACHEKNOWN_PERHAPS);
	cacheknown_tell(&k, "b", false);
	ck_assert_int_eq(cacheknown_has(&k, "b"), CACHEKNOWN_NO);
	cacheknown_tell(&k, "b", true);
	ck_assert_int_eq(cacheknown_has(&k, "b"), CACHEKNOWN_YES);
	ck_assert(!k.empty);
	cacheknown_tell(&k, "slct-used-20261122-1", true);
	cacheknown_tell(&k, "slct-used-20261122-2", false);
	cacheknown_tell(&k, "slct-used-20261123-1", true);
	ck_assert_uint_eq(cacheknown_count(&k, "slct-used-20261122-"), 1);
	ck_assert_uint_eq(cacheknown_count(&k, "slct-used-"), 2);
	cacheknown_release(&k);
	cacheknown_list(&k, &(struct strv){0}, true);
	ck_assert(k.empty);
	ck_assert_int_eq(cacheknown_has(&k, "b"), CACHEKNOWN_NO);
	cacheknown_release(&k);
}
END_TEST

static int pick(const struct unit_dir *d, struct build_opts *o, struct cachepick *c, struct err *e)
{
	AUTO_FREE char *dir = mem_printf("%s/c", d->path);
	struct plan *p = plan_new();
	int rc;

	cache_util_file(d, "c/Dockerfile", "FROM scratch AS a\nCOPY x /\nFROM scratch AS b\nCOPY x /\n");
	unit_ok(plan_add_context(p, dir, NULL, NULL, e), *e);
	rc = cachepick_init(o, p, c, e);
	plan_free(p);
	return rc;
}

START_TEST(places_and_stages)
{
	UNIT_DIR(d);
	struct build_opts o;
	struct cachepick c = {0};
	struct err e = ERR_INIT;

	build_opts_init(&o);
	strv_add(&o.cache_from, "localhost:1/x,stage=b");
	strv_add(&o.cache_from, "/dir,required");
	strv_add(&o.cache_to, "localhost:1/y,why,mode=stages");
	strv_add(&o.cache_ttl, "1h");
	strv_add(&o.cache_ttl, "b=0s");
	unit_ok(pick(&d, &o, &c, &e), e);
	ck_assert(!cachepick_takes(&c.from.v[0], 0) && cachepick_takes(&c.from.v[0], 1));
	ck_assert(cachepick_takes(&c.from.v[1], 0) && c.from.v[1].opt.required);
	ck_assert(c.to.v[0].opt.why && c.to.v[0].opt.stages_only);
	ck_assert_int_eq(cachepick_ttl(&c, 0), INT64_C(3600000000000));
	ck_assert_int_eq(cachepick_ttl(&c, 1), 0);
	ck_assert(!cachepick_ttl_own(&c, 0) && !cachepick_ttl_own(&c, 1));
	cachepick_release(&c);
	strv_add(&o.cache_ttl, "c=1h");
	ck_assert(pick(&d, &o, &c, &e) < 0);
	unit_failed(e, ERR_INPUT, "--cache-ttl");
	cachepick_release(&c);
	build_opts_release(&o);
}
END_TEST

UNIT_MAIN("cachejob", there_and_back, a_layer_of_nowhere, tags_that_are_known, places_and_stages)
