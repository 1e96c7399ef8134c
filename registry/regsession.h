/* Registries that this process talks to: their addresses, schemes, logins and tokens, and what is known of them.
 *
 * Scheme: https only, except for loopback hosts (http first, unless the port is 443, then https if the peer does not
 * speak http) and for hosts of `insecure` (https without verification first, then http). Once a registry has answered
 * its scheme stays.
 * Login: none until a 401 asks for one; then Basic, or a token that is fetched once per set of scopes. */
#ifndef SLCT_REGSESSION_H
#define SLCT_REGSESSION_H

#include "oci/digest.h"
#include "oci/ref.h"
#include "oci/store.h"
#include "registry/call.h"
#include "registry/certdir.h"
#include "registry/cred.h"
#include "registry/http.h"
#include "registry/regconf.h"
#include "src/util/base.h"
#include "src/util/smap.h"

struct regsession;

struct regsession_pool {
	struct http *http;
	struct cred_store *creds;
	struct strv insecure;
	struct certdir *certs;
	struct regconf *conf; /* NULL: nothing configured */
	unsigned retries;
	struct store *store; /* borrowed; may be NULL */
	VEC_OF(struct regsession *) sessions;
	struct smap known; /* "host/path@digest": content that a repository has for certain */
};

void regsession_pool_release(struct regsession_pool *p);
/* The session of a repository's host as references name it; made at the first use. Repositories that the configuration
 * calls insecure have one of their own. */
struct regsession *regsession_get(struct regsession_pool *p, const struct ref *ref, struct err *e);
/* Make *c ready: a call to `tail` ("manifests/latest") of ref's repository with the rights `actions` ("pull",
 * "pull,push"). *c must be zero; callbacks, body and headers are set by the caller afterwards. `ref` is borrowed. */
int regsession_call(struct regsession_pool *p, const struct ref *ref, enum http_method method, const char *tail,
		    const char *actions, struct call *c, struct err *e);
void regsession_know(struct regsession_pool *p, const struct ref *ref, const struct digest *d);
bool regsession_knows(const struct regsession_pool *p, const struct ref *ref, const struct digest *d);
void regsession_forget_known(struct regsession_pool *p, const struct ref *ref);

#endif
