/* The loopback interface of a network namespace of our own (RUN --network=none). */
#ifndef SLCT_LOOPBACK_H
#define SLCT_LOOPBACK_H

#include "src/util/err.h"

/* Set "lo" up in the calling process's network namespace; needs CAP_NET_ADMIN over it. */
int loopback_up(struct err *e);

#endif
