/* EXASLCT's generate-package-diffs. */
#include "src/cli/cli.h"
#include "src/cli/exaslct.h"
#include "src/cli/pkgreport.h"

int exaslct_diffs_run(struct cli *c, const void *opts, struct err *e)
{
	const struct exopt *o = opts;

	if (exopt_check("generate-package-diffs", o, &c->args.given, e) ||
	    exopt_need(&c->args.given, "output-package-diff-directory", e) ||
	    exopt_need(&c->args.given, "current-working-copy-name", e))
		return -1;
	return pkgreport_write(o->compare_to, NULL, o->working_copy_name, o->diff_directory, e);
}
