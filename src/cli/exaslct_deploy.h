/* Deploying the releases of flavors, whatever command's options they come from. */
#ifndef SLCT_EXASLCT_DEPLOY_H
#define SLCT_EXASLCT_DEPLOY_H

#include "src/cli/cli.h"
#include "src/cli/deploy.h"
#include "src/cli/exopt.h"

/* Whose words say what was done: scripts look for EXASLCT's. */
enum exaslct_deploy_words { EXASLCT_DEPLOY_OWN, EXASLCT_DEPLOY_DEPLOY, EXASLCT_DEPLOY_UPLOAD };

struct exaslct_deploy_way {
	enum exaslct_deploy_words words;
	bool dry_run; /* all but the upload, and no password is asked for */
};

/* Build, export, upload, print. */
int exaslct_deploy_releases(struct cli *c, const struct exopt *o, const struct deploy_target *t,
			    struct exaslct_deploy_way way, struct err *e);

#endif
