/* Passwords on the command line: other users of the machine see the arguments of a process (proc(5), cmdline). They are
 * copied and blotted out where the kernel shows them before anything else is done; what is left is the moment between
 * execve and then. */
#ifndef SLCT_SECRETARGS_H
#define SLCT_SECRETARGS_H

#include "src/util/base.h"
#include "src/util/cleanup.h"

struct secretargs {
	char **v; /* owned copies */
	size_t n;
};

/* Copy args; in the originals the values of options that take a password become stars, and the log masks them from now
 * on. */
void secretargs_take(struct secretargs *s, char *const *args, size_t n);
void secretargs_release(struct secretargs *s);
#define AUTO_SECRETARGS AUTO(secretargs_release)

#endif
