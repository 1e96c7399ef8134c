/* The supervisor of tier solo: ownership without any set-up on the machine.
 *
 * A step runs in a user namespace of one id. Its filter (solo_filter.h) hands the calls in which ids play a part to the
 * step's process 1, which answers them here: chown is recorded (solo_rec.h), stat shows what was recorded, set*id
 * changes an identity that is kept beside the kernel's (solo_id.h). It has the step's own rights and CAP_SYS_PTRACE in
 * the step's own user namespace, to read the arguments of programs that made themselves undumpable. */
#ifndef SLCT_SOLO_H
#define SLCT_SOLO_H

#include "src/sandbox/sandbox.h"

struct solo;

/* In process 1, before it leaves the host's root: what is needed of the host and a procfs of its own. NULL with *e. */
struct solo *solo_new(const struct sandbox_spec *s, struct err *e);
/* In process 1, in the step's root, before the command is forked: working directory, SIGCHLD blocked. */
int solo_enter(struct solo *s, struct err *e);
/* In the child that becomes the command, once nothing but capabilities and ids is left to be set: load the program of
 * the step with the supervisor's part, and hand the listener over. From here on the parent must serve. */
int solo_confine(const struct sandbox_spec *spec, int sock, struct err *e);
/* In process 1: take the listener from the other end of the socket pair (both ends are closed), then answer and reap
 * until the command has ended; *status as from waitpid. A command that ends before it hands over is no error here. */
int solo_serve(struct solo *s, const int pair[2], pid_t command, int *status, struct err *e);
/* In process 1, last: end what is left of the step, make the upper directory what a layer tree is, and write the rows
 * that the step made to the spec's owners_fd. */
int solo_end(struct solo *s, const struct sandbox_spec *spec, struct err *e);
/* What process 1 keeps (caps.h). */
uint64_t solo_caps(void);

#endif
