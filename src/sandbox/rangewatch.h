/* Tier range: what the kernel refuses a step there, and root would not be refused. A change of owner to an id outside
 * the map gives EINVAL, a device node EPERM, and many programs pass over that (useradd -m, tar). The step's filter
 * tells its process 1 of exactly these calls, which counts them and lets the kernel refuse: all others cost nothing. */
#ifndef SLCT_RANGEWATCH_H
#define SLCT_RANGEWATCH_H

#include "src/sandbox/sandbox.h"

struct rangewatch {
	uint32_t owners, nodes; /* refused calls */
	uint32_t uid, gid;	/* of the first of owners; UINT32_MAX: unchanged */
};

/* Whether such calls are looked for: in tier range, unless the step is insecure. */
bool rangewatch_wanted(const struct sandbox_spec *s);
/* The tests before the profile: malloc'ed array of struct sock_filter, its size in bytes. */
int rangewatch_program(const struct tier_info *t, const void *base, size_t base_len, void **prog, size_t *len,
		       struct err *e);
/* In the child that becomes the command: load the step's program with these tests and hand the listener over; without
 * them where the kernel gives no listener (another supervisor around slct). */
int rangewatch_confine(const struct sandbox_spec *s, int sock, struct err *e);
/* In process 1, before the fork: SIGCHLD as a descriptor; -1 with *e. */
int rangewatch_signals(struct err *e);
/* In process 1: take the listener from the other end of the socket pair (both ends are closed), count and reap until
 * the command has ended; *status as from waitpid. */
int rangewatch_serve(const int pair[2], int signals, pid_t command, int *status, struct rangewatch *w, struct err *e);
/* What was refused, as part of a sentence: false if nothing was. */
bool rangewatch_text(const struct rangewatch *w, char *out, size_t size);

#endif
