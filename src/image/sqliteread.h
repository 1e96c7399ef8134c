/* Rows of a table in the bytes of an SQLite database: https://www.sqlite.org/fileformat2.html. Reading only, no SQL, no
 * journal or write-ahead log. The bytes are foreign: no page is visited twice, and rows have no more bytes than the
 * file. */
#ifndef SLCT_SQLITEREAD_H
#define SLCT_SQLITEREAD_H

#include "src/util/base.h"
#include "src/util/sv.h"

struct sqliteread {
	const uint8_t *p;
	size_t page, usable; /* bytes of a page, and of them those that hold something */
	size_t pages;
};

struct sqliteread_value {
	enum {
		SQLITEREAD_OTHER,
		SQLITEREAD_INT,
		SQLITEREAD_BYTES
	} kind; /* other: NULL and fractions; bytes: text, blob */
	int64_t number;
	struct sv bytes; /* within the row */
};

/* One row; true: go on. */
typedef bool sqliteread_fn(void *arg, struct sv row);

/* -1: it is no database, or of a text encoding other than UTF-8. p stays the caller's. */
int sqliteread_open(struct sqliteread *s, const void *p, size_t n);
/* The rows of the table whose first page this is; 1: of the schema (type, name, table, first page, SQL). -1: damaged.
 */
int sqliteread_rows(const struct sqliteread *s, uint32_t first, sqliteread_fn *fn, void *arg);
/* Column i, from 0; -1: the row has none, or is damaged. */
int sqliteread_column(struct sv row, size_t i, struct sqliteread_value *out);
/* The first page of a table by its name, 0: there is none. */
uint32_t sqliteread_table(const struct sqliteread *s, const char *name);

#endif
