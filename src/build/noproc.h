/* Tier chroot has no /proc, and so no /dev/stdin and /dev/fd: a step that speaks of them gets the remedy. */
#ifndef SLCT_NOPROC_H
#define SLCT_NOPROC_H

#include "src/build/state.h"

/* A line of the step's output. */
void noproc_line(struct step_job *j, const char *line);
/* The step has failed: the hint, if that may be why. Returns -1. */
int noproc_explain(const struct step_job *j, struct err *e);
/* The step has succeeded, maybe without doing what it should. */
void noproc_warn(const struct step_job *j);

#endif
