/* Removal of trees that are no longer needed: in a worker, because in the range tier they belong to ids that only the
 * user namespace may touch. */
#ifndef SLCT_SWEEP_H
#define SLCT_SWEEP_H

#include "src/session/session.h"

/* Move a run's directory to the trash and empty the trash. Failing leaves rubbish for the next sweep. */
void sweep_run(struct session *s, const char *tmp);
/* Empty the trash; returns the number of trees that could not be removed, or -1. */
int sweep_trash(struct session *s, struct err *e);

#endif
