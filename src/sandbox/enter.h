/* The parent's half of a step: the process that becomes its init, what it reports, its time limit and its end. */
#ifndef SLCT_ENTER_H
#define SLCT_ENTER_H

#include "src/sandbox/plan_ops.h"

/* Start init_child() in new namespaces and stay until everything in them has ended; as sandbox_run(). The caller has
 * joined the user namespace. */
int enter_run(const struct sandbox_spec *s, const struct plan_ops *ops, struct sandbox_result *r, struct err *e);

#endif
