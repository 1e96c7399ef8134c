/* Walk of a tree on directory descriptors: sorted by bytes, a directory right before what it holds and once more after
 * it. No link is followed, no file-system boundary is crossed, nothing but directories is opened. */
#ifndef SLCT_TREEWALK_H
#define SLCT_TREEWALK_H

#include <sys/stat.h>

#include "src/util/base.h"
#include "src/util/err.h"

struct treewalk;

/* Valid until the next call. */
struct treewalk_item {
	const char *path; /* relative to the root, "" for the root */
	const char *name; /* last part */
	int dirfd;	  /* of the directory that holds it; -1 for the root */
	int fd;		  /* of a directory itself, readable; else -1 */
	bool leave;	  /* a directory's second time: all below it is done */
	struct stat st;	  /* as it was found */
};

/* rootfd (a directory, O_PATH too) is borrowed. NULL with *e. */
struct treewalk *treewalk_open(int rootfd, struct err *e);
void treewalk_close(struct treewalk *w); /* NULL is fine */
/* 1 and *item; 0 at the end; -1 with *e: what cannot be read, another file system below the root, paths beyond
 * LAYER_PATH_MAX or LAYER_DEPTH_MAX. */
int treewalk_next(struct treewalk *w, struct treewalk_item *item, struct err *e);
/* Do not enter the directory that was returned last; it does not come a second time. */
void treewalk_skip(struct treewalk *w);

static inline void treewalk_closep(struct treewalk **w)
{
	treewalk_close(*w);
}
#define AUTO_TREEWALK AUTO(treewalk_closep)

#endif
