/* One command of slct run and the like: its terminal or pipes, its end, the exit status that comes of it. */
#ifndef SLCT_RUNJOB_H
#define SLCT_RUNJOB_H

#include "src/build/build.h"
#include "src/cli/work.h"
#include "src/run/runimg.h"

/* Run it and wait; limits and hosts are those of b. c->status gets the command's status, and 127 or 126 with *e set
 * where it could not be started. Ends the display. */
int runjob_run(struct cli *c, struct work *w, struct runimg_cmd *cmd, const struct build_opts *b, bool net_none,
	       bool interactive, bool tty, struct err *e);
/* bash, else sh. */
void runjob_shell(struct strv *argv);
/* A shell on the terminal in the state that a failed step began with. */
int runjob_failed(struct cli *c, struct work *w, const struct build_failed *f, const struct build_opts *b,
		  struct err *e);

#endif
