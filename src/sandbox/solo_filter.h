/* The part of a step's seccomp program that hands calls to the supervisor (tier solo), put before the default profile.
 *
 * Everything that it does not name runs natively, at the kernel's speed: reads, writes, opens of what is there, unlink,
 * utimensat. It is made per step, in microseconds, without libseccomp. */
#ifndef SLCT_SOLO_FILTER_H
#define SLCT_SOLO_FILTER_H

#include "src/util/err.h"

/* Soft limit that carries a task's identity: nothing in the kernel looks at it since Linux 2.4, forks inherit it and
 * exec keeps it. The step's own use of it is answered without being done. */
#define SOLO_FILTER_RLIMIT RLIMIT_LOCKS

/* Calls that are only handed over where they matter. */
enum {
	SOLO_FILTER_ROWS = 1,  /* the layers below have recorded links, fifos or sockets: their copies are followed */
	SOLO_FILTER_NAMES = 2, /* the supervisor goes by names: renames and links are followed */
};

/* The rules for the native ABI and then `base` (an array of struct sock_filter, base_len bytes). also: SOLO_FILTER_*.
 * *prog is malloc'ed, *len in bytes. ERR_INTERNAL if the whole is too long for the kernel. */
int solo_filter_program(const void *base, size_t base_len, unsigned also, void **prog, size_t *len, struct err *e);
/* Load it for this process and its descendants and return the listener's descriptor (close-on-exec), or -1 with *e.
 * Needs CAP_SYS_ADMIN in the namespace. */
int solo_filter_enter(const void *prog, size_t len, struct err *e);

#endif
