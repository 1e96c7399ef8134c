/* Times of a whole tree (cache.md "The logical clock"). */
#ifndef SLCT_TREETIME_H
#define SLCT_TREETIME_H

#include "src/util/base.h"
#include "src/util/err.h"

/* Every mtime of the tree, its root included, that is later than `limit` (seconds) becomes it, or every one if `all`;
 * others lose their fraction of a second, since a tar does not keep it. No link is followed, nothing but directories
 * is opened, access times stay. */
int treetime_clamp(int rootfd, int64_t limit, bool all, struct err *e);

#endif
