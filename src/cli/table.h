/* Text tables for standard output: columns as wide as their widest cell, two spaces between them. */
#ifndef SLCT_TABLE_H
#define SLCT_TABLE_H

#include "src/util/buf.h"
#include "src/util/vec.h"

struct table {
	size_t cols;
	struct strv cells; /* row by row, the head first */
};

#define AUTO_TABLE AUTO(table_release)
/* Begin with the titles of the columns, NULL at the end. */
void table_init(struct table *t, const char *const *titles);
void table_release(struct table *t);
/* The next cell; rows fill up from left to right. Control sequences are removed. */
void table_cell(struct table *t, const char *text);
void table_cellf(struct table *t, const char *fmt, ...) ATTR_PRINTF(2, 3);
void table_write(const struct table *t, struct buf *out);

#endif
