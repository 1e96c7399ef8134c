/* Notes of use: what is written, under which tag, and until when it counts. */
#include "src/cache/cacheuse.h"

#include "tests/unit/cache_util.h"

#define NOON INT64_C(1795348800) /* 2026-11-22T12:00:00Z */

struct note {
	struct buf text;
	char tag[CACHEUSE_TAG_BYTES];
};

static void note_release(struct note *n)
{
	buf_release(&n->text);
}
#define AUTO_NOTE AUTO(note_release)

static struct note note_of(int64_t when, const char *const *words, size_t n)
{
	struct note out = {.text = BUF_INIT(BUF_TEXT_MAX)};
	AUTO_FREE struct descriptor *d = mem_zalloc((n + 1) * sizeof *d);
	AUTO_FREE const struct descriptor **p = mem_array(n + 1, sizeof *p);

	for (size_t i = 0; i < n; i++) {
		struct digest digest = cache_util_digest(words[i]);

		descriptor_set(&d[i], MEDIATYPE_OCI_MANIFEST, &digest, 100 + strlen(words[i]));
		p[i] = &d[i];
	}
	cacheuse_write(when, p, n, &out.text);
	cacheuse_tag(when, buf_sv(&out.text), out.tag);
	for (size_t i = 0; i < n; i++)
		descriptor_release(&d[i]);
	return out;
}

START_TEST(names_each_entry_once)
{
	AUTO_NOTE struct note note = note_of(NOON, (const char *const[]){"b", "a", "b"}, 3);
	AUTO_INDEX struct index x = {0};
	struct digest a = cache_util_digest("a"), b = cache_util_digest("b");
	struct err e = ERR_INIT;

	unit_ok(index_parse(note.text.p, note.text.n, MEDIATYPE_OCI_INDEX, &x, ERR_REGISTRY, &e), e);
	ck_assert_uint_eq(x.n, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert(digest_eq(&x.manifests[i].digest, &a) || digest_eq(&x.manifests[i].digest, &b));
		ck_assert_str_eq(x.manifests[i].media_type, MEDIATYPE_OCI_MANIFEST);
		ck_assert_uint_eq(x.manifests[i].size, 101);
	}
	ck_assert(!digest_eq(&x.manifests[0].digest, &x.manifests[1].digest));
	ck_assert_str_eq(json_get_str(x.annotations, CACHEUSE_DAY), "2026-11-22T00:00:00Z");
}
END_TEST

/* So that builds that read the same write one note, and the one of a day can go without that of the next. */
START_TEST(same_day_same_note)
{
	AUTO_NOTE struct note one = note_of(NOON, (const char *const[]){"a", "b"}, 2);
	AUTO_NOTE struct note later = note_of(NOON + 3600, (const char *const[]){"b", "a", "a"}, 3);
	AUTO_NOTE struct note other = note_of(NOON, (const char *const[]){"a"}, 1);
	AUTO_NOTE struct note tomorrow = note_of(NOON + 86400, (const char *const[]){"a", "b"}, 2);
	char day[CACHEUSE_DAY_BYTES];

	ck_assert_str_eq(one.tag, later.tag);
	ck_assert_str_eq(buf_str(&one.text), buf_str(&later.text));
	ck_assert_str_ne(one.tag, other.tag);
	ck_assert_str_ne(one.tag + strlen(CACHEUSE_PREFIX) + 9, tomorrow.tag + strlen(CACHEUSE_PREFIX) + 9);
	ck_assert_str_ne(buf_str(&one.text), buf_str(&tomorrow.text)); /* another digest */
	cacheuse_day(NOON, day);
	ck_assert_str_eq(day, "slct-used-20261122-");
	ck_assert(strncmp(one.tag, day, strlen(day)) == 0 && strncmp(tomorrow.tag, day, strlen(day)) != 0);
}
END_TEST

START_TEST(ends_of_days)
{
	static const struct {
		const char *tag;
		int64_t until;
	} rows[] = {
		{"slct-used-20261122-0123456789abcdef", INT64_C(1795391999)},
		{"slct-used-19700101-0", 86399},
		{"slct-used-20261322-0123456789abcdef", -1},
		{"slct-used-2026112-00123456789abcdef", -1},
		{"slct-used-202611220-123456789abcdef", -1},
		{"slct-used-20261122", -1},
		{"slct-used-", -1},
		{"slct-", -1},
		{"", -1},
		{"slct-usedaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -1},
	};
	AUTO_NOTE struct note note = note_of(NOON, (const char *const[]){"a"}, 1);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(cacheuse_until(rows[i].tag) == rows[i].until, "%s: %lld", rows[i].tag,
			      (long long)cacheuse_until(rows[i].tag));
	ck_assert_int_eq(cacheuse_until(note.tag), INT64_C(1795391999));
}
END_TEST

START_TEST(a_note_has_a_limit)
{
	size_t n = CACHEUSE_ENTRIES_MAX + 10;
	AUTO_FREE const char **words = mem_array(n, sizeof *words);
	AUTO_STRV struct strv texts = {0};
	AUTO_INDEX struct index x = {0};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		strv_printf(&texts, "%zu", i);
	for (size_t i = 0; i < n; i++)
		words[i] = texts.v[i];
	AUTO_NOTE struct note note = note_of(NOON, words, n);

	unit_ok(index_parse(note.text.p, note.text.n, NULL, &x, ERR_REGISTRY, &e), e);
	ck_assert_uint_eq(x.n, CACHEUSE_ENTRIES_MAX);
}
END_TEST

UNIT_MAIN("cacheuse", names_each_entry_once, same_day_same_note, ends_of_days, a_note_has_a_limit)
