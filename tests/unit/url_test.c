/* URLs: parsing, resolving, and where a request may go. */
#include "registry/url.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static const struct {
	const char *text, *out;
} good[] = {
	{"http://Example.com", "http://example.com/"},
	{"https://h:443/a/b?c=d#frag", "https://h/a/b?c=d"},
	{"http://h:443/", "http://h:443/"},
	{"https://h:5000//a//b", "https://h:5000//a//b"},
	{"HTTP://127.0.0.1:5000/v2/./x/../y", "http://127.0.0.1:5000/v2/y"},
	{"https://[::1]:5000/a", "https://[::1]:5000/a"},
	{"https://h?q", "https://h/?q"},
	{"https://h:/x", "https://h/x"},
	{"https://h/a/b/..", "https://h/a/"},
	{"https://h/../../x", "https://h/x"},
};

START_TEST(parses)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		AUTO_URL struct url u = {0};
		AUTO_FREE char *out = NULL;
		struct err e = ERR_INIT;

		unit_ok(url_parse(sv_from(good[i].text), &u, &e), e);
		out = url_format(&u);
		ck_assert_str_eq(out, good[i].out);
	}
}
END_TEST

/* clang-format off */
static const char *const bad[] = {
	"", "h", "/x", "ftp://h/", "file:///etc/passwd", "http:", "http:///x", "http://u:p@h/", "http://u@h/",
	"http://h:0/", "http://h:65536/", "http://h:x/", "http://h/a b", "http://h/\r\nX: y", "http://h/\"",
	"http://h\\@evil/", "http://[::1/", "http://[zz]/", "http://h%00/", "http://ho\xffst/", "javascript:x",
};
/* clang-format on */

START_TEST(refuses)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct url u = {0};
		struct err e = ERR_INIT;

		ck_assert_msg(url_parse(sv_from(bad[i]), &u, &e) == -1, "%s", bad[i]);
		ck_assert_int_eq(e.code, ERR_REGISTRY);
		err_release(&e);
	}
}
END_TEST

static const struct {
	const char *ref, *out;
} relative[] = {
	{"x", "https://h:5000/v2/a/x"}, {"../x", "https://h:5000/v2/x"},       {"../../../../x", "https://h:5000/x"},
	{"/x?y", "https://h:5000/x?y"}, {"?y=z", "https://h:5000/v2/a/b?y=z"}, {"//o/x", "https://o/x"},
	{"http://o/x", "http://o/x"},	{"./c:d", "https://h:5000/v2/a/c:d"},
};

START_TEST(resolves)
{
	AUTO_URL struct url base = {0};
	struct err e = ERR_INIT;

	unit_ok(url_parse(SV("https://h:5000/v2/a/b?c=/d"), &base, &e), e);
	for (size_t i = 0; i < ARRAY_LEN(relative); i++) {
		AUTO_URL struct url u = {0};
		AUTO_FREE char *out = NULL;

		unit_ok(url_resolve(&base, sv_from(relative[i].ref), &u, &e), e);
		out = url_format(&u);
		ck_assert_str_eq(out, relative[i].out);
	}
}
END_TEST

static const struct {
	const char *from, *location, *out; /* NULL: refused */
} redirects[] = {
	{"https://r/v2/x", "https://cdn/x?sig=1", "https://cdn/x?sig=1"},
	{"https://r/v2/x", "/y", "https://r/y"},
	{"https://r/v2/x", "http://r/v2/x", NULL},
	{"https://r/v2/x", "http://127.0.0.1/x", NULL},
	{"https://r/v2/x", "file:///etc/passwd", NULL},
	{"https://r/v2/x", "gopher://h/x", NULL},
	{"http://127.0.0.1:5000/x", "http://127.0.0.1:5001/x", "http://127.0.0.1:5001/x"},
	{"http://127.0.0.1:5000/x", "https://cdn/x", "https://cdn/x"},
	{"http://127.0.0.1:5000/x", "http://cdn/x", NULL},
	{"http://127.0.0.1:5000/x", "http://own:81/x", "http://own:81/x"},
	{"http://127.0.0.1:5000/x", "http://own/x", NULL},
};

START_TEST(redirects_by_policy)
{
	AUTO_STRV struct strv insecure = {0};

	strv_add(&insecure, "own:81");
	for (size_t i = 0; i < ARRAY_LEN(redirects); i++) {
		AUTO_URL struct url from = {0}, to = {0};
		AUTO_FREE char *out = NULL;
		struct err e = ERR_INIT;
		int rc;

		unit_ok(url_parse(sv_from(redirects[i].from), &from, &e), e);
		rc = url_redirect(&from, sv_from(redirects[i].location), &insecure, &to, &e);
		ck_assert_msg(rc == (redirects[i].out ? 0 : -1), "case %zu", i);
		if (!rc)
			ck_assert_str_eq(out = url_format(&to), redirects[i].out);
		err_release(&e);
	}
}
END_TEST

static const struct {
	const char *location, *out;
} uploads[] = {
	{"/v2/a/blobs/uploads/u?s=1", "https://r:5000/v2/a/blobs/uploads/u?s=1"},
	{"https://r:5000/u", "https://r:5000/u"},
	{"http://r:5000/u", "https://r:5000/u"}, /* behind a proxy that ends TLS */
	{"http://r/u", "https://r:5000/u"},
	{"https://other:5000/u", NULL},
	{"https://r:5001/u", NULL},
	{"file:///tmp/u", NULL},
};

START_TEST(uploads_stay)
{
	AUTO_URL struct url from = {0};
	struct err e = ERR_INIT;

	unit_ok(url_parse(SV("https://r:5000/v2/a/blobs/uploads/"), &from, &e), e);
	for (size_t i = 0; i < ARRAY_LEN(uploads); i++) {
		AUTO_URL struct url to = {0};
		AUTO_FREE char *out = NULL;
		int rc = url_upload(&from, sv_from(uploads[i].location), &to, &e);

		ck_assert_msg(rc == (uploads[i].out ? 0 : -1), "case %zu", i);
		if (!rc)
			ck_assert_str_eq(out = url_format(&to), uploads[i].out);
		err_release(&e);
	}
}
END_TEST

START_TEST(origins)
{
	static const struct {
		const char *host;
		bool loopback;
	} hosts[] = {{"localhost", true}, {"127.0.0.1", true},	 {"127.255.0.9", true},		{"[::1]", true},
		     {"127.1", false},	  {"0127.0.0.1", false}, {"localhost.evil.org", false}, {"10.0.0.1", false},
		     {"[::2]", false},	  {"2130706433", false}};
	AUTO_URL struct url a = {0}, b = {0};
	AUTO_FREE char *shown = NULL;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		ck_assert_msg(url_is_loopback(hosts[i].host) == hosts[i].loopback, "%s", hosts[i].host);
	unit_ok(url_parse(SV("https://H/a?sig=secret"), &a, &e), e);
	unit_ok(url_parse(SV("https://h:443/b"), &b, &e), e);
	ck_assert(url_same_origin(&a, &b));
	b.port = 444;
	ck_assert(!url_same_origin(&a, &b));
	shown = url_show(&a);
	ck_assert_str_eq(shown, "https://h/a");
}
END_TEST

START_TEST(queries)
{
	char *t = mem_strdup("/x");

	t = url_add_query(t, "a", "b c&d=e");
	t = url_add_query(t, "digest", "sha256:00");
	ck_assert_str_eq(t, "/x?a=b%20c%26d%3De&digest=sha256:00");
	free(t);
}
END_TEST

UNIT_MAIN("url", parses, refuses, resolves, redirects_by_policy, uploads_stay, origins, queries)
