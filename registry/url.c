/* URLs of registries. */
#include "registry/url.h"

#include <arpa/inet.h>

#include "src/util/buf.h"
#include "src/util/mem.h"
#include "src/util/num.h"

void url_release(struct url *u)
{
	free(u->host);
	free(u->target);
	*u = (struct url){0};
}

/* Bytes that have no place in a URL: they are how headers and logs are forged. */
static bool url_bytes_ok(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= 0x20 || c >= 0x7f || c == '\\' || c == '"' || c == '<' || c == '>')
			return false;
	}
	return s.n <= URL_MAX_BYTES;
}

static bool url_host_ok(struct sv h)
{
	if (!h.n || h.n > 255)
		return false;
	for (size_t i = 0; i < h.n; i++) {
		char c = h.p[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!alnum && c != '.' && c != '-' && c != '_')
			return false;
	}
	return true;
}

static bool url_ip6_ok(struct sv h)
{
	struct in6_addr a;
	char text[INET6_ADDRSTRLEN + 1];

	if (h.n < 3 || h.n - 2 >= sizeof(text) || h.p[0] != '[' || h.p[h.n - 1] != ']')
		return false;
	memcpy(text, h.p + 1, h.n - 2);
	text[h.n - 2] = 0;
	return inet_pton(AF_INET6, text, &a) == 1;
}

/* "host[:port]" */
static int url_authority(struct sv a, struct url *out, struct err *e)
{
	ssize_t colon = sv_rfind(a, ':');
	struct sv host = a;
	uint64_t port = out->tls ? 443 : 80;

	if (sv_find(a, '@') >= 0)
		return err_set(e, ERR_REGISTRY, "a URL with a user name in it is not accepted");
	if (colon >= 0 && sv_find(sv_sub(a, (size_t)colon, a.n), ']') < 0) {
		struct sv digits = sv_sub(a, (size_t)colon + 1, a.n);

		host = sv_sub(a, 0, (size_t)colon);
		if (digits.n && (num_parse(digits, 10, 65535, &port) || !port))
			return err_set(e, ERR_REGISTRY, "bad port in \"%.*s\"", SV_ARG(a));
	}
	if (!url_host_ok(host) && !url_ip6_ok(host))
		return err_set(e, ERR_REGISTRY, "bad host name in \"%.*s\"", SV_ARG(sv_sub(a, 0, 255)));
	out->port = (uint16_t)port;
	out->host = sv_dup(host);
	for (char *p = out->host; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 'a' - 'A');
	return 0;
}

