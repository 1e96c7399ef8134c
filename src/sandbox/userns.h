/* The user namespace of a run: made once (newuidmap, newgidmap), kept by a descriptor, joined by the workers. */
#ifndef SLCT_USERNS_H
#define SLCT_USERNS_H

#include "src/sandbox/tier.h"

/* In place of a descriptor: tier chroot, where no namespace can be made or joined. */
#define USERNS_STAY (-2)

/* New namespace with the tier's maps; returns its descriptor (close-on-exec), or -1 with *e set. Tiers root, chroot and
 * none have none: returns -1 with *e not set. Call from the single-threaded scheduler: it runs newuidmap. */
int userns_open(const struct tier_info *t, struct err *e);
/* Whether the kernel gives this process a user namespace at all. -1: ERR_HOST with the call, what refused, the remedy.
 */
int userns_try(struct err *e);
/* In a forked, single-threaded worker: join and become uid 0, gid 0 in it, without groups where
 * the map has more than one id. nsfd < 0: nothing to do. */
int userns_join(int nsfd, struct err *e);

#endif
