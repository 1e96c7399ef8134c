/* Printing how a container is activated: commands activation, deploy, upload and EXASLCT's. */
#ifndef SLCT_ACTIVATION_H
#define SLCT_ACTIVATION_H

#include "src/cli/cli.h"
#include "src/flavor/langdef.h"

/* "flavors/x/" gives "x". Caller frees. */
char *activation_flavor_name(const char *path);
/* Members definition, session and system of an object. */
void activation_json(struct json *j, const char *definitions);
/* The statements on standard output, `before` in front of them; with --json an object. */
int activation_print(const struct cli *c, const char *flavor, const char *definitions, const char *before,
		     struct err *e);

#endif
