/* slct test --shell-on-fail: a shell in what a failed test has left. */
#ifndef SLCT_TESTSHELL_H
#define SLCT_TESTSHELL_H

#include "src/cli/cli.h"
#include "src/cli/testrun.h"
#include "src/cli/work.h"

/* The first test that has failed although its command could be started; NULL: none, or there is no job.keep. *at is its
 * place in r. */
struct testrun_test *testshell_find(const struct testrun *r, size_t *at);
/* A shell on the terminal in what the test has left, with its environment, user, directory, mounts and network, but not
 * its services. The image of it goes afterwards, unless the test has one already (test->kept). config: of the image
 * that it ran in; b: options of the build. ERR_USAGE: there is no terminal. */
int testshell_open(struct cli *c, struct work *w, struct testrun_test *test, const struct imgconfig *config,
		   const struct build_opts *b, struct err *e);

#endif
