/* What a step opened for writing, locked or gave the mode it had, and left as it was: an overlay copies it into its
 * upper directory all the same. Such files are no change, and the layer does without them, as those of containerd and
 * BuildKit do. (useradd locks /etc/.pwd.lock by opening it for writing.) */
#ifndef SLCT_UNTOUCHED_H
#define SLCT_UNTOUCHED_H

#include "src/util/err.h"

/* Take out of the upper directory (both: open directories) all regular files that the merged lower tree has already at
 * the same place: equal in owner, mode, times to the nanosecond, extended attributes and content, and with one name
 * only; then directories that hold nothing and are equal. What replaced a lower directory as a whole (opaque) is left
 * alone, but marks of directories that hide nothing, since the lower tree has nothing of that name, are taken off.
 * Times of the directories that stay are not changed. Inside the user namespace, nobody else writing; -1 with *e. */
int untouched_drop(int upper, int lower, struct err *e);
/* The marks alone. */
int untouched_marks(int upper, int lower, struct err *e);

#endif
