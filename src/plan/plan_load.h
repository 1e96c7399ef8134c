/* Internal to src/plan: what the loader, named contexts and the lint share. */
#ifndef SLCT_PLAN_LOAD_H
#define SLCT_PLAN_LOAD_H

#include "src/plan/plan.h"

/* A new, empty one at the end of plan.sources; borrowed. */
struct plan_source *plan_load_source(struct plan *p);
/* FILE, or the Dockerfile (Containerfile) of the directory; caller frees. NULL with *e if there is none. */
char *plan_load_dockerfile(const char *dir, const char *file, struct err *e);
/* The ignore file of a Dockerfile X and its context: X.dockerignore counts before the directory's own. dockerfile NULL:
 * a context without one. *out NULL: there is none. */
int plan_load_ignore(const char *dockerfile, const char *dir, struct ignore **out, struct err *e);

/* The edges of the stages from `first` on, whose names are all known. ERR_INPUT with the instruction's place. */
int plan_link_stages(struct plan *p, size_t first, struct err *e);

#endif
