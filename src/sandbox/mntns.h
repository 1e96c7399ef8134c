/* A mount namespace of our own. */
#ifndef SLCT_MNTNS_H
#define SLCT_MNTNS_H

#include "src/util/err.h"

/* After unshare or clone with CLONE_NEWNS: keep this namespace's mounts from reaching another one. A process in a
 * chroot(2) leaves it (uid 0 can, and only in its own namespace): its root is no mount point, so that nothing could be
 * made private or pivoted there, and what lies above would stay mounted behind the step. Absolute paths mean the
 * namespace's root afterwards. */
int mntns_private(struct err *e);

/* The same, but a process in a chroot stays there: paths mean what they meant before. For those that mount but do not
 * pivot.
 */
int mntns_private_here(struct err *e);

#endif
