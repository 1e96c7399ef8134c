/* The second pass of the parser: whether an instruction is known and has the flags and operands that it must have.
 * Fills what follows from them: HEALTHCHECK fields, the trigger text of ONBUILD, which words stand for here-documents.
 */
#ifndef SLCT_DCHECK_H
#define SLCT_DCHECK_H

#include "src/dockerfile/dast.h"
#include "src/util/err.h"

/* name and text are for the place and the excerpt of errors. */
int dcheck_instr(const char *name, struct sv text, struct dast_instr *in, struct err *e) ATTR_NODISCARD;

#endif
