/* Credential helpers: programs docker-credential-NAME that keep logins in a keyring (docker-credential-helpers'
 * protocol: the action is the argument, a server or JSON on standard input, JSON or a complaint on standard output).
 * A secret passes through pipes only, never through arguments or the environment. */
#ifndef SLCT_CREDHELPER_H
#define SLCT_CREDHELPER_H

#include "registry/cred.h"

#define CREDHELPER_ANSWER_MAX_BYTES ((size_t)64 << 10)
/* A keyring may ask its owner to unlock it. */
#define CREDHELPER_TIMEOUT_S 60

/* What a helper calls a registry: its host, Docker Hub's is "https://index.docker.io/v1/". Caller frees. */
char *credhelper_server(const char *host);
/* The login for a server; *out stays empty if the helper has none. -1: ERR_REGISTRY, the helper cannot be run or has
 * failed. */
int credhelper_get(const char *name, const char *server, struct cred *out, struct err *e);
int credhelper_store(const char *name, const char *server, const char *username, const char *secret, struct err *e);
/* Fine if there was none. */
int credhelper_erase(const char *name, const char *server, struct err *e);

#endif
