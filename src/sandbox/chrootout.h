/* Output of a step in tier chroot. Without /proc a pipe has no name, so the step's standard output and error are FIFOs,
 * which /dev/stdout and /dev/stderr name; the keeper passes on what comes. What differs from other tiers: the names
 * lead there also where a program's output was redirected, which is why their use is reported. */
#ifndef SLCT_CHROOTOUT_H
#define SLCT_CHROOTOUT_H

#include <poll.h>

#include "src/sandbox/sandbox.h"

/* Places below the root, made by chrootfill; the second is a link to the first where both go to one descriptor. */
#define CHROOTOUT_STDOUT "dev/stdout"
#define CHROOTOUT_STDERR "dev/stderr"
#define CHROOTOUT_MAX	 2

struct chrootout {
	struct {
		int from, to; /* the FIFO's read end, where it goes */
		bool full;    /* nothing more can be written there now */
	} relay[CHROOTOUT_MAX];
	size_t n;
	int notify;		  /* inotify of the FIFOs; -1: none */
	int watch[CHROOTOUT_MAX]; /* their numbers there */
};

/* An inotify for sandbox_spec.notify_fd, for one step at a time; -1: the kernel gives none. Closing one that has
 * watched something takes two grace periods of the kernel, 7 ms and more: as much as the rest of a step. So whoever
 * runs many keeps them. */
int chrootout_notify(void);

/* Whether the step gets them: not with a terminal, which has a name. */
bool chrootout_wanted(const struct sandbox_spec *s);
/* Open the FIFOs of root and put them at descriptors 1 and 2. The caller must not die of SIGPIPE. */
int chrootout_open(struct chrootout *o, int root, const struct sandbox_spec *s, struct err *e);
/* For poll(2): fill p, of CHROOTOUT_MAX entries; how many. Then pass on what they say. */
size_t chrootout_poll(const struct chrootout *o, struct pollfd *p);
void chrootout_serve(struct chrootout *o, const struct pollfd *p);
/* When no process of the step is left: what is still in the FIFOs. */
void chrootout_drain(struct chrootout *o);
/* Whether a FIFO was opened by its name. Nothing is watched any more. */
bool chrootout_named(const struct chrootout *o);

#endif
