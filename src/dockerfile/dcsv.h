/* Fields of a flag's value: NAME=VALUE pairs separated by commas; one in double quotes may hold commas, and "" for a
 * quote (RFC 4180). */
#ifndef SLCT_DCSV_H
#define SLCT_DCSV_H

#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/sv.h"

/* Cut one field off *rest into out, which is emptied before; *rest becomes SV_NULL at the end. flag: for messages
 * ("--mount"). */
int dcsv_cut(struct sv *rest, const char *flag, struct buf *out, struct err *e) ATTR_NODISCARD;
/* As the reference reads a truth value: 1 t true, 0 f false in any usual case; -1 if it is none. */
int dcsv_bool(struct sv v, bool *out) ATTR_NODISCARD;

#endif
