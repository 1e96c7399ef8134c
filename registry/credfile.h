/* Logins written to configuration files, for login and logout: where cred.h finds them and docker and podman do, too.
 *
 * A file is replaced atomically with mode 0600; what else is in it stays. Where the file names a credential helper for
 * the registry, the helper keeps the login and the file has an empty entry, as docker does it. */
#ifndef SLCT_CREDFILE_H
#define SLCT_CREDFILE_H

#include "src/util/err.h"
#include "src/util/vec.h"

/* Keep a login for host[:port]: in $REGISTRY_AUTH_FILE, else $DOCKER_CONFIG/config.json, else ~/.docker/config.json.
 * *where (caller frees): the file, or the helper's name. ERR_INPUT for a file that is broken, ERR_HOST. */
int credfile_save(const char *host, const char *username, const char *password, char **where, struct err *e);
/* Remove the host's logins from all files that cred_load_env reads, and from their helpers. `where` gets the files that
 * had one. */
int credfile_erase(const char *host, struct strv *where, struct err *e);

#endif
