/* One command of `slct run`, `slct shell` or a test, on a copy of an image's root that is its own. In the worker. */
#ifndef SLCT_RUNCMD_H
#define SLCT_RUNCMD_H

#include "src/run/runimg.h"
#include "src/session/treeview.h"

/* A command whose copy is there. */
struct runcmd {
	const struct runimg_job *job;
	const struct runimg_cmd *cmd;
	struct step_job step; /* what of a step rootdiff.h and roots.h need */
	struct plan_step none;
	struct treeview view;
	struct strv lower;
	char *upper, *work, *points;
	int owners;
	struct sandbox_mount *mounts;
	bool keeps; /* what it writes to a bind outlives it */
};

/* Make the copy; number: of the copies of one job. Release *p whatever comes. */
int runcmd_prepare(struct runcmd *p, const struct runimg_job *job, const struct runimg_cmd *cmd, unsigned number,
		   struct err *e);
/* joined: this process is in the user namespace (and perhaps a network namespace) already. with_limits: those of the
 * job. */
int runcmd_run(struct runcmd *p, bool joined, bool with_limits, struct runimg_result *r, struct err *e);
void runcmd_release(struct runcmd *p);

#endif
