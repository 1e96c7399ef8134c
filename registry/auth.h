/* Bearer tokens (distribution's token and OAuth2 specifications): what to ask, and what the answer holds. No input and
 * output of its own. */
#ifndef SLCT_AUTH_H
#define SLCT_AUTH_H

#include "registry/url.h"
#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/sv.h"

#define AUTH_TOKEN_MAX_BYTES  ((size_t)64 << 10)
#define AUTH_ANSWER_MAX_BYTES ((size_t)256 << 10)
#define AUTH_SCOPE_MAX_BYTES  ((size_t)4 << 10)
/* Where the answer does not say how long a token lives. */
#define AUTH_LIFETIME_S 60

/* Set of scopes: words separated by single spaces, sorted, each once. Both may be NULL; caller frees. */
char *auth_scopes(const char *a, const char *b);
/* "repository:PATH:ACTIONS"; caller frees. */
char *auth_scope(const char *repo, const char *actions);
/* The realm of a challenge: https, or plain http where the registry itself is spoken to in plain http; ERR_REGISTRY. */
int auth_realm(const char *realm, const struct url *registry, const struct strv *insecure, struct url *out,
	       struct err *e);
/* Whether a login for the registry may be sent to the realm. Under TLS the registry vouches for it; in plain http
 * anybody could have written the challenge, so only the registry's own host and port will do. */
bool auth_realm_trusted(const struct url *registry, const struct url *realm);
/* Add service and scopes to the realm's query. */
void auth_token_query(struct url *realm, const char *service, const char *scopes);
/* Form of the OAuth2 refresh grant (RFC 6749, section 6). */
void auth_refresh_form(const char *service, const char *scopes, const char *refresh_token, struct buf *out);
/* Token and its remaining life in seconds (at least 1). Caller frees *token. */
int auth_parse_token(struct sv text, char **token, int64_t *lifetime_s, struct err *e);

#endif
