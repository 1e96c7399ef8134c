/* From an answer to an error. */
#include "registry/regerr.h"

#include "registry/retry.h"
#include "registry/url.h"
#include "src/util/buf.h"
#include "src/util/json.h"
#include "src/util/log.h"
#include "src/util/mem.h"

/* Words of a registry in one message. */
#define REGERR_TEXT_MAX ((size_t)1000)

static const struct {
	int status;
	const char *text;
} regerr_status_text[] = {
	{400, "bad request"},
	{401, "authentication required"},
	{403, "access denied"},
	{404, "not found"},
	{405, "method not allowed"},
	{408, "request timeout"},
	{409, "conflict"},
	{413, "too large"},
	{416, "range not satisfiable"},
	{429, "too many requests"},
	{500, "internal server error"},
	{501, "not implemented"},
	{502, "bad gateway"},
	{503, "service unavailable"},
	{504, "gateway timeout"},
};

static const char *regerr_reason(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(regerr_status_text); i++)
		if (regerr_status_text[i].status == status)
			return regerr_status_text[i].text;
	return "unexpected status";
}

static struct json *regerr_list(struct sv body, struct json **root)
{
	struct err ignored = ERR_INIT;

	*root = json_parse(body.p, body.n, REGERR_BODY_MAX, ERR_REGISTRY, "error", &ignored);
	err_release(&ignored);
	return json_get(*root, "errors");
}

bool regerr_has_code(struct sv body, const char *code)
{
	AUTO_JSON struct json *root = NULL;
	struct json *list = regerr_list(body, &root);

	for (size_t i = 0; i < json_len(list); i++) {
		const char *c = json_get_str(json_at(list, i), "code");

		if (c && !strcmp(c, code))
			return true;
	}
	return false;
}

/* ": CODE: message; CODE: message", or of an OAuth2 answer (RFC 6749, section 5.2), or GitHub's {"message"}. */
static void regerr_words(struct sv body, struct buf *out)
{
	AUTO_JSON struct json *root = NULL;
	struct json *list = regerr_list(body, &root);
	const char *plain[] = {json_get_str(root, "error"), json_get_str(root, "error_description"),
			       json_get_str(root, "details"), json_get_str(root, "message")};

	for (size_t i = 0; i < json_len(list) && i < 5; i++) {
		const char *code = json_get_str(json_at(list, i), "code");
		const char *message = json_get_str(json_at(list, i), "message");

		buf_printf(out, "%s%s%s%s", i ? "; " : ": ", code ? code : "", code && message ? ": " : "",
			   message ? message : "");
	}
	for (size_t i = 0; !json_len(list) && i < ARRAY_LEN(plain); i++)
		if (plain[i])
			buf_printf(out, ": %s", plain[i]);
}

/* One line without control characters and secrets, of bounded length. */
static char *regerr_clean(const struct buf *b)
{
	char *s = log_mask(buf_str(b), strlen(buf_str(b)), false);

	if (strlen(s) > REGERR_TEXT_MAX)
		s[REGERR_TEXT_MAX] = 0;
	for (char *p = s; *p; p++)
		if (*p == '\n' || *p == '\r' || *p == '\t')
			*p = ' ';
	return s;
}

static void regerr_login_hint(struct err *e, const struct regerr *r)
{
	if (r->helper)
		err_hint(e, "not logged in to %s: %s; slct login %s", r->host, r->helper, r->host);
	else if (!r->user)
		err_hint(e, "not logged in to %s: slct login %s", r->host, r->host);
	else
		err_hint(e, "%s does not accept user \"%s\" with the password that is configured: slct login %s",
			 r->host, r->user, r->host);
}

/* Of a manifest that is not there: what lists those that are. Of a list of tags: nothing lists the repositories. */
static void regerr_tags_hint(struct err *e, const struct regerr *r)
{
	const char *path = strstr(r->url, "/v2/"), *end = path ? strstr(path, "/manifests/") : NULL;

	if (path && strstr(path, "/tags/list"))
		err_hint(e, "check the spelling of the repository: %s has none of this name, or does not show it",
			 r->host);
	if (end && end[strlen("/manifests/")] && strchr(end, ':') == NULL)
		err_hint(e, "check the spelling; slct tags %s/%.*s lists what is there", r->host,
			 (int)(end - path - (ssize_t)strlen("/v2/")), path + strlen("/v2/"));
}

static void regerr_add_hint(struct err *e, const struct regerr *r)
{
	if (r->status == 401)
		regerr_login_hint(e, r);
	else if (r->status == 403 && !r->user)
		regerr_login_hint(e, r);
	else if (r->status == 403)
		err_hint(e, "user \"%s\" lacks the right for this at %s", r->user, r->host);
	else if (r->status == 429)
		err_hint(e, "%s limits the number of requests: try later%s", r->host,
			 r->user ? "" : ", or log in for a higher limit");
	else if (r->status == 404)
		regerr_tags_hint(e, r);
	else if (r->status == 413)
		err_hint(e, "a proxy in front of %s limits the size of a request", r->host);
}

int regerr_set(struct err *e, const struct regerr *r)
{
	struct buf words = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *url = url_show_text(r->url);
	AUTO_FREE char *text = NULL;

	regerr_words(r->body, &words);
	text = regerr_clean(&words);
	buf_release(&words);
	err_set(e, r->status == 404 ? ERR_NOT_FOUND : ERR_REGISTRY, "%s %s: %d %s%s%s", r->method, url, r->status,
		regerr_reason(r->status), text,
		r->status == 401 && !r->www_authenticate.n ? " (it does not say which login it wants)" : "");
	e->http = r->status;
	e->retryable = retry_status(r->status);
	regerr_add_hint(e, r);
	return -1;
}
