/* Deploying the releases of flavors, whatever command's options they come from. */
#ifndef SLCT_EXASLCT_DEPLOY_H
#define SLCT_EXASLCT_DEPLOY_H

#include "src/cli/cli.h"
#include "src/cli/deploy.h"
#include "src/cli/exopt.h"

/* Build, export, upload, print. dry_run: all but the upload, and no password is asked for. */
int exaslct_deploy_releases(struct cli *c, const struct exopt *o, const struct deploy_target *t, bool dry_run,
		       struct err *e);

#endif
