/* What a command of runimg.h has left behind, as an image: its files are a layer above those that it began with. */
#ifndef SLCT_RUNKEEP_H
#define SLCT_RUNKEEP_H

#include "oci/imgconfig.h"
#include "src/run/runimg.h"

/* After a job with `keep` whose command was started, before runimg_close. config: that of the image it ran in;
 * environment, user, directory and command become the job's. *id gets the new image's; name: what it is to be called.
 */
int runkeep(struct runimg_job *j, const struct imgconfig *config, const char *name, struct digest *id, struct err *e);

#endif
