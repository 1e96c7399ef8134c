/* From an answer of a registry to an error. */
#include "registry/regerr.h"
#include "src/util/log.h"
#include "tests/unit/unit.h"

static const struct {
	int status;
	const char *user, *helper, *body;
	enum err_code code;
	bool retryable;
	const char *msg, *hint;
} t[] = {
	{404, NULL, NULL, "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}",
	 ERR_NOT_FOUND, false, "GET https://r/v2/x: 404 not found: MANIFEST_UNKNOWN: manifest unknown", NULL},
	{401, NULL, NULL, "", ERR_REGISTRY, false,
	 "GET https://r/v2/x: 401 authentication required (it does not say which login it wants)",
	 "not logged in to r: slct login r"},
	{401, "me", NULL, "", ERR_REGISTRY, false,
	 "GET https://r/v2/x: 401 authentication required (it does not say which login it wants)",
	 "r does not accept user \"me\" with the password that is configured: slct login r"},
	{401, NULL, "credential helper \"desktop\" has no login for it", "{}", ERR_REGISTRY, false,
	 "GET https://r/v2/x: 401 authentication required (it does not say which login it wants)",
	 "not logged in to r: credential helper \"desktop\" has no login for it; slct login r"},
	{403, "me", NULL, "{\"errors\":[{\"code\":\"DENIED\"},{\"message\":\"no\"}]}", ERR_REGISTRY, false,
	 "GET https://r/v2/x: 403 access denied: DENIED; no", "user \"me\" lacks the right for this at r"},
	{429, NULL, NULL, "{\"message\":\"slow down\"}", ERR_REGISTRY, true,
	 "GET https://r/v2/x: 429 too many requests: slow down",
	 "r limits the number of requests: try later, or log in for a higher limit"},
	{400, NULL, NULL, "{\"error\":\"invalid_scope\",\"error_description\":\"bad\"}", ERR_REGISTRY, false,
	 "GET https://r/v2/x: 400 bad request: invalid_scope: bad", NULL},
	{503, NULL, NULL, "<html>down</html>", ERR_REGISTRY, true, "GET https://r/v2/x: 503 service unavailable", NULL},
	{418, NULL, NULL, "not json", ERR_REGISTRY, false, "GET https://r/v2/x: 418 unexpected status", NULL},
	{500, NULL, NULL, "{\"errors\":[{\"code\":\"X\",\"message\":\"a\\u001b[31mred\\nline hunter22\"}]}",
	 ERR_REGISTRY, true, "GET https://r/v2/x: 500 internal server error: X: ared line ***", NULL},
};

START_TEST(texts)
{
	log_add_secret("hunter22");
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct regerr r = {.method = "GET",
				   .url = "https://r/v2/x?sig=secret",
				   .host = "r",
				   .user = t[i].user,
				   .helper = t[i].helper,
				   .status = t[i].status,
				   .body = sv_from(t[i].body)};
		struct err e = ERR_INIT;

		ck_assert_int_eq(regerr_set(&e, &r), -1);
		ck_assert_str_eq(e.msg, t[i].msg);
		ck_assert_pstr_eq(e.hint, t[i].hint);
		ck_assert_int_eq(e.code, t[i].code);
		ck_assert_int_eq(e.http, t[i].status);
		ck_assert_int_eq(e.retryable, t[i].retryable);
		err_release(&e);
	}
}
END_TEST

START_TEST(what_is_not_there)
{
	static const struct {
		const char *url, *hint;
	} u[] = {
		{"http://r/v2/a/b/manifests/1", "check the spelling; slct tags r/a/b lists what is there"},
		{"http://r/v2/a/b/tags/list?n=9",
		 "check the spelling of the repository: r has none of this name, or does not show it"},
		{"http://r/v2/a/blobs/sha256:00", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(u); i++) {
		struct regerr r = {.method = "GET", .url = u[i].url, .host = "r", .status = 404};
		struct err e = ERR_INIT;

		regerr_set(&e, &r);
		ck_assert_pstr_eq(e.hint, u[i].hint);
		err_release(&e);
	}
}
END_TEST

START_TEST(codes)
{
	ck_assert(regerr_has_code(SV("{\"errors\":[{\"code\":\"A\"},{\"code\":\"B\"}]}"), "B"));
	ck_assert(!regerr_has_code(SV("{\"errors\":[{\"code\":\"A\"}]}"), "B"));
	ck_assert(!regerr_has_code(SV("B"), "B"));
	ck_assert(!regerr_has_code(SV(""), "B"));
}
END_TEST

UNIT_MAIN("regerr", texts, what_is_not_there, codes)
