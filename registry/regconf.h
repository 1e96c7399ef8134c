/* containers-registries.conf(5), version 2: locations, mirrors, blocked and insecure registries, by prefix of a name.
 *
 * Files: $CONTAINERS_REGISTRIES_CONF alone if it is set. Else ~/.config/containers/registries.conf, or, where that is
 * missing, /etc/containers/registries.conf and /etc/containers/registries.conf.d/NAME.conf; then
 * ~/.config/containers/registries.conf.d/NAME.conf. A later entry with the same prefix replaces an earlier one.
 *
 * Short names are none of its business here: a name without a host is one of docker.io, whatever
 * unqualified-search-registries and aliases say. Credentials are not either: each host gets its own, or none. */
#ifndef SLCT_REGCONF_H
#define SLCT_REGCONF_H

#include "oci/ref.h"
#include "src/util/err.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

#define REGCONF_MIRRORS_MAX 32

struct regconf;

/* Where to ask for a name, one after the other. */
struct regconf_places {
	struct ref *v;
	size_t n; /* at least 1; the last one is the registry itself, the others are mirrors */
};

struct regconf *regconf_new(void); /* nothing configured */
void regconf_free(struct regconf *c);
/* The files of the environment. What is missing is fine; ERR_INPUT names file and line of what is wrong. */
int regconf_load_env(struct regconf *c, struct err *e);
/* One more file's text; `name` is for messages. */
int regconf_load_text(struct regconf *c, struct sv text, const char *name, struct err *e);
/* Places to read ref (with its tag or digest) from. ERR_REGISTRY if it is blocked. */
int regconf_places(const struct regconf *c, const struct ref *ref, struct regconf_places *out, struct err *e);
void regconf_places_release(struct regconf_places *p);
#define AUTO_REGCONF_PLACES AUTO(regconf_places_release)
/* Where to write to: not rewritten, but it may be blocked. */
int regconf_writable(const struct regconf *c, const struct ref *ref, struct err *e);
/* Whether host/path may be asked without verified TLS, be it as a registry or as a mirror. */
bool regconf_insecure(const struct regconf *c, const char *host, const char *path);

#endif
