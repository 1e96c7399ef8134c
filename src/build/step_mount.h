/* RUN --mount: from the plan's mounts to those of the sandbox. */
#ifndef SLCT_STEP_MOUNT_H
#define SLCT_STEP_MOUNT_H

#include "src/build/state.h"
#include "src/sandbox/sandbox.h"

struct step_mounts {
	VEC_OF(struct sandbox_mount) v;
	struct strv env;                /* of secrets, "K=V" */
	char *dir;                      /* for the sandbox's own use */
	VEC_OF(int) locks;
	VEC_OF(char *) strings;         /* what the mounts point to */
	VEC_OF(struct strv *) lowers;
	VEC_OF(struct buf *) texts;
};

/* Whether part of the context must be copied for it first. */
bool step_mount_needs_files(const struct plan_step *s);
/* Worker (WORKER_USERNS): copy what is mounted from the context below the job's directory. arg: struct step_job. */
int step_mount_files(void *arg, struct worker *w, struct json **result, struct err *e);
/* In the run worker, in the caller's namespaces: make caches, wait for their locks, read secrets. The locks end with
 * the worker or with step_mount_release(). */
int step_mount_fill(const struct step_job *j, struct step_mounts *out, struct err *e);
void step_mount_release(struct step_mounts *m);

#endif
