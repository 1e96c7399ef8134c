/* Capabilities of a step, by tier (sandbox.md): Docker's fourteen where slct is root, podman's eleven in a user
 * namespace. */
#ifndef SLCT_CAPS_H
#define SLCT_CAPS_H

#include "src/sandbox/tier.h"
#include "src/util/err.h"

/* Bit n is capability n. */
uint64_t caps_of_tier(enum tier t);
/* Effective set of this process. */
uint64_t caps_effective(void);
/* Take everything but `keep` from the bounding set and clear the ambient set. Needs CAP_SETPCAP. */
int caps_bound(uint64_t keep, struct err *e);
/* Permitted and effective become what is there now and in `keep`; inheritable becomes empty. */
int caps_limit(uint64_t keep, struct err *e);

#endif
