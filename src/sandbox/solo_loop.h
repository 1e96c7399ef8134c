/* The supervisor at work (tier solo). */
#ifndef SLCT_SOLO_LOOP_H
#define SLCT_SOLO_LOOP_H

#include "src/sandbox/solo_req.h"
#include "src/util/err.h"

/* Answer calls and reap until the command has ended; *status as from waitpid(2). -1 with *e if it could not begin. */
int solo_loop(struct solo *s, pid_t command, int *status, struct err *e);

#endif
