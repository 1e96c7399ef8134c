/* Taking the names of flavors' images out of the store; the names that went are printed. The store is the open one of
 * the command. */
#ifndef SLCT_CLEAN_H
#define SLCT_CLEAN_H

#include "src/cli/cli.h"

/* Those of some flavors: "flavor-stage" and repo:[prefix_]flavor-stage_… (repo NULL: EXASLCT's default). */
int clean_flavors(struct cli *c, const struct strv *paths, const char *repo, const char *prefix, bool dry,
		  struct err *e);
/* All of a repository, or those whose tag begins with the prefix. */
int clean_repo(struct cli *c, const char *repo, const char *prefix, bool dry, struct err *e);

#endif
