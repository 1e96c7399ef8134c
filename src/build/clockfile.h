/* Times of the files of a bound context beside a cache mount (cacheclock.h). */
#ifndef SLCT_CLOCKFILE_H
#define SLCT_CLOCKFILE_H

#include "src/build/cachemount.h"

/* Give the files of the step's copy that differ from what the cache's last user saw the current time. */
int clockfile_context(const struct step_job *j, const struct cachemount *c, const struct plan_mount *pm, struct err *e);

#endif
