/* Named contexts (--build-context NAME=SRC). One of a web server or a git repository becomes a directory below the
 * store's tmp/, fetched when it is known that a step uses it. */
#ifndef SLCT_CTXNAMED_H
#define SLCT_CTXNAMED_H

#include "src/build/state.h"

/* Before any Dockerfile is read. */
int ctxnamed_add(struct build *b, const char *text, struct err *e);
/* After the evaluation, before the scan. ERR_USAGE with --offline. */
int ctxnamed_fetch(struct build *b, struct err *e);

#endif
