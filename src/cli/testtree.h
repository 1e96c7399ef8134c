/* Root file systems of tests that are not a stage's own: what an export has, and what a failed test has left. */
#ifndef SLCT_TESTTREE_H
#define SLCT_TESTTREE_H

#include "src/cli/testrun.h"
#include "src/util/smap.h"

struct testtree {
	const char *dir;      /* for archives in between; borrowed */
	struct smap exported; /* flavor and image → struct digest_list of its exported tree */
};
void testtree_release(struct testtree *t);

/* The layers of what an export of the image (a name in the store, of the flavor's stage) by the flavor's rules gives:
 * it is written and read once for each image. */
int testtree_exported(struct testtree *t, struct session *s, const struct flavor *f, const char *stage,
		      const char *image, struct digest_list *out, struct err *e);
/* Make the image failed:FLAVOR-TEST of what a failed test with job.keep has left; its name goes to test->kept. config:
 * of the image that it ran in. */
int testtree_keep(struct testrun_test *test, const struct imgconfig *config, struct err *e);
/* Remove the image test->kept. */
int testtree_drop(struct session *s, struct testrun_test *test, struct err *e);

#endif
