/* Secrets of a step (RUN --mount=type=secret, --secret), in its worker only: the scheduler knows ids and places, never
 * values. A value reaches the step by a file on a tmpfs of its own or by a variable; it is in no key, record or
 * history, it is masked in the step's output before the scheduler sees that, and a layer that holds it is refused. */
#ifndef SLCT_SECRET_H
#define SLCT_SECRET_H

#include <sys/types.h>

#include "src/build/build.h"
#include "src/util/err.h"

/* As the reference builder's. */
#define SECRET_MAX_BYTES ((size_t)500 << 10)
/* Shorter ones cannot be told from ordinary text: they are neither masked nor looked for in layers. */
#define SECRET_MASK_MIN 4
#define SECRET_SCAN_MIN 6

struct secret {
	char *id;
	char *value;
	size_t n;
};

struct secrets {
	struct secret *v;
	size_t n, cap;
};

/* Read the value from its file or variable and keep it; in the caller's own namespaces. NULL with *e. */
const struct secret *secret_read(const struct build_secret *from, struct secrets *keep, struct err *e);
void secret_release(struct secrets *s); /* wipes the values */

/* Fork a process that passes on to out_fd what is written to the descriptor returned, with the values masked; -1 with
 * *e. It ends when the last writer has gone: close the descriptor and wait for *pid. */
int secret_filter(const struct secrets *s, int out_fd, pid_t *pid, struct err *e);

/* ERR_STEP if the value of one lies in a file, link, name or attribute of the tree. */
int secret_scan(int treefd, const struct secrets *s, struct err *e);

#endif