/* Length of "scheme" if s begins with "scheme:", else 0 (RFC 3986, section 3.1). */
static size_t url_scheme_len(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (c == ':')
			return i;
		if (!alpha && (!i || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
			return 0;
	}
	return 0;
}

/* Path without "." and ".." parts (RFC 3986, section 5.2.4), query kept; always begins with '/'. */
static char *url_clean_target(struct sv target)
{
	ssize_t q = sv_find(target, '?');
	struct sv path = q < 0 ? target : sv_sub(target, 0, (size_t)q);
	struct buf out = BUF_INIT(2 * URL_MAX_BYTES);
	bool slash = true;

	if (path.n && path.p[0] == '/')
		path = sv_sub(path, 1, path.n);
	for (struct sv rest = path, part; rest.p;) {
		part = sv_cut(&rest, '/');
		slash = !rest.p;
		if (sv_eq_str(part, ".."))
			while (out.n && out.p[--out.n] != '/')
				;
		if (sv_eq_str(part, ".") || sv_eq_str(part, ".."))
			continue;
		slash = false;
		buf_char_add(&out, '/');
		buf_sv_add(&out, part);
	}
	if (slash || !out.n)
		buf_char_add(&out, '/');
	if (q >= 0)
		buf_sv_add(&out, sv_sub(target, (size_t)q, target.n));
	buf_char_add(&out, 0);
	return buf_steal(&out);
}

static struct sv url_drop_fragment(struct sv s)
{
	ssize_t hash = sv_find(s, '#');

	return hash < 0 ? s : sv_sub(s, 0, (size_t)hash);
}

/* "//authority/target" with the scheme known. */
static int url_after_scheme(bool tls, struct sv s, struct url *out, struct err *e)
{
	size_t n = 2;

	if (!sv_starts(s, "//"))
		return err_set(e, ERR_REGISTRY, "a URL without a host");
	while (n < s.n && s.p[n] != '/' && s.p[n] != '?')
		n++;
	*out = (struct url){.tls = tls};
	if (url_authority(sv_sub(s, 2, n - 2), out, e))
		return -1;
	out->target = url_clean_target(sv_sub(s, n, s.n));
	return 0;
}

int url_parse(struct sv text, struct url *out, struct err *e)
{
	struct sv s = url_drop_fragment(text), scheme;

	if (!url_bytes_ok(s))
		return err_set(e, ERR_REGISTRY, "a URL that is too long or holds forbidden characters");
	scheme = sv_sub(s, 0, url_scheme_len(s));
	if (!sv_ieq_str(scheme, "http") && !sv_ieq_str(scheme, "https"))
		return err_set(e, ERR_REGISTRY, "a URL of scheme \"%.*s\": only http and https are accepted",
			       SV_ARG(sv_sub(scheme, 0, 32)));
	return url_after_scheme(scheme.n == 5, sv_sub(s, scheme.n + 1, s.n), out, e);
}

int url_resolve(const struct url *base, struct sv ref, struct url *out, struct err *e)
{
	struct sv s = url_drop_fragment(ref);
	struct buf target = BUF_INIT(2 * URL_MAX_BYTES);
	struct sv path = sv_from(base->target);
	ssize_t cut = sv_find(path, '?');

	if (!s.n)
		return err_set(e, ERR_REGISTRY, "an empty URL");
	if (url_scheme_len(s))
		return url_parse(s, out, e);
	if (!url_bytes_ok(s))
		return err_set(e, ERR_REGISTRY, "a URL that is too long or holds forbidden characters");
	if (sv_starts(s, "//"))
		return url_after_scheme(base->tls, s, out, e);
	if (cut >= 0)
		path = sv_sub(path, 0, (size_t)cut);
	if (s.p[0] == '/')
		path = SV_NULL;
	else if (s.p[0] != '?')
		path = sv_sub(path, 0, (size_t)(sv_rfind(path, '/') + 1));
	buf_sv_add(&target, path);
	buf_sv_add(&target, s);
	*out = (struct url){.tls = base->tls, .host = mem_strdup(base->host), .port = base->port};
	out->target = url_clean_target(buf_sv(&target));
	buf_release(&target);
	return 0;
}

static char *url_text(const struct url *u, size_t target_len)
{
	struct buf b = BUF_INIT(2 * URL_MAX_BYTES);

	buf_printf(&b, "%s://%s", u->tls ? "https" : "http", u->host);
	if (u->port != (u->tls ? 443 : 80))
		buf_printf(&b, ":%u", u->port);
	buf_add(&b, u->target, target_len);
	return buf_steal(&b);
}

char *url_format(const struct url *u)
{
	return url_text(u, strlen(u->target));
}

char *url_show(const struct url *u)
{
	return url_text(u, strcspn(u->target, "?"));
}

char *url_show_text(const char *text)
{
	return mem_strndup(text, strcspn(text, "?"));
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->tls == b->tls && a->port == b->port && !strcmp(a->host, b->host);
}

bool url_is_loopback(const char *host)
{
	struct in_addr a;

	if (!strcmp(host, "localhost") || !strcmp(host, "[::1]"))
		return true;
	return inet_pton(AF_INET, host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

bool url_listed(const char *host, uint16_t port, const struct strv *list)
{
	AUTO_FREE char *full = mem_printf("%s:%u", host, port);

	return list && (strv_has(list, host) || strv_has(list, full));
}

bool url_plain_allowed(const char *host, uint16_t port, const struct strv *insecure)
{
	return url_is_loopback(host) || url_listed(host, port, insecure);
}

/* Unreserved characters and those that registries see unescaped everywhere. */
static bool url_query_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~:/,", c);
}

char *url_add_query(char *target, const char *key, const char *value)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	buf_printf(&b, "%s%c%s=", target, strchr(target, '?') ? '&' : '?', key);
	for (const char *p = value; *p; p++) {
		if (url_query_char(*p))
			buf_char_add(&b, *p);
		else
			buf_printf(&b, "%%%02X", (unsigned char)*p);
	}
	free(target);
	return buf_steal(&b);
}

int url_redirect(const struct url *from, struct sv location, const struct strv *insecure, struct url *out,
		 struct err *e)
{
	if (url_resolve(from, location, out, e))
		return err_wrap(e, "a redirect leads to");
	if (out->tls)
		return 0;
	if (from->tls)
		err_set(e, ERR_REGISTRY, "a redirect from https to plain http (%s:%u) is refused", out->host,
			out->port);
	else if (!url_plain_allowed(out->host, out->port, insecure))
		err_set(e, ERR_REGISTRY, "a redirect to plain http on %s:%u is refused", out->host, out->port);
	else
		return 0;
	url_release(out);
	return -1;
}

int url_upload(const struct url *from, struct sv location, struct url *out, struct err *e)
{
	bool same;

	if (url_resolve(from, location, out, e))
		return err_wrap(e, "the upload is to go on at");
	same = !strcmp(from->host, out->host) && (from->port == out->port || out->port == (out->tls ? 443 : 80));
	if (!same) {
		err_set(e, ERR_REGISTRY, "the upload is to go on at another host, %s:%u: refused", out->host,
			out->port);
		url_release(out);
		return -1;
	}
	/* A registry behind a proxy that ends TLS often names http://: what we asked is what we go on with. */
	out->tls = from->tls;
	out->port = from->port;
	return 0;
}
