/* Cache mounts (RUN --mount=type=cache): directories that outlive the build, below the store's mounts/.
 *
 *     mounts/<hash of id, form of the tier and initial content>/
 *         data.N         what is mounted; N > 0 only for sharing=private while N-1 is in use
 *         lock.N         flock of the worker whose step uses data.N: shared, or exclusive (locked, private)
 *         seen.N.*       cacheclock.h
 */
#ifndef SLCT_CACHEMOUNT_H
#define SLCT_CACHEMOUNT_H

#include "src/build/state.h"

/* Directories of one private cache that steps can use at the same time. */
#define CACHEMOUNT_SLOTS_MAX 64

struct cachemount {
	const struct plan_mount *pm;
	char *dir;  /* relative to the store */
	char *data; /* the same of what is mounted */
	unsigned slot;
	int lock;   /* -1: another mount of the step has it */
	bool fresh; /* is made for this step */
};

struct cachemounts {
	struct cachemount *v;
	size_t n, cap;
};

/* Find and lock the directories of all cache mounts of the step, in one order in every process; waits for those that
 * other steps have locked. */
int cachemount_take(const struct step_job *j, struct cachemounts *out, struct err *e);
/* Make data.N where it is missing; in the user namespace. */
int cachemount_make(const struct step_job *j, const struct cachemount *c, struct err *e);
const struct cachemount *cachemount_of(const struct cachemounts *c, const struct plan_mount *pm);
void cachemount_release(struct cachemounts *c);

#endif
