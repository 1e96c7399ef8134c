/* Where the overlays of a step have their upper directories while it runs: in the step's directory of the store, or on
 * a tmpfs (memupper.h) that its worker mounts; those of COPY only where the store's file system refuses them. What is
 * on the tmpfs and has to last, the step's own upper directory, is copied into the store when the step has succeeded;
 * everything after that finds it where it would be without a tmpfs. */
#ifndef SLCT_UPDIR_H
#define SLCT_UPDIR_H

#include "src/build/state.h"

/* `name` of the step's directory, or of its tmpfs (step_job.memory); relative to the store; caller frees. */
char *updir_path(const struct step_job *j, const char *name);
/* The step's own upper directory; -1 with errno. */
int updir_open(const struct step_job *j);

/* In the worker, if step_job.memory, and in the user namespace and a mount namespace of its own: mount the tmpfs, and
 * see the store from there: store_fd() names the store's directory in that namespace from now on, so that paths
 * relative to it lead into the tmpfs. limit: of the step's memory, 0: none. */
int updir_mount(const struct step_job *j, uint64_t limit, struct err *e);
/* The same from outside: enter the user namespace (joined: it is in it already) and a mount namespace of its
 * own first. */
int updir_enter(const struct step_job *j, bool joined, uint64_t limit, struct err *e);
/* Copy the upper directory into the store, end the tmpfs' part: step_job.memory is false afterwards. view: its table
 * has the owners of links and the like on the tmpfs, and gets those of the copies. */
int updir_save(struct step_job *j, const struct ownview *view, struct err *e);
/* The size of the tmpfs in bytes if nothing is left of it, else 0. */
uint64_t updir_full(const struct step_job *j);

/* The step has failed, and its tmpfs (bytes; 0: it is not full, so far as is known) or its output may tell why. Sets
 * the hint and returns true if so. */
bool updir_explain(const struct step_job *j, uint64_t full, struct err *e);

#endif
