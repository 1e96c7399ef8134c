/* Places in a root of its own (no overlay) that belong to a step's set-up and not to the image: mount points, and in
 * tier chroot what would be mounted elsewhere. What the image has there is put aside and put back after the step;
 * directories that had to be made go again if nothing came into them; times of directories that only this has changed
 * are set back. So nothing of it is ever captured in a layer.
 *
 * The list goes to a file, since the step may be run by one process and cleaned up after by another. */
#ifndef SLCT_POINTS_H
#define SLCT_POINTS_H

#include <sys/stat.h>

#include "src/util/err.h"
#include "src/util/vec.h"

struct point {
	char *path;  /* in the root, without links and leading slash */
	char *held;  /* name below the directory of held things of what was there, "": nothing */
	char *back;  /* where the content belongs after the step, relative to the store; "": it is removed */
	bool parent; /* a directory made on the way; removed if empty */
};

struct point_time {
	char *path;
	struct timespec mtime; /* before the set-up */
	bool touched;	       /* by the step; set by the caller of points_restore */
	struct timespec own;   /* mtime when the step had ended */
};

struct points {
	int root, held, store; /* borrowed descriptors: the root, an empty directory on its file system, the store */
	VEC_OF(struct point) v;
	VEC_OF(struct point_time) times;
	unsigned count;
};

void points_release(struct points *p);
#define AUTO_POINTS AUTO(points_release)

/* Make room for path (a clean one without links on the way); its directory as an O_PATH descriptor, in which the caller
 * makes what belongs there. back: NULL, or where a directory or file moved there has to go after the step. */
int points_place(struct points *p, const char *path, const char *back, struct err *e);
/* A directory (or empty file) at path: nothing to do if there is one. */
int points_ensure(struct points *p, const char *path, bool dir, struct err *e);
/* Remember the time of a file or directory that is about to be changed; the first time counts. */
int points_keep_time(struct points *p, const char *path, struct err *e);
/* For the index of the root (treeindex_skip_fn): whether this is a point. */
bool points_skip(void *points, const char *path);

/* Only the content that belongs elsewhere; errors are ignored. May be called twice. */
void points_move_back(struct points *p);
/* Undo all; then points_restore_times. */
int points_restore(struct points *p, struct err *e);
/* Times of p->times from this one on: the old one, or if it was touched the step's. */
int points_restore_times(struct points *p, size_t from, struct err *e);

/* The list to and from an open regular file, from its beginning. */
int points_save(const struct points *p, int fd, struct err *e);
int points_load(struct points *p, int fd, struct err *e);

#endif
