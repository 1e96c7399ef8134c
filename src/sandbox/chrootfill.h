/* Tier chroot: what other tiers mount is made or moved into the step's root. */
#ifndef SLCT_CHROOTFILL_H
#define SLCT_CHROOTFILL_H

#include "src/sandbox/points.h"
#include "src/sandbox/sandbox.h"

/* /dev with the usual nodes, empty /proc and /sys, hosts and resolv.conf, and the step's own mounts: a bound directory
 * is moved in (and back by points_move_back), a stack's tree too, secrets and scripts are files, a tmpfs is an empty
 * directory. ERR_HOST for what cannot be made, ERR_INPUT for impossible targets. */
int chrootfill(struct points *p, const struct sandbox_spec *s, struct err *e);
/* Where a root is mounted without an overlay: mount points for all that plan_ops.h and the step mount. */
int chrootfill_points(struct points *p, const struct sandbox_spec *s, struct err *e);
/* Whether nodes can be made and used below dirfd: 0, or -1 with *e and what to do. */
int chrootfill_try_nodes(int dirfd, struct err *e);
/* Whether a device that nobody gave us could be opened by its number (no control group of devices is in the way):
 * then a step must not make nodes. */
bool chrootfill_devices_open(int dirfd);

#endif
