/* URLs of registries: parsing, resolving and the policy of where a request may go (RFC 3986, RFC 9110).
 *
 * Only http and https exist here; user names in URLs are refused, fragments are dropped. */
#ifndef SLCT_URL_H
#define SLCT_URL_H

#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

#define URL_MAX_BYTES ((size_t)8 << 10)

struct url {
	bool tls;      /* https */
	char *host;    /* lower case; an IPv6 literal keeps its brackets */
	uint16_t port; /* always set */
	char *target;  /* path and query, begins with '/' */
};

void url_release(struct url *u);
#define AUTO_URL AUTO(url_release)
/* Absolute URL; ERR_REGISTRY. */
int url_parse(struct sv text, struct url *out, struct err *e);
/* Reference (absolute or relative) against a base: RFC 3986, section 5.2, with dot segments removed. */
int url_resolve(const struct url *base, struct sv ref, struct url *out, struct err *e);
/* Whole text; caller frees. */
char *url_format(const struct url *u);
/* Text for messages: without the query, which may hold signatures. Caller frees. */
char *url_show(const struct url *u);
char *url_show_text(const char *text);
/* Same scheme, host and port: the only place where a credential of `a` may go. */
bool url_same_origin(const struct url *a, const struct url *b);
/* "localhost", 127.0.0.0/8, [::1]; only the exact spellings. */
bool url_is_loopback(const char *host);
/* Whether plain http to host:port is fine: loopback, or listed as "host" or "host:port". */
bool url_plain_allowed(const char *host, uint16_t port, const struct strv *insecure);
/* Whether host:port is in the list, as "host" or "host:port"; list may be NULL. */
bool url_listed(const char *host, uint16_t port, const struct strv *list);
/* Append "key=value" (percent-encoded) to a target, with ? or &; takes and returns an owned string. */
char *url_add_query(char *target, const char *key, const char *value);

/* Where a redirect from `from` to the text `location` leads: no step from https to http, plain http only where it is
 * allowed. */
int url_redirect(const struct url *from, struct sv location, const struct strv *insecure, struct url *out,
		 struct err *e);
/* Where an upload goes on: the registry's own scheme, host and port, whatever proxies in front of it made of the
 * scheme; another host is an error. */
int url_upload(const struct url *from, struct sv location, struct url *out, struct err *e);

#endif
