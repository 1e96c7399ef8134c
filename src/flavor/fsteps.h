/* Stages of a flavor in EXASLCT's layout, out of the classes of its build_steps.py. */
#ifndef SLCT_FSTEPS_H
#define SLCT_FSTEPS_H

#include "src/flavor/flavor.h"

/* Path of build_steps.py below a flavor's directory. */
#define FSTEPS_FILE "flavor_base/build_steps.py"

/* Fill the stages (not the goals) of a flavor with path and root set. ERR_INPUT with the place in the file. */
int fsteps_load(struct flavor *f, struct err *e);

#endif
