/* One logical line -> one instruction: keyword, flags, operands; without here-documents. Every keyword has its way of
 * cutting the operands (a table in dinstr.c); an unknown one is accepted here. */
#ifndef SLCT_DINSTR_H
#define SLCT_DINSTR_H

#include "src/dockerfile/dast.h"
#include "src/dockerfile/dlex.h"
#include "src/util/err.h"

/* NULL on error, with place and excerpt. */
struct dast_instr *dinstr_parse(const struct dlex *lex, const struct dlex_line *line, struct err *e) ATTR_NODISCARD;

#endif
