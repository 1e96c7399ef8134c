/* A piece of a worker's work that needs the run's user namespace and mounts, while the worker itself stays outside. */
#ifndef SLCT_NSJOB_H
#define SLCT_NSJOB_H

#include "src/util/err.h"

typedef int nsjob_fn(void *arg, struct err *e);

/* Fork, join the namespace with a mount namespace of its own, call fn there, wait; its error becomes *e. What fn
 * changes in memory is lost. */
int nsjob_run(int nsfd, nsjob_fn *fn, void *arg, struct err *e);

#endif
