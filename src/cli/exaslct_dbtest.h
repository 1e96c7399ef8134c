/* The tests of flavors in a database: EXASLCT's run-db-test. */
#ifndef SLCT_EXASLCT_DBTEST_H
#define SLCT_EXASLCT_DBTEST_H

#include "src/cli/exrun.h"

#define EXASLCT_TEST_CONTAINER_FOLDER "./test_container"

/* Test the release goals of the flavors; net NULL: the command is EXASLCT's; junit (may be NULL) gets a suite of
 * JUnit's XML for each flavor and goal whose tests ran. ERR_STEP if a test failed. */
int exaslct_dbtest_flavors(struct cli *c, const struct exopt *o, const struct cli_net *net, struct buf *junit,
			   struct err *e);
/* Build the test container of a directory in the session of a run that is open; *image is the config's digest. */
int exaslct_test_container_for(struct exrun *r, const char *folder, struct digest *image, struct err *e);

#endif
