/* Where the output of steps is kept: a directory for each run below the store's logs/, the newest LOGDIR_KEPT of them,
 * or the directory that the user named. */
#ifndef SLCT_LOGDIR_H
#define SLCT_LOGDIR_H

#include "src/session/session.h"

/* Runs whose logs are kept. */
#define LOGDIR_KEPT 20

/* Make the directory of this run and remove those of old ones that have ended. user NULL: in the store. Absolute path,
 * caller frees. */
char *logdir_open(struct session *s, const char *user, struct err *e);

#endif
