/* Why a namespace is refused, and the remedy: switches, limits, security modules, seccomp filters, a chroot. */
#ifndef SLCT_NSDIAG_H
#define SLCT_NSDIAG_H

#include "src/util/err.h"

/* Set *e for a call with these CLONE_NEW... flags that failed with errno sys; returns -1 (ERR_HOST). */
int nsdiag_refused(int sys, const char *call, unsigned flags, struct err *e);
/* The same for a mount, also inside of a user namespace that was given without its rights. */
int nsdiag_mount_refused(int sys, const char *call, struct err *e);
/* Whether this process is under a seccomp filter, as in most containers. */
bool nsdiag_filtered(void);

#endif
