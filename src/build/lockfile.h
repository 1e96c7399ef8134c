/* slct.lock in a context or flavor directory: which images its references stand for.
 *
 * {"version": 1, "images": [{"name": full reference, "platform": "os/arch[/variant]", "digest": of the platform's
 *  manifest, null for an image that exists only in the store, "id": of the config}…]}, sorted by name and platform. */
#ifndef SLCT_LOCKFILE_H
#define SLCT_LOCKFILE_H

#include "src/build/state.h"

#define LOCKFILE_NAME	   "slct.lock"
#define LOCKFILE_MAX_BYTES ((size_t)4 << 20)

/* Pin the plan's images by the lock files of its contexts, before they are resolved. A reference with a digest of its
 * own and a named context go before a lock. ERR_INPUT for a file that is damaged or of another version. */
int lockfile_apply(struct build *b, struct err *e);
/* Whether what was resolved is what is pinned; ERR_INPUT names the image. */
int lockfile_check(const struct build *b, struct err *e);
/* The text for what was resolved. */
struct json *lockfile_make(const struct build *b);

#endif
