/* Shell completion from the command and option tables. */
#ifndef SLCT_COMPLETION_H
#define SLCT_COMPLETION_H

#include "src/util/buf.h"

/* Scripts for the shells. */
void completion_bash(struct buf *out);
void completion_zsh(struct buf *out);
void completion_fish(struct buf *out);

#endif
