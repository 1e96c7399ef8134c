/* Local records: what is written comes back; everything that is not exactly that counts as absent. */
#include "src/cache/clocal.h"
#include "tests/unit/cache_util.h"

static void put(struct store *s, const char *word, const char *made)
{
	AUTO_CLOCAL struct clocal r = {.key = cache_util_key(word)};
	struct err e = ERR_INIT;

	r.made = mem_strdup(made);
	r.step = mem_strdup("f/s 3 RUN x");
	r.inputs = json_object();
	json_set_str(r.inputs, "user", "root");
	cache_util_add(&r.diff_ids, "base");
	cache_util_add(&r.diff_ids, "layer");
	unit_ok(clocal_put(s, &r, &e), e);
}

START_TEST(round_trip)
{
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	AUTO_CLOCAL struct clocal r = {0};
	struct ckey k = cache_util_key("one"), other = cache_util_key("two");

	put(s, "one", "10");
	ck_assert(clocal_get(s, &k, &r));
	ck_assert_str_eq(r.key.hex, k.hex);
	ck_assert_str_eq(r.made, "10");
	ck_assert_str_eq(r.step, "f/s 3 RUN x");
	ck_assert_str_eq(json_get_str(r.inputs, "user"), "root");
	ck_assert_int_gt(r.used, 1500000000);
	ck_assert_uint_eq(r.diff_ids.n, 2);
	ck_assert_str_eq(r.diff_ids.v[0].text, cache_util_digest("base").text);
	ck_assert_str_eq(r.diff_ids.v[1].text, cache_util_digest("layer").text);
	clocal_release(&r);
	ck_assert(!clocal_get(s, &other, &r));
	ck_assert_ptr_null(r.made);
}
END_TEST

START_TEST(replaces)
{
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	AUTO_CLOCAL struct clocal r = {0};
	struct ckey k = cache_util_key("one");

	put(s, "one", "10");
	put(s, "one", "11");
	ck_assert(clocal_get(s, &k, &r));
	ck_assert_str_eq(r.made, "11");
}
END_TEST

/* The record's text with one part exchanged. */
static void damage(const struct unit_dir *d, const struct ckey *k, const char *from, const char *to)
{
	AUTO_FREE char *path = mem_printf("store/cache/%s.json", k->hex);
	AUTO_FREE char *text = cache_util_read(d, path);
	char *at = strstr(text, from);
	AUTO_FREE char *changed = NULL;

	ck_assert_msg(at != NULL, "%s is not in %s", from, text);
	changed = mem_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	cache_util_file(d, path, changed);
}

START_TEST(damaged_is_absent)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{"\"version\":1", "\"version\":2"},
		{"\"version\":1", "\"version\":\"1\""},
		{"\"made\":\"10\"", "\"male\":\"10\""},
		{"\"made\":\"10\"", "\"made\":[]"},
		{"\"made\":\"10\"", "\"made\":\"1x\""},
		{"\"key\":\"", "\"key\":\"0"},
		{"sha256:", "sha256:0"},
		{"sha256:", "md5:"},
		{"\"diff_ids\":[", "\"diff_ids\":[7,"},
		{"\"diff_ids\":[", "\"diff_idx\":["},
		{"{", "["},
		{"}", ""},
	};
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	struct ckey k = cache_util_key("one");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CLOCAL struct clocal r = {0};

		put(s, "one", "10");
		damage(&d, &k, rows[i].from, rows[i].to);
		ck_assert_msg(!clocal_get(s, &k, &r), "row %zu: %s", i, rows[i].to);
	}
}
END_TEST

/* A file under another key's name, as a copied store or a bad disk may have it. */
START_TEST(foreign_key_is_absent)
{
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	AUTO_CLOCAL struct clocal r = {0};
	struct ckey one = cache_util_key("one"), two = cache_util_key("two");
	AUTO_FREE char *from = mem_printf("store/cache/%s.json", one.hex),
		       *to = mem_printf("store/cache/%s.json", two.hex);

	put(s, "one", "1");
	ck_assert_int_eq(renameat(d.fd, from, d.fd, to), 0);
	ck_assert(!clocal_get(s, &two, &r));
	ck_assert(!clocal_get(s, &one, &r));
}
END_TEST

START_TEST(too_large_is_an_error)
{
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	AUTO_CLOCAL struct clocal r = {.key = cache_util_key("big")};
	AUTO_FREE char *text = mem_alloc(CLOCAL_MAX_BYTES + 1);
	struct err e = ERR_INIT;

	memset(text, 'x', CLOCAL_MAX_BYTES);
	text[CLOCAL_MAX_BYTES] = '\0';
	r.made = mem_strdup("1");
	r.step = mem_strdup("f/s 1 RUN");
	r.inputs = json_object();
	json_set_str(r.inputs, "argv", text);
	ck_assert_int_lt(clocal_put(s, &r, &e), 0);
	unit_failed(e, ERR_INTERNAL, "larger than");
}
END_TEST

UNIT_MAIN("clocal", round_trip, replaces, damaged_is_absent, foreign_key_is_absent, too_large_is_an_error)
