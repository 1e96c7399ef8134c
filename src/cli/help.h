/* Help texts from the command and option tables. */
#ifndef SLCT_HELP_H
#define SLCT_HELP_H

#include "src/cli/command.h"
#include "src/util/buf.h"

/* `slct help`: all commands by group. */
void help_overview(struct buf *out);
/* `slct X --help`. */
void help_command(const struct command *c, struct buf *out);

#endif
