/* Installed packages from rpm's database in the form that is an SQLite file (rpmdb.sqlite): a table Packages whose
 * second column is a package's header (rpm's docs/manual/hregions.md and format_header.md). Pure; the bytes are
 * foreign. */
#ifndef SLCT_RPMDB_H
#define SLCT_RPMDB_H

#include "src/util/smap.h"

/* Name → "[EPOCH:]VERSION-RELEASE"; of a name that is installed several times, all, sorted, with ", " between. -1: it
 * is no such database, or damaged; out is as it was. */
int rpmdb_sqlite(const void *p, size_t n, struct smap *out);

#endif
