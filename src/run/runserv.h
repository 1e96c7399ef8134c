/* Services: commands that run beside a test's, each with a readiness command that says when the next may begin. In the
 * worker, which must outlive them. */
#ifndef SLCT_RUNSERV_H
#define SLCT_RUNSERV_H

#include <sys/types.h>

#include "src/run/runcmd.h"

/* Its sandbox is a child's, whose death ends it. *stopping (shared memory): that it ends is no news. -1 with *e. */
pid_t runserv_start(struct runcmd *p, bool joined, const volatile bool *stopping, struct err *e);
/* Wait until the service of that pid is ready; probe: a second copy of its root, for the readiness command. ERR_STEP if
 * it ends before, or is not in time. */
int runserv_await(struct runcmd *probe, pid_t pid, bool joined, struct err *e);

#endif
