/* Internal to src/plan: what the loader and named contexts share. */
#ifndef SLCT_PLAN_LOAD_H
#define SLCT_PLAN_LOAD_H

#include "src/plan/plan.h"

/* A new, empty one at the end of plan.sources; borrowed. */
struct plan_source *plan_load_source(struct plan *p);
/* The ignore file of a context, if it has one: X.dockerignore beside Dockerfile X (NULL: there is none) counts before the
 * directory's own. */
int plan_load_ignore(struct source_set *context, const char *dockerfile, const char *dir, struct err *e);

#endif
