/* What is remembered of a cache mount's last use (cacheclock.h): small files in the cache's directory. */
#ifndef SLCT_CLOCKREC_H
#define SLCT_CLOCKREC_H

#include "src/build/cachemount.h"

#define CLOCKREC_MAX ((size_t)256 << 20)
/* Content of a record that knows nothing. */
#define CLOCKREC_UNKNOWN "unknown"

/* Path of the record of this stage, relative to the store: of what the step's root is made of, or of a bind mount.
 * Caller frees. */
char *clockrec_name(const struct step_job *j, const struct cachemount *c, const struct plan_mount *bind);
/* False: there is none. out has room for CLOCKREC_MAX. */
bool clockrec_read(const struct step_job *j, const char *name, struct buf *out);
/* Both are written before the step starts: what it has seen if it fails, and if it succeeds. */
int clockrec_write(const struct step_job *j, const char *name, const struct buf *now, const struct buf *next,
		   struct err *e);
/* The step has succeeded. */
int clockrec_commit(const struct step_job *j, const char *name, struct err *e);

/* The current time for an open file. */
int clockrec_touch(int fd, const char *path, struct err *e);

#endif
