/* A step in tier chroot: no namespaces, no mounts. */
#ifndef SLCT_CHROOTRUN_H
#define SLCT_CHROOTRUN_H

#include "src/sandbox/sandbox.h"

/* Run the command in s->root.tree, filled by chrootfill.h. As sandbox_run; when it returns, no process of the step is
 * left, and neither when this process is killed before. */
int chrootrun(const struct sandbox_spec *s, struct sandbox_result *r, struct err *e);

#endif
