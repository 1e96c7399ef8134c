/* Registries that this process talks to: their addresses, schemes, logins and tokens, and what is known of them.
 *
 * Scheme: https only, except for loopback hosts (http first, unless the port is 443, then https if the peer does not
 * speak http) and for hosts of `insecure` (https without verification first, then http). Once a registry has answered
 * its scheme stays.
 * Login: none until a 401 asks for one; then Basic, or a token that is fetched once per set of scopes. */
#ifndef SLCT_SESSION_H
#define SLCT_SESSION_H

#include "oci/digest.h"
#include "oci/ref.h"
#include "registry/call.h"
#include "registry/cred.h"
#include "registry/http.h"
#include "src/util/base.h"
#include "src/util/smap.h"

struct session;

struct session_pool {
	struct http *http;
	struct cred_store *creds;
	struct strv insecure;
	unsigned retries;
	VEC_OF(struct session *) sessions;
	struct smap known; /* "host/path@digest": content that a repository has for certain */
};

void session_pool_release(struct session_pool *p);
/* The session of a host as references name it; made at the first use. */
struct session *session_get(struct session_pool *p, const char *host, struct err *e);
/* Make *c ready: a call to `tail` ("manifests/latest") of ref's repository with the rights `actions` ("pull",
 * "pull,push"). *c must be zero; callbacks, body and headers are set by the caller afterwards. `ref` is borrowed. */
int session_call(struct session_pool *p, const struct ref *ref, enum http_method method, const char *tail,
		 const char *actions, struct call *c, struct err *e);
void session_know(struct session_pool *p, const struct ref *ref, const struct digest *d);
bool session_knows(const struct session_pool *p, const struct ref *ref, const struct digest *d);
void session_forget_known(struct session_pool *p, const struct ref *ref);

#endif
