/* Files of a flavor that no build needs, so that their mistakes would be found late: language definitions, ci.json,
 * what an export adds. For `slct lint`. */
#ifndef SLCT_FCHECK_H
#define SLCT_FCHECK_H

#include "src/flavor/flavor.h"

#define FCHECK_CI_MAX_BYTES ((size_t)1 << 20)

/* ERR_INPUT names the file and what is wrong in it; a file that is not there is fine. */
int fcheck_files(const struct flavor *f, struct err *e);

#endif
