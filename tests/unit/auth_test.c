/* Bearer tokens: what to ask, and what the answer holds. */
#include "registry/auth.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

START_TEST(scopes)
{
	static const struct {
		const char *a, *b, *out;
	} t[] = {{NULL, NULL, ""},
		 {"b a", NULL, "a b"},
		 {"a", "a", "a"},
		 {" b  a ", "c b", "a b c"},
		 {"repository:x:pull", "repository:x:pull,push", "repository:x:pull repository:x:pull,push"}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		AUTO_FREE char *got = auth_scopes(t[i].a, t[i].b);

		ck_assert_str_eq(got, t[i].out);
	}
}
END_TEST

START_TEST(realms)
{
	static const struct {
		const char *registry, *realm;
		bool ok, trusted;
	} t[] = {
		{"https://r/", "https://auth.r/token", true, true},
		{"https://r/", "http://auth.r/token", false, false},
		{"https://r/", "http://127.0.0.1/token", false, false},
		{"https://r/", "file:///x", false, false},
		{"https://r/", NULL, false, false},
		{"http://127.0.0.1:5000/", "http://127.0.0.1:5000/token", true, true},
		{"http://127.0.0.1:5000/", "http://127.0.0.1:5001/token", true, false},
		{"http://127.0.0.1:5000/", "https://auth.r/token", true, false},
		{"http://127.0.0.1:5000/", "http://auth.r/token", false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		AUTO_URL struct url registry = {0}, realm = {0};
		struct err e = ERR_INIT;
		int rc;

		unit_ok(url_parse(sv_from(t[i].registry), &registry, &e), e);
		rc = auth_realm(t[i].realm, &registry, NULL, &realm, &e);
		ck_assert_msg(!rc == t[i].ok, "case %zu", i);
		if (!rc)
			ck_assert_msg(auth_realm_trusted(&registry, &realm) == t[i].trusted, "case %zu", i);
		err_release(&e);
	}
}
END_TEST

START_TEST(requests)
{
	AUTO_URL struct url u = {0};
	AUTO_BUF struct buf form = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;

	unit_ok(url_parse(SV("https://r/token?x=1"), &u, &e), e);
	auth_token_query(&u, "my service", "repository:a/b:pull repository:c:pull,push");
	ck_assert_str_eq(u.target,
			 "/token?x=1&service=my%20service&scope=repository:a/b:pull&scope=repository:c:pull,push");
	auth_refresh_form("s", "repository:a:pull", "to+ken&", &form);
	ck_assert_str_eq(buf_str(&form), "grant_type=refresh_token&client_id=slct&service=s&scope=repository:a:pull"
					 "&refresh_token=to%2Bken%26");
}
END_TEST

START_TEST(answers)
{
	static const struct {
		const char *text, *token; /* NULL: refused */
		int64_t life;
	} t[] = {
		{"{\"token\":\"abc\"}", "abc", 60},
		{"{\"access_token\":\"abc\",\"expires_in\":300}", "abc", 300},
		{"{\"token\":\"\",\"access_token\":\"x.y_z\"}", "x.y_z", 60},
		{"{\"token\":\"a\",\"expires_in\":-5}", "a", 60},
		{"{\"token\":\"a\",\"expires_in\":999999999}", "a", 86400},
		{"{}", NULL, 0},
		{"", NULL, 0},
		{"[]", NULL, 0},
		{"{\"token\":5}", NULL, 0},
		{"{\"token\":\"a b\"}", NULL, 0},
		{"{\"token\":\"a\\r\\nX: y\"}", NULL, 0},
		{"{\"token\":\"\\u00e4\"}", NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		AUTO_FREE char *token = NULL;
		struct err e = ERR_INIT;
		int64_t life = 0;
		int rc = auth_parse_token(sv_from(t[i].text), &token, &life, &e);

		ck_assert_msg(!rc == !!t[i].token, "case %zu", i);
		ck_assert_pstr_eq(token, t[i].token);
		if (!rc)
			ck_assert_int_eq(life, t[i].life);
		err_release(&e);
	}
}
END_TEST

UNIT_MAIN("auth", scopes, realms, requests, answers)
