/* Times of files in steps with cache mounts (cache.md "The logical clock").
 *
 * What lies in a cache has times of the wall clock, what comes from layers and contexts has logical ones: make would
 * take an edited source for older than the object file that an earlier build left in the cache. So slct remembers, per
 * cache directory and stage, what the step that last used it saw: the stack of layers, and digests of the files of
 * bound contexts. Before the next step each file that differs from that, or every copied one if nothing is known, gets
 * the current time in the step's upper directory; afterwards it is taken out again if the step has not changed it.
 *
 *     seen.N.<stage>[.<mount>]       lines of diff ids, or (bound context) "digest path" entries with a NUL each
 *     seen.N.<stage>[.<mount>].next  what is remembered if the step succeeds; if not, both count: a file is unchanged
 *                                    only if it is as in all that the cache may have been made from
 */
#ifndef SLCT_CACHECLOCK_H
#define SLCT_CACHECLOCK_H

#include "src/build/cachemount.h"

/* In the user namespace, when the caches and contexts are there. */
int cacheclock_prepare(const struct step_job *j, const struct cachemounts *c, struct err *e);
/* The step has succeeded; as uid 0 of the user namespace. */
int cacheclock_finish(const struct step_job *j, const struct cachemounts *c, struct err *e);

#endif
