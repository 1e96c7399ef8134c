/* Reports of what became of the packages of all flavors of a git repository between two commits: README.md with an
 * entry for each flavor, FLAVOR/public_packages.md and FLAVOR/internal_packages.md (FLAVOR__OLD where a flavor is
 * compared with the one that it is derived from). */
#ifndef SLCT_PKGREPORT_H
#define SLCT_PKGREPORT_H

#include "src/util/err.h"

/* Of the repository that the current directory lies in. from NULL: the last tag of the main branch; to NULL: the
 * working copy; name NULL: `to`, or "working copy". out is made with its parents. */
int pkgreport_write(const char *from, const char *to, const char *name, const char *out, struct err *e);

#endif
