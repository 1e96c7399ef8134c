/* Bearer tokens. */
#include "registry/auth.h"

#include "src/util/json.h"
#include "src/util/mem.h"

static void auth_split(const char *s, struct strv *out)
{
	for (struct sv rest = sv_from(s), word; rest.p;) {
		AUTO_FREE char *text = NULL;

		word = sv_cut(&rest, ' ');
		if (!word.n)
			continue;
		text = sv_dup(word);
		if (!strv_has(out, text))
			strv_add(out, text);
	}
}

char *auth_scopes(const char *a, const char *b)
{
	AUTO_STRV struct strv words = {0};

	auth_split(a, &words);
	auth_split(b, &words);
	strv_sort(&words);
	return strv_join(&words, " ");
}

char *auth_scope(const char *repo, const char *actions)
{
	return mem_printf("repository:%s:%s", repo, actions);
}

int auth_realm(const char *realm, const struct url *registry, const struct strv *insecure, struct url *out,
	       struct err *e)
{
	if (!realm)
		return err_set(e, ERR_REGISTRY, "it asks for a token, but does not say where to get one");
	if (url_parse(sv_from(realm), out, e))
		return err_wrap(e, "the address of its token server");
	if (out->tls || (!registry->tls && url_plain_allowed(out->host, out->port, insecure)))
		return 0;
	err_set(e, ERR_REGISTRY, "its token server %s:%u is to be asked over plain http: refused", out->host,
		out->port);
	url_release(out);
	return -1;
}

bool auth_realm_trusted(const struct url *registry, const struct url *realm)
{
	return (registry->tls && realm->tls) || url_same_origin(registry, realm);
}

void auth_token_query(struct url *realm, const char *service, const char *scopes)
{
	AUTO_STRV struct strv words = {0};

	if (service)
		realm->target = url_add_query(realm->target, "service", service);
	auth_split(scopes, &words);
	for (size_t i = 0; i < words.n; i++)
		realm->target = url_add_query(realm->target, "scope", words.v[i]);
}

void auth_refresh_form(const char *service, const char *scopes, const char *refresh_token, struct buf *out)
{
	char *form = mem_strdup("");

	form = url_add_query(form, "grant_type", "refresh_token");
	form = url_add_query(form, "client_id", "slct");
	form = url_add_query(form, "service", service ? service : "");
	form = url_add_query(form, "scope", scopes ? scopes : "");
	form = url_add_query(form, "refresh_token", refresh_token);
	buf_str_add(out, form + 1); /* without the question mark */
	free(form);
}

/* It becomes part of a header field: printable ASCII only. */
static bool auth_token_ok(const char *t)
{
	size_t n = t ? strlen(t) : 0;

	for (size_t i = 0; i < n; i++)
		if (t[i] <= 0x20 || t[i] >= 0x7f)
			return false;
	return n > 0 && n <= AUTH_TOKEN_MAX_BYTES;
}

int auth_parse_token(struct sv text, char **token, int64_t *lifetime_s, struct err *e)
{
	AUTO_JSON struct json *j = json_parse(text.p, text.n, AUTH_ANSWER_MAX_BYTES, ERR_REGISTRY, "token", e);
	const char *t;

	if (!j)
		return -1;
	t = json_get_str(j, "token");
	if (!t || !t[0])
		t = json_get_str(j, "access_token");
	if (!auth_token_ok(t))
		return err_set(e, ERR_REGISTRY, "the token server's answer holds no usable token");
	*token = mem_strdup(t);
	*lifetime_s = json_get_int(j, "expires_in", AUTH_LIFETIME_S);
	if (*lifetime_s < 1)
		*lifetime_s = AUTH_LIFETIME_S;
	if (*lifetime_s > 86400)
		*lifetime_s = 86400;
	return 0;
}
