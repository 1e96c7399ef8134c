/* slct verify: whether a build gives the same again. */
#ifndef SLCT_VERIFY_H
#define SLCT_VERIFY_H

#include "src/build/build.h"

/* Build the goals, and again without cache: "version" and "goals", each with stage, id, again (the second one's), same,
 * and where they differ step (the first layer's instruction), file (the first by path; null: none), kind (changed,
 * added or removed), changes (as imgdiff.h) and files (how many). The second one's image is removed again. New
 * reference in *out; errors as build_run(). */
int verify_goals(struct session *s, const struct build_opts *o, struct json **out, struct err *e);

#endif
