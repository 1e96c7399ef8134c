/* Names that something with a recorded owner may have (tier solo): most calls of stat are answered by a look at the
 * name alone.
 *
 * The lists of the layers say how all that is recorded is called; what the step records, renames or links joins them,
 * and nothing is ever taken out. So an object whose last name is in no list and is no link that is followed has no
 * record, wherever it lies, and nothing need be looked up. A name is added before the call that gives it is done, so
 * there is no order of events in which one is missing.
 *
 * It holds as long as the step sees nothing but its layers, those of stages and images that it mounts, and what slct or
 * it makes itself. What is mounted is called as its target besides. Not with caches: what earlier steps recorded there
 * nobody has listed, and other steps may be at work in it now; nor with directories of the host, nor in a step that may
 * mount. */
#ifndef SLCT_SOLO_NAMES_H
#define SLCT_SOLO_NAMES_H

#include "src/sandbox/sandbox.h"
#include "src/sandbox/solo_path.h"

/* Whether names tell anything in such a step; the filter then has to hand over rename and link. */
bool solo_names_wanted(const struct sandbox_spec *spec);
void solo_names_init(struct solo *s, const struct sandbox_spec *spec);

/* m lies on path now (links resolved). Before the step starts. */
void solo_names_mount(struct solo *s, const struct sandbox_mount *m, const char *path);

/* Nothing is recorded anywhere. */
bool solo_names_none(const struct solo *s);
/* What w names surely has no record. false: perhaps it has. */
bool solo_names_without(const struct solo *s, const struct solo_where *w);
/* The object of this O_PATH descriptor gets a record. */
void solo_names_record(struct solo *s, int fd);
/* A rename or link that the kernel is about to do; `what` of the call is the argument with the new path. */
void solo_names_move(const struct solo_req *r);

#endif
