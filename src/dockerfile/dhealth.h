/* Flags of HEALTHCHECK: durations and retries. */
#ifndef SLCT_DHEALTH_H
#define SLCT_DHEALTH_H

#include "src/dockerfile/dast.h"
#include "src/util/err.h"

/* Fill in->health from its flags. name, text: of the file, for the error's place. */
int dhealth_flags(const char *name, struct sv text, struct dast_instr *in, struct err *e) ATTR_NODISCARD;

#endif
