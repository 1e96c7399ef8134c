/* The stat index: content digests of context files by (device, inode, size, mtime, ctime), so that an unchanged context
 * is not read again. One file per context in the store's stat/.
 *
 * An entry counts only if both times were at least STATIDX_AGE_NS older than the moment of hashing (a later write
 * within one tick of the clock would not be seen), and only on file systems with a device of their own: anonymous and
 * network ones (major number 0) may give numbers anew. */
#ifndef SLCT_STATIDX_H
#define SLCT_STATIDX_H

#include <sys/stat.h>

#include "oci/store.h"
#include "src/util/err.h"

#define STATIDX_AGE_NS	  INT64_C(2000000000)
#define STATIDX_SUM_BYTES 32

struct statidx;

/* name identifies the context (its absolute path). A missing, foreign or damaged file is an empty index. */
struct statidx *statidx_open(struct store *s, const char *name);
/* The sum if it is known for exactly this file state. */
bool statidx_get(const struct statidx *x, const struct stat *st, uint8_t sum[STATIDX_SUM_BYTES]);
/* Remember; hashed_at is the wall clock (ns) when reading began. */
void statidx_put(struct statidx *x, const struct stat *st, int64_t hashed_at, const uint8_t sum[STATIDX_SUM_BYTES]);
/* Write it back if it changed; only entries seen since statidx_open() are kept. Failing is no error: it is a cache. */
void statidx_save(struct statidx *x);
void statidx_free(struct statidx *x);

#endif
