/* Manual pages in the language of man(7), from the command and option tables. */
#ifndef SLCT_MANPAGE_H
#define SLCT_MANPAGE_H

#include "src/cli/command.h"
#include "src/util/buf.h"

/* slct(1): the commands, exit statuses, environment, files. */
void manpage_overview(struct buf *out);
/* slct-X(1). */
void manpage_command(const struct command *c, struct buf *out);

#endif
