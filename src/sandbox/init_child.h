/* Process 1 of a step's pid namespace: makes the root, starts the command, reaps what is orphaned, and ends with the
 * command. Its end takes everything else in the namespace with it (pid_namespaces(7)). */
#ifndef SLCT_INIT_CHILD_H
#define SLCT_INIT_CHILD_H

#include "src/sandbox/plan_ops.h"

/* In a new process with new mount, pid, ipc and uts (and net) namespaces; chan is its end of childmsg_pair(). */
void init_child(const struct sandbox_spec *s, const struct plan_ops *ops, int chan) ATTR_NORETURN;

#endif
