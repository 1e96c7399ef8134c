/* Internal to src/plan, but for the functions on struct plan_mount: RUN --mount in the plan. */
#ifndef SLCT_PLAN_MOUNT_H
#define SLCT_PLAN_MOUNT_H

#include "src/plan/plan.h"

struct plan_eval;

/* The mounts of the RUN that is evaluated, appended to the step's. Errors (ERR_INPUT) with their place. */
int plan_mount_eval(struct plan_eval *v, struct plan_step *s, struct err *e);
void plan_mount_release(struct plan_mount *m);
/* One mount's fields of the step's key. from: key of the stage or image that it reads, NULL if none. */
void plan_mount_key(struct ckey_builder *b, const struct plan_mount *pm, const struct ckey *from);

/* A bind mount of files of a build context, or a cache mount that begins with them. */
bool plan_mount_of_context(const struct plan_mount *pm);
/* Pattern for source_select() that names its source. */
void plan_mount_pattern(const struct plan_mount *pm, struct strv *out);

#endif
