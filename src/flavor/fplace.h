/* Places in text files of a flavor: line, column and the excerpt with a caret that an error shows. */
#ifndef SLCT_FPLACE_H
#define SLCT_FPLACE_H

#include "src/util/err.h"
#include "src/util/sv.h"

struct fplace {
	unsigned line, col; /* from 1, the column in bytes */
};

/* Place of the byte at offset `pos` (at most text.n). */
struct fplace fplace_of(struct sv text, size_t pos);
/* Set the error's place and its excerpt, the line with a caret below that byte; returns -1. */
int fplace_err(struct err *e, const char *file, struct sv text, size_t pos);

#endif
