/* Checks of a step's description and what follows from it without system calls. */
#ifndef SLCT_SPEC_H
#define SLCT_SPEC_H

#include "src/sandbox/sandbox.h"
#include "src/util/vec.h"

#define SPEC_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* HOST_NAME_MAX of Linux. */
#define SPEC_HOSTNAME_MAX 64

/* ERR_INTERNAL for what a caller must not pass, ERR_INPUT for what a Dockerfile can get wrong. */
int spec_check(const struct sandbox_spec *s, struct err *e);
/* Value of a variable of an environment, or NULL. */
const char *spec_getenv(char *const *env, const char *name);
/* The step's environment: as given, PATH and HOME added where it has none. */
void spec_environment(const struct sandbox_spec *s, const char *home, struct strv *out);

#endif
