/* Standard input, output and error of a command in a sandbox: pipes or a terminal of its own, and a process that passes
 * on what comes through them. No descriptor of the caller gets into the sandbox, so that nothing can be opened anew by
 * one. */
#ifndef SLCT_RUNIO_H
#define SLCT_RUNIO_H

#include <sys/types.h>
#include <termios.h>

#include "src/util/err.h"

struct runio {
	int in, out, err; /* ends for the sandbox; in 0: nothing is passed in; with a terminal all are that one */
	pid_t relay;	  /* 0: none */
	bool raw;	  /* the caller's terminal is in raw mode */
	struct termios saved;
};
#define RUNIO_INIT ((struct runio){.in = -1, .out = -1, .err = -1})

/* interactive: pass standard input on. terminal: a terminal for the command; standard input must be one if it is passed
 * on (ERR_USAGE). */
int runio_open(struct runio *io, bool interactive, bool terminal, struct err *e);
/* After the command's end: wait until all of its output has been passed on, put the terminal back. Twice is fine. */
void runio_close(struct runio *io);
#define AUTO_RUNIO AUTO(runio_close)

#endif
