/* The end of a step that has no pid namespace: its processes are found by their parents. */
#ifndef SLCT_REAP_H
#define SLCT_REAP_H

#include "src/util/err.h"

/* Descendants that lose their parent become children of this process from now on (PR_SET_CHILD_SUBREAPER). */
int reap_adopt(struct err *e);
/* Kill and reap all descendants of this process, however they left their parents; stopped first, so that none can
 * outrun this by forking. -1 with *e if some are left after a while, or /proc cannot be read. */
int reap_all(struct err *e);

#endif
