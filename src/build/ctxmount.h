/* Bind mounts of the build context: the selected files as a directory of the step's own. */
#ifndef SLCT_CTXMOUNT_H
#define SLCT_CTXMOUNT_H

#include "src/build/state.h"
#include "src/plan/plan_mount.h"

/* Name of what is made in dir: a directory or a file. */
#define CTXMOUNT_NAME "data"

/* Copy what the mount names into the directory `dirfd`, with logical times and owner 0:0. ERR_INPUT if it is not what
 * the scan saw. In the user namespace. */
int ctxmount_copy(const struct step_job *j, const struct plan_mount *pm, int dirfd, struct err *e);

#endif
