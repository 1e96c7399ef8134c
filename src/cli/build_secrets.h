/* --secret, --ssh and --allow: what they become. The values of secrets are not read here. */
#ifndef SLCT_BUILD_SECRETS_H
#define SLCT_BUILD_SECRETS_H

#include "src/build/build.h"

/* ERR_USAGE for what is not understood; ERR_INPUT for a file, variable or socket that is not there. */
int build_secrets_fill(const struct strv *secrets, const struct strv *ssh, const struct strv *allow,
		       struct build_opts *o, struct err *e);

#endif
