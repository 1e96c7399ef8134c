/* Advisory locks by flock(2): they die with the process and all copies of the descriptor (so workers close theirs). */
#ifndef SLCT_LOCK_H
#define SLCT_LOCK_H

#include "src/util/base.h"
#include "src/util/err.h"

enum lock_mode { LOCK_SHARED, LOCK_EXCLUSIVE };

/* Open (create) the file below dirfd and lock it; waits up to timeout_ns (0: do not wait, < 0: for ever). Returns the
 * descriptor that holds the lock, or -1: ERR_TEMP when somebody else holds it. */
int lock_take(int dirfd, const char *path, enum lock_mode mode, int64_t timeout_ns, struct err *e);
void lock_drop(int fd);

#endif
