/* Borrowed string slices: a pointer and a length, never owned, not terminated. */
#ifndef SLCT_SV_H
#define SLCT_SV_H

#include <string.h>

#include "src/util/base.h"

struct sv {
	const char *p;
	size_t n;
};

#define SV(lit) ((struct sv){(lit), sizeof(lit) - 1})
#define SV_NULL ((struct sv){NULL, 0})
/* For printf("%.*s", SV_ARG(v)). */
#define SV_ARG(v) (int)(v).n, (v).p

static inline struct sv sv_from(const char *s)
{
	return (struct sv){s, s ? strlen(s) : 0};
}

static inline struct sv sv_of(const char *p, size_t n)
{
	return (struct sv){p, n};
}

bool sv_eq(struct sv a, struct sv b);
bool sv_eq_str(struct sv a, const char *s);
bool sv_ieq_str(struct sv a, const char *s); /* ASCII case-insensitive */
bool sv_starts(struct sv v, const char *prefix);
bool sv_ends(struct sv v, const char *suffix);
/* Index of the first (last) c, or -1. */
ssize_t sv_find(struct sv v, char c);
ssize_t sv_rfind(struct sv v, char c);
struct sv sv_sub(struct sv v, size_t from, size_t n); /* clamped */
struct sv sv_trim(struct sv v);			      /* ASCII white space at both ends */
/* Cut the part before the first sep off *rest and return it; *rest becomes what follows sep, or SV_NULL (p == NULL) at
 * the end. Loop: `while (rest.p) { part = sv_cut(&rest, ','); ... }`. */
struct sv sv_cut(struct sv *rest, char sep);
char *sv_dup(struct sv v);

#endif
