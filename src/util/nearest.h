/* The nearest of some known names to one that is not known: for "did you mean". */
#ifndef SLCT_NEAREST_H
#define SLCT_NEAREST_H

#include "src/util/base.h"

struct nearest {
	const char *want;
	const char *best; /* NULL if nothing is near enough */
	unsigned distance;
};

#define NEAREST_INIT(name) ((struct nearest){.want = (name), .distance = UINT32_MAX})

/* Offer a candidate (borrowed). Names longer than NEAREST_MAX are never near. */
#define NEAREST_MAX 48
void nearest_offer(struct nearest *n, const char *candidate);

#endif
