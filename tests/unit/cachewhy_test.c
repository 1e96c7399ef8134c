/* Records of stages in remote caches: what is written comes back as records, and what does not hold is refused. */
#include "oci/limits.h"
#include "src/cache/cachewhy.h"
#include "src/cache/cremote.h"
#include "tests/unit/cache_util.h"

static struct json *sample(void)
{
	struct json *doc = cachewhy_new("flavor/deps");
	AUTO_JSON struct json *inputs = json_object();
	struct ckey one = cache_util_key("one"), two = cache_util_key("two");

	json_set_str(inputs, "argv", "make\tall\n");
	cachewhy_add(doc, 1, &one, inputs);
	cachewhy_add(doc, 7, &two, inputs);
	return doc;
}

static void annotated(struct manifest *m, const struct json *doc)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);

	json_write(doc, &text);
	cachewhy_annotate(m, buf_str(&text), 1700000000);
}

struct seen {
	size_t n;
	unsigned numbers[4];
};

static void see(void *arg, struct clocal *r)
{
	struct seen *s = arg;

	ck_assert_str_eq(r->stage, "flavor/deps");
	ck_assert_str_eq(json_get_str(r->inputs, "argv"), "make\tall\n");
	ck_assert_int_eq(r->built, 1700000000);
	ck_assert(ckey_is_set(&r->key) && !r->file && !r->run);
	s->numbers[s->n++] = r->n;
}

START_TEST(comes_back)
{
	AUTO_JSON struct json *doc = sample(), *got = NULL;
	AUTO_MANIFEST struct manifest m = {0};
	struct seen s = {0};
	struct err e = ERR_INIT;

	annotated(&m, doc);
	unit_ok(cachewhy_accept(&m, "flavor/deps", &got, &e), e);
	cachewhy_each(got, see, &s);
	ck_assert_uint_eq(s.n, 2);
	ck_assert_uint_eq(s.numbers[1], 7);
}
END_TEST

static void refused(const struct json *doc, const char *stage)
{
	AUTO_MANIFEST struct manifest m = {0};
	struct json *got = NULL;
	struct err e = ERR_INIT;

	annotated(&m, doc);
	ck_assert(cachewhy_accept(&m, stage, &got, &e) < 0);
	ck_assert_ptr_null(got);
	ck_assert_int_eq(e.code, ERR_INTEGRITY);
	err_release(&e);
}

START_TEST(refuses)
{
	AUTO_MANIFEST struct manifest none = {0};
	AUTO_JSON struct json *other = sample(), *version = sample(), *escape = sample(), *c1 = sample(),
			      *key = sample();
	AUTO_JSON struct json *number = sample(), *name = sample(), *files = sample();
	struct json *got = NULL;
	struct err e = ERR_INIT;

	ck_assert(cachewhy_accept(&none, "flavor/deps", &got, &e) < 0);
	err_release(&e);
	refused(other, "flavor/dep");
	json_set_int(version, "version", 2);
	refused(version, "flavor/deps");
	json_set_str(json_get(json_at(json_get(escape, "steps"), 0), "inputs"), "argv", "\x1b[2J");
	refused(escape, "flavor/deps");
	json_set_str(json_get(json_at(json_get(c1, "steps"), 0), "inputs"), "argv",
		     "\xc2\x9b"
		     "2J");
	refused(c1, "flavor/deps");
	json_set_str(json_get(json_at(json_get(name, "steps"), 0), "inputs"), "a\rb", "x");
	refused(name, "flavor/deps");
	json_set_str(json_at(json_get(key, "steps"), 1), "key", "../../../etc/passwd");
	refused(key, "flavor/deps");
	json_set_int(json_at(json_get(number, "steps"), 1), "n", CACHEWHY_STEPS_MAX + 1);
	refused(number, "flavor/deps");
	json_set_int(json_get(files, "files"), "sha256:0", 1);
	refused(files, "flavor/deps");
}
END_TEST

START_TEST(lists_of_files)
{
	AUTO_JSON struct json *doc = sample();
	AUTO_FREE char *large = mem_zalloc(CACHEWHY_FILES_MAX_BYTES + 2);
	struct digest d = cache_util_digest("tree");

	memset(large, 'x', CACHEWHY_FILES_MAX_BYTES + 1);
	cachewhy_add_files(doc, d.text, sv_from(large));
	ck_assert_ptr_null(cachewhy_files(doc, d.text));
	cachewhy_add_files(doc, d.text, sv_from("no UTF-8: \xff\n"));
	ck_assert_ptr_null(cachewhy_files(doc, d.text));
	cachewhy_add_files(doc, d.text, sv_from("a bell: \x07\n"));
	ck_assert_ptr_null(cachewhy_files(doc, d.text));
	cachewhy_add_files(doc, d.text, sv_from("fine ä\n"));
	ck_assert_str_eq(cachewhy_files(doc, d.text), "fine ä\n");
}
END_TEST

/* All of them together are bounded, too. */
START_TEST(many_lists)
{
	AUTO_JSON struct json *doc = sample();
	AUTO_FREE char *large = mem_zalloc(CACHEWHY_FILES_MAX_BYTES + 1);
	size_t kept = 0;

	memset(large, 'x', CACHEWHY_FILES_MAX_BYTES);
	for (int i = 0; i < 10; i++) {
		AUTO_FREE char *name = mem_printf("tree%d", i);

		cachewhy_add_files(doc, name, sv_from(large));
		kept += cachewhy_files(doc, name) != NULL;
	}
	ck_assert_uint_eq(kept, CACHEWHY_ALL_FILES_MAX_BYTES / CACHEWHY_FILES_MAX_BYTES);
}
END_TEST

START_TEST(key_of_a_stage)
{
	struct ckey a, b, again;

	cachewhy_key("a", &a);
	cachewhy_key("b", &b);
	cachewhy_key("a", &again);
	ck_assert_str_eq(a.hex, again.hex);
	ck_assert_str_ne(a.hex, b.hex);
}
END_TEST

UNIT_MAIN("cachewhy", comes_back, refuses, lists_of_files, many_lists, key_of_a_stage)
