/* Shell completion from the command and option tables. */
#ifndef SLCT_COMPLETION_H
#define SLCT_COMPLETION_H

#include "src/util/buf.h"

/* A script for bash. */
void completion_bash(struct buf *out);

#endif
