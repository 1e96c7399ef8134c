/* Landlock: a process gives up all but named directories, for good and for its children. A second wall behind the
 * resolution of paths: what a hostile archive or context makes of a worker, it is kept to the directories of its role.
 *
 * Used where the kernel has it in a form that allows renames between directories (ABI 2, Linux 5.19); without it
 * nothing happens and nothing is said. The calling process gets no_new_privs unless it has CAP_SYS_ADMIN. */
#ifndef SLCT_LANDLOCK_H
#define SLCT_LANDLOCK_H

#include "src/util/err.h"

enum landlock_access {
	LANDLOCK_READ, /* read files and directories, execute */
	LANDLOCK_ALL,
};

struct landlock_dir {
	int fd;		  /* -1: by path */
	const char *path; /* one that is missing is left out */
	enum landlock_access access;
};

/* The ABI of this kernel, 0 without Landlock; landlock_usable: whether landlock_confine() does something. */
int landlock_abi(void);
bool landlock_usable(void);
/* Only these directories from now on, unless tcp no TCP (ABI 4), no abstract sockets and signals of others (ABI 6).
 * Descriptors that are open stay as they are. No mounts after it. */
int landlock_confine(const struct landlock_dir *dirs, size_t n, bool tcp, struct err *e);
/* Only: no connection to abstract UNIX sockets that were made outside (ABI 6, Linux 6.12; before, nothing happens). */
int landlock_scope_sockets(struct err *e);

#endif
