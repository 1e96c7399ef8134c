/* EXASLCT's generate-language-activation. */
#include "src/cli/activation.h"
#include "src/cli/exaslct.h"

int exaslct_activation_run(struct cli *c, const void *opts, struct err *e)
{
	const struct exopt *o = opts;
	const struct strv *given = &c->args.given;
	struct langdef_place p = {o->bucketfs_name, o->bucket, o->path_in_bucket, o->container_name};
	const char *flavor = o->flavor_paths.n ? o->flavor_paths.v[o->flavor_paths.n - 1] : NULL;
	AUTO_FREE char *definitions = NULL;

	if (exopt_check("generate-language-activation", o, given, e) || exopt_need(given, "flavor-path", e) ||
	    exopt_need(given, "bucketfs-name", e) || exopt_need(given, "bucket-name", e) ||
	    exopt_need(given, "container-name", e))
		return -1;
	definitions = langdef_render(flavor, &p, e);
	/* EXASLCT's text begins with two empty lines, and print() adds the last newline. */
	return definitions ? activation_print(c, flavor, definitions, "\n", e) : -1;
}
