/* Text from outside in HTML. */
#include <check.h>
#include <string.h>

#include "src/cli/html.h"
#include "src/util/log.h"
#include "unit.h"

static const char *text(struct buf *out, const char *s)
{
	*out = BUF_INIT(BUF_TEXT_MAX);
	html_text(out, s);
	return buf_str(out);
}

START_TEST(markup_is_text)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
		{"a\" onclick='x' b", "a&quot; onclick=&#39;x&#39; b"},
		{"]]> &amp; -->", "]]&gt; &amp;amp; --&gt;"},
		{"grün\xff und \xc3", "grün\xef\xbf\xbd und \xef\xbf\xbd"},
		{"a\x1b[31mred\x1b[0m\x07\x01z", "aredz"},
		{"two\nlines\tand", "two\nlines\tand"},
		{"", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf out;

		ck_assert_str_eq(text(&out, cases[i].in), cases[i].want);
	}
}
END_TEST

START_TEST(nothing_of_null)
{
	AUTO_BUF struct buf out;

	ck_assert_str_eq(text(&out, NULL), "");
}
END_TEST

START_TEST(secrets_are_masked)
{
	AUTO_BUF struct buf out, command = BUF_INIT(1000);

	log_add_secret("hunter22<&>");
	ck_assert_str_eq(text(&out, "it is hunter22<&> there"), "it is *** there");
	html_command(&command, "RUN login --token=abc123 https://me:pw@host/");
	ck_assert_str_eq(buf_str(&command), "RUN login --token=*** https://***@host/");
}
END_TEST

START_TEST(shortened_by_characters)
{
	static const struct {
		const char *in;
		size_t max;
		const char *want;
	} cases[] = {
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"äöü", 3, "äöü"}, {"äöüß", 3, "äö…"}, {"<<<<", 3, "&lt;&lt;…"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf out = BUF_INIT(1000);

		html_short(&out, cases[i].in, cases[i].max);
		ck_assert_str_eq(buf_str(&out), cases[i].want);
	}
	ck_assert_uint_eq(html_width("äöü…"), 4);
}
END_TEST

UNIT_MAIN("html", markup_is_text, nothing_of_null, secrets_are_masked, shortened_by_characters)
