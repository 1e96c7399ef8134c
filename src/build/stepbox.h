/* The command of a RUN step in its sandbox: what the run worker does, from the folds of the stack below to the upper
 * directory as the commit takes it. */
#ifndef SLCT_STEPBOX_H
#define SLCT_STEPBOX_H

#include "src/build/state.h"

struct stepbox {
	struct step_job *j; /* of step_run_start(); borrowed */
	int out_fd;	    /* the command's standard output and error */
};

/* worker_fn for a struct stepbox. The answer: "status", "signal", "timed_out", "oom" (memory ran out), "pids" (a fork
 * was refused), "root_changed" (mode or owner of / itself, which no layer holds), "full" (updir_full()), and "lost"
 * (what the tier refused to the command that root may do) if there was such. A command that fails is an answer, not an
 * error. */
int stepbox_run(void *arg, struct worker *w, struct json **result, struct err *e);
/* The file of the step's directory in which process 1 writes what the supervisor recorded of links, fifos and sockets.
 * flags: as of open(2). The caller closes it; -1: ERR_HOST. */
int stepbox_open_owners(const struct step_job *j, int flags, struct err *e);
/* Whether the step has left nothing for a layer. */
bool stepbox_upper_is_empty(const struct step_job *j);

#endif
