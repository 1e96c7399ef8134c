/* Questions on the terminal, whatever standard input and output are. */
#ifndef SLCT_PROMPT_H
#define SLCT_PROMPT_H

#include "src/util/err.h"

/* Longest answer in bytes. */
#define PROMPT_MAX ((size_t)4096)

/* Ask `text` and read a line; secret: it is not shown. Caller frees the answer (never empty). NULL: ERR_USAGE without a
 * terminal or for an empty answer, ERR_CANCELLED after ^C. */
char *prompt_ask(const char *text, bool secret, struct err *e);

#endif
