/* Entries of a remote cache: what cremote_annotate() writes is accepted after a trip through a manifest's text; whoever
 * wrote an entry that does not hold what it says gets no hit. */
#include "src/cache/cremote.h"
#include "tests/unit/cache_util.h"

static void make(struct manifest *m, const char *made)
{
	AUTO_DIGEST_LIST struct digest_list ids = {0};
	struct ckey input = cache_util_key("input"), content = cache_util_key("content");
	struct digest config = cache_util_digest("config");

	descriptor_set(&m->config, MEDIATYPE_OCI_CONFIG, &config, 6);
	for (int i = 0; i < 2; i++) {
		AUTO_FREE char *word = mem_printf("layer%d", i);
		struct digest blob = cache_util_digest(word);
		struct descriptor d = {0};

		descriptor_set(&d, MEDIATYPE_OCI_LAYER_GZIP, &blob, 100);
		manifest_add_layer(m, &d);
		descriptor_release(&d);
		word[0] = 'L';
		cache_util_add(&ids, word);
	}
	cremote_annotate(m, &ids, &input, &content, made, 1700000000);
}

/* Through text, as from a registry, with one part of it exchanged. */
static void reread(const struct manifest *m, struct manifest *out, const char *from, const char *to)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *changed = NULL;
	struct err e = ERR_INIT;

	manifest_write(m, &text);
	const char *at = from ? strstr(buf_str(&text), from) : NULL;

	ck_assert_msg(!from || at, "%s is not in %s", from, buf_str(&text));
	changed = at ? mem_printf("%.*s%s%s", (int)(at - text.p), text.p, to, at + strlen(from))
		     : mem_strdup(buf_str(&text));
	unit_ok(manifest_parse(changed, strlen(changed), NULL, out, ERR_REGISTRY, &e), e);
}

START_TEST(accepts_by_both_keys)
{
	static const char *const words[] = {"input", "content"};
	AUTO_MANIFEST struct manifest m = {0}, got = {0};

	make(&m, "101");
	reread(&m, &got, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		AUTO_CLOCAL struct clocal r = {0};
		struct ckey k = cache_util_key(words[i]);
		struct err e = ERR_INIT;

		unit_ok(cremote_accept(&got, &k, &r, &e), e);
		ck_assert_str_eq(r.key.hex, k.hex);
		ck_assert_str_eq(r.made, "101");
		ck_assert_int_eq(r.built, 1700000000);
		ck_assert_uint_eq(r.diff_ids.n, 2);
		ck_assert_str_eq(r.diff_ids.v[0].text, cache_util_digest("Layer0").text);
		ck_assert_str_eq(r.diff_ids.v[1].text, cache_util_digest("Layer1").text);
	}
	ck_assert_ptr_nonnull(json_get_str(got.annotations, CREMOTE_BUILT));
}
END_TEST

static void refuses(const char *word, const char *made, const char *from, const char *to, const char *text)
{
	AUTO_MANIFEST struct manifest m = {0}, got = {0};
	AUTO_CLOCAL struct clocal r = {0};
	struct ckey k = cache_util_key(word);
	struct err e = ERR_INIT;

	make(&m, made);
	reread(&m, &got, from, to);
	ck_assert_msg(cremote_accept(&got, &k, &r, &e) < 0, "%s %s %s", word, made, to ? to : "");
	ck_assert_uint_eq(r.diff_ids.n, 0);
	ck_assert_ptr_null(r.made);
	unit_failed(e, ERR_INTEGRITY, text);
}

START_TEST(refuses_what_does_not_hold)
{
	AUTO_FREE char *second = mem_printf("\"%s\":\"%s\"", CREMOTE_DIFF_ID, cache_util_digest("Layer1").text);

	refuses("other", "10", NULL, NULL, "does not carry the key");
	refuses("input", "10", CREMOTE_KEY, "io.slct.cache.kez", "does not carry the key");
	refuses("input", "111", NULL, NULL, "wrong list of layers");
	refuses("input", "1x", NULL, NULL, "wrong list of layers");
	refuses("input", "", NULL, NULL, "wrong list of layers");
	refuses("input", "10", CREMOTE_MADE, "io.slct.cache.male", "wrong list of layers");
	refuses("input", "10", MEDIATYPE_OCI_LAYER_GZIP, "application/x-foo",
		"is \"application/x-foo\", which is none");
	refuses("input", "10", MEDIATYPE_OCI_LAYER_GZIP, MEDIATYPE_OCI_MANIFEST, "which is none");
	refuses("input", "10", second, "\"io.slct.x\":\"\"", "layer 1 has no diff id");
	refuses("input", "10", second, "\"io.slct.diff-id\":\"sha256:12\"", "diff id of layer 1");
}
END_TEST

START_TEST(refuses_a_manifest_without_annotations)
{
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_CLOCAL struct clocal r = {0};
	struct ckey k = cache_util_key("input");
	struct err e = ERR_INIT;

	ck_assert_int_lt(cremote_accept(&m, &k, &r, &e), 0);
	unit_failed(e, ERR_INTEGRITY, "does not carry the key");
}
END_TEST

/* A published image is made of these layers, and has the same manifest wherever they came from. */
START_TEST(strips_what_is_the_caches)
{
	AUTO_MANIFEST struct manifest m = {0}, got = {0};

	make(&m, "10");
	strv_add(&m.layers[0].urls, "http://localhost:1/x");
	descriptor_annotate(&m.layers[0], "org.example.x", "y");
	reread(&m, &got, NULL, NULL);
	cremote_strip(&got);
	ck_assert_uint_eq(got.nlayers, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct descriptor *d = &got.layers[i];

		ck_assert(!d->annotations && !d->platform && !d->urls.n);
		ck_assert(digest_eq(&d->digest, &m.layers[i].digest) && d->size == 100);
		ck_assert_str_eq(d->media_type, MEDIATYPE_OCI_LAYER_GZIP);
	}
}
END_TEST

UNIT_MAIN("cremote", accepts_by_both_keys, refuses_what_does_not_hold, refuses_a_manifest_without_annotations,
	  strips_what_is_the_caches)
