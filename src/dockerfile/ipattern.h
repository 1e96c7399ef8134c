/* One pattern of an ignore file, compiled: what it means is told in ignore.h. Matching runs all positions of the
 * pattern at once over the path, so that its cost is length times length whatever the pattern says. */
#ifndef SLCT_IPATTERN_H
#define SLCT_IPATTERN_H

#include "src/util/base.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

enum ipattern_type {
	IPATTERN_CHAR,	/* one character */
	IPATTERN_ONE,	/* any but '/' */
	IPATTERN_STAR,	/* any number of characters but '/' */
	IPATTERN_DIRS,	/* nothing, or anything up to and including a '/' */
	IPATTERN_ALL,	/* anything */
	IPATTERN_CLASS, /* one character of ranges */
};

struct ipattern_item {
	enum ipattern_type type;
	bool negated;
	uint32_t c;
	size_t from, n; /* ranges */
};

struct ipattern_range {
	uint32_t lo, hi;
};

struct ipattern {
	bool again; /* "!": re-includes; for the caller */
	VEC_OF(struct ipattern_item) items;
	VEC_OF(struct ipattern_range) ranges;
};

/* p is without "!". -1: bad pattern; then there is nothing to release. */
int ipattern_compile(struct ipattern *pat, struct sv p);
void ipattern_release(struct ipattern *pat);
/* Whether the pattern matches the path itself or, with parents, a directory above it. */
bool ipattern_match(const struct ipattern *pat, struct sv path, bool parents);
/* Whether the pattern may match something below dir. */
bool ipattern_below(const struct ipattern *pat, struct sv dir);

#endif
