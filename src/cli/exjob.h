/* The directory of a run of EXASLCT's commands: OUTPUT/jobs/DATE_N_NAME. */
#ifndef SLCT_EXJOB_H
#define SLCT_EXJOB_H

#include "src/cli/exopt.h"

/* Runs that may begin in one second. */
#define EXJOB_MAX 1000

/* Make it. EXASLCT's name has the second in local time; a counter keeps apart runs of one second. Caller frees; NULL:
 * ERR_HOST. */
char *exjob_make(const struct exopt *o, const char *name, struct err *e);

#endif
