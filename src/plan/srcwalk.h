/* The walk behind source_select(): everything below one place of a context or root, in canonical order. Internal to
 * src/plan. */
#ifndef SLCT_SRCWALK_H
#define SLCT_SRCWALK_H

#include "src/plan/source.h"

/* All entries at and below the literal path `at` (clean, relative, "" is the root). m->entries stays empty if there is
 * nothing there, or if the ignore file leaves all of it out; *ignored tells. */
int srcwalk_collect(const struct source_set *s, const char *at, struct source_match *m, bool *ignored, struct err *e);
/* Order of paths: component by component in byte order, a parent before what is below it. */
int srcwalk_compare(const char *a, const char *b);

#endif
