/* Errors as people read them:
 *
 *     slct: error: Dockerfile:3:1: WHAT: WHY
 *       excerpt with a caret, or the last lines of a step
 *     hint: REMEDY
 */
#ifndef SLCT_REPORT_H
#define SLCT_REPORT_H

#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/json.h"

/* Text of the error, with a newline at the end. Control sequences of foreign text are removed. */
void report_render(const struct err *e, bool color, struct buf *out);
/* The error as a JSON object: code, message, file, line, column, excerpt, hint, status. New reference. */
struct json *report_json(const struct err *e);
/* Write it to standard error; json: as one line {"event":"error",...}. */
void report_error(const struct err *e, bool color, bool json);
/* Exit status: err_exit_status, or 143 where SIGTERM ended it. */
int report_status(const struct err *e);

#endif
