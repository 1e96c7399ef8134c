/* EXASLCT's clean-flavor-images and clean-all-images. */
#include "src/cli/clean.h"
#include "src/cli/cli.h"
#include "src/cli/exaslct.h"

int exaslct_clean_flavor_run(struct cli *c, const void *opts, struct err *e)
{
	const struct exopt *o = opts;

	if (exopt_check("clean-flavor-images", o, &c->args.given, e) || exopt_need(&c->args.given, "flavor-path", e))
		return -1;
	return clean_flavors(c, &o->flavor_paths, o->docker_repo, o->docker_prefix, false, e);
}

int exaslct_clean_all_run(struct cli *c, const void *opts, struct err *e)
{
	const struct exopt *o = opts;

	if (exopt_check("clean-all-images", o, &c->args.given, e))
		return -1;
	return clean_repo(c, o->docker_repo, o->docker_prefix, false, e);
}
