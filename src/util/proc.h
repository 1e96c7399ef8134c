/* Child processes of the scheduler: programs to run (newuidmap, credential helpers, git) and pidfds. */
#ifndef SLCT_PROC_H
#define SLCT_PROC_H

#include <signal.h>

#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/err.h"

struct proc_io {
	const void *in; /* bytes for standard input, or NULL for /dev/null */
	size_t in_len;
	struct buf *out;    /* standard output appended, or NULL: /dev/null */
	struct buf *errout; /* standard error appended, or NULL: inherited */
	char *const *envp;  /* NULL: inherited */
	const char *cwd;    /* NULL: inherited */
	int64_t timeout_ns; /* 0: none; the child is killed when it passes */
	bool setid;	    /* it may gain privileges by exec (newuidmap); else it has no_new_privs */
};

/* Run argv[0] by PATH and wait. *status is as from waitpid. -1 with *e if it could not be started (ENOENT gives
 * ERR_NOT_FOUND), timed out (ERR_TEMP) or wrote more than a buffer's maximum (ERR_HOST); it is killed then. Signals are
 * unblocked in it, descriptors above 2 closed. Output of its own children after its end is not waited for. */
int proc_run(char *const argv[], const struct proc_io *io, int *status, struct err *e);
/* pidfd of a child (Linux 5.3); -1 with errno. */
int proc_pidfd(pid_t pid);
/* PR_SET_PDEATHSIG, then check that the parent is still `parent`; exits with 127 if it has gone. */
void proc_die_with_parent(pid_t parent);

#endif
