/* Masking in a stream, whatever pieces it comes in. */
#include <check.h>
#include <string.h>

#include "src/build/maskstream.h"
#include "src/util/base.h"

#define TEXT_MAX 1000

/* In pieces of `step` bytes. */
static void mask(const char *const *texts, const char *in, size_t step, struct buf *out)
{
	struct maskstream m;

	maskstream_init(&m, TEXT_MAX);
	for (; *texts; texts++)
		maskstream_add(&m, *texts, strlen(*texts));
	for (size_t n = strlen(in); n > 0;) {
		size_t k = step < n ? step : n;

		maskstream_feed(&m, in, k, out);
		in += k;
		n -= k;
	}
	maskstream_end(&m, out);
	maskstream_release(&m);
}

static const struct {
	const char *texts[4], *in, *out;
} rows[] = {
	{{"secret"}, "a secret!", "a ***!"},
	{{"secret"}, "secretsecret", "******"},
	{{"secret"}, "secre", "secre"},
	{{"secret"}, "secsecret", "sec***"},
	{{"aab"}, "aaab", "a***"},
	{{"abab"}, "abaabab", "aba***"},
	{{"abc", "abcdef"}, "abcdex abcdef abc", "***dex *** ***"},
	{{"abcdef", "cd"}, "abcdx abcdef", "ab***x ***"},
	{{""}, "text", "text"},
	{{NULL}, "text", "text"},
	{{"\n-\n"}, "a\n-\nb", "a***b"},
};

START_TEST(pieces)
{
	for (size_t step = 1; step < 20; step++) {
		AUTO_BUF struct buf out = BUF_INIT(TEXT_MAX);

		mask(rows[_i].texts, rows[_i].in, step, &out);
		ck_assert_str_eq(buf_str(&out), rows[_i].out);
	}
}
END_TEST

/* A line without anything secret must not wait for the next one. */
START_TEST(not_held_back)
{
	AUTO_BUF struct buf out = BUF_INIT(TEXT_MAX);
	struct maskstream m;

	maskstream_init(&m, TEXT_MAX);
	maskstream_add(&m, "secret", 6);
	maskstream_feed(&m, "line\n", 5, &out);
	ck_assert_str_eq(buf_str(&out), "line\n");
	maskstream_feed(&m, "prompt sec", 10, &out);
	ck_assert_str_eq(buf_str(&out), "line\nprompt ");
	maskstream_release(&m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("maskstream");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);

	tcase_add_loop_test(t, pieces, 0, ARRAY_LEN(rows));
	tcase_add_test(t, not_held_back);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
