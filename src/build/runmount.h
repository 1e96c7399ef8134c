/* The mounts of a RUN step, in its worker: from the plan's description to the sandbox's. */
#ifndef SLCT_RUNMOUNT_H
#define SLCT_RUNMOUNT_H

#include "src/build/cachemount.h"
#include "src/build/secret.h"
#include "src/build/state.h"
#include "src/sandbox/sandbox.h"

struct runmount_list {
	struct sandbox_mount *v;
	size_t n, cap;
};

struct runmount_ssh {
	const struct plan_mount *pm;
	pid_t pid; /* of its sshproxy */
};

struct runmounts {
	struct runmount_list list;
	struct secrets secrets;
	struct cachemounts caches;
	struct strv env;   /* variables that come with them */
	struct strv texts; /* what the list points to */
	VEC_OF(struct strv *) stacks;
	VEC_OF(struct runmount_ssh) proxies;
	bool keep_sync; /* what the step writes into a mount outlives it */
};

/* Read secrets and describe the mounts. Before the worker joins the user namespace. */
int runmount_prepare(const struct step_job *j, struct runmounts *m, struct err *e);
/* Make what has to be there before the step starts; nsfd: where, USERNS_STAY after updir_enter(). */
int runmount_fill(const struct step_job *j, struct runmounts *m, int nsfd, struct err *e);
/* Tier solo: the owners of sockets and copies that it made, into the table that the step gets. */
int runmount_owners(const struct step_job *j, const struct runmounts *m, struct owntab *rows, struct err *e);
/* After the command has succeeded and before its layer is committed. */
int runmount_finish(const struct step_job *j, struct runmounts *m, struct err *e);
/* The stack that a mount reads; empty if it reads none. */
const struct digest_list *runmount_stack(const struct step_job *j, const struct plan_mount *pm);
/* Directory of the step for one of its mounts, relative to the store; caller frees. */
char *runmount_dir(const struct step_job *j, const struct plan_mount *pm, const char *suffix);
/* The same where upper directories are (updir.h). */
char *runmount_updir(const struct step_job *j, const struct plan_mount *pm, const char *suffix);
void runmount_release(struct runmounts *m);
#define AUTO_RUNMOUNTS AUTO(runmount_release)

#endif
