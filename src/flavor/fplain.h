/* Stages of a flavor in our own layout: the sub-directories that hold a Dockerfile, of the flavor's directory and of
 * its flavor_base, in the order of their names; then flavor.yml, if there is one. */
#ifndef SLCT_FPLAIN_H
#define SLCT_FPLAIN_H

#include "src/flavor/flavor.h"
#include "src/util/yaml.h"

/* Fill the stages of a flavor with path and root set, and all that its flavor.yml says; yml NULL: there is none. */
int fplain_load(struct flavor *f, struct yaml_doc *yml, struct err *e);
/* Whether a directory has such a sub-directory. */
bool fplain_has_stages(const char *dir);

#endif
