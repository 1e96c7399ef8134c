/* Credentials from configuration files: docker's config.json and podman's auth.json.
 *
 * Sources in their order; the first one that has an entry for the repository wins:
 *   $REGISTRY_AUTH_FILE; $DOCKER_AUTH_CONFIG (JSON text, or a file); $DOCKER_CONFIG/config.json, else
 *   ~/.docker/config.json; $XDG_RUNTIME_DIR/containers/auth.json; ~/.config/containers/auth.json
 * Keys of "auths" are hosts or host/path prefixes; the longest prefix wins; docker's old spelling with a scheme and
 * "/v1/" is understood, and all names of Docker Hub are one. */
#ifndef SLCT_CRED_H
#define SLCT_CRED_H

#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

#define CRED_FILE_MAX_BYTES ((size_t)4 << 20)

struct cred {
	char *username, *password;
	char *identity_token; /* OAuth2 refresh token, in the place of a password */
	char *registry_token; /* ready-made bearer token */
	char *helper;	      /* name of a credential helper that keeps the login, as long as nothing else is set */
	char *helper_note;    /* it was asked and gave none: why, for messages */
};

void cred_release(struct cred *c);
#define AUTO_CRED AUTO(cred_release)
bool cred_is_set(const struct cred *c); /* something to log in with */

struct cred_store;

/* Empty store. */
struct cred_store *cred_new(void);
void cred_free(struct cred_store *s);
/* Read all sources of the environment. A file that is missing is fine, one that is broken is ERR_INPUT. */
int cred_load_env(struct cred_store *s, struct err *e);
/* One more source, after those there are; `name` is for messages. Secrets are made known to the log. */
int cred_load_text(struct cred_store *s, struct sv text, const char *name, struct err *e);
/* The entry given by options: before all files, for this host[:port] only. */
void cred_set_option(struct cred_store *s, const char *host, const char *username, const char *password);
/* Best entry for a repository ("" or NULL: the host itself); all members NULL if there is none. */
void cred_find(const struct cred_store *s, const char *host, const char *repo, struct cred *out);
/* The same; a credential helper that has the entry is run, once for each host. One that fails gives no login, and a
 * note. Only where a registry has asked for a login. */
void cred_ask(struct cred_store *s, const char *host, const char *repo, struct cred *out);

/* The sources of the environment in their order: paths of files, or the text of $DOCKER_AUTH_CONFIG, which begins with
 * "{". */
void cred_sources(struct strv *out);
/* What a key of "auths" stands for: "https://index.docker.io/v1/" is "docker.io", "http://host:5000/" "host:5000",
 * "host/path" itself. Caller frees. */
char *cred_key(const char *text);

#endif
