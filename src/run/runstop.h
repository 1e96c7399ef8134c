/* The end of services that run in sandboxes beside a test: their commands get a signal and time to end, then they are
 * killed. */
#ifndef SLCT_RUNSTOP_H
#define SLCT_RUNSTOP_H

#include <sys/types.h>

#include "src/util/base.h"

#define RUNSTOP_GRACE_NS (10 * INT64_C(1000000000)) /* docker's */

struct runstop {
	pid_t pid;	  /* child of ours that waits for the sandbox; its death ends it. 0: none */
	int signo;	  /* for the command; 0: SIGTERM */
	int64_t grace_ns; /* 0: RUNSTOP_GRACE_NS */
};

/* Signal all, wait for each at most its time, kill what is left and reap. Where the command cannot be found (/proc
 * without children) the service is killed at once. */
void runstop(const struct runstop *v, size_t n);
/* "SIGINT", "INT" or a number as an image's StopSignal has it; 0: it is none. */
int runstop_signal(const char *text);

#endif
