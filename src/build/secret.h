/* Secrets for RUN --mount=type=secret, as --secret names them: id=ID[,src=FILE|,env=VARIABLE]. Their values are read by
 * the worker that runs the step and by nobody else. */
#ifndef SLCT_SECRET_H
#define SLCT_SECRET_H

#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/vec.h"

/* As BuildKit's. */
#define SECRET_MAX_BYTES ((size_t)500 << 10)

/* Check the text of an option: ERR_USAGE. */
int secret_check(const char *option, struct err *e);
/* Value of the secret `id` among the options, the last one counting. 1 and *out, 0 if there is none, -1 with *e. Without
 * src and env: the variable named ID if it is set, else the file ID. */
int secret_read(const struct strv *options, const char *id, struct buf *out, struct err *e);

#endif
