/* What a tree looked like: inode, size and times of all its entries, to find out later what has changed without reading
 * any file. A change that the kernel stamped with the very time of the index would not be seen, so treeindex_settle()
 * waits until its clock has gone on. */
#ifndef SLCT_TREEINDEX_H
#define SLCT_TREEINDEX_H

#include <sys/stat.h>

#include "src/util/err.h"
#include "src/util/smap.h"

/* What became of an entry, by treediff.h. */
enum treeindex_seen {
	TREEINDEX_GONE,	   /* not met again (yet) */
	TREEINDEX_DIR,	   /* still the same directory */
	TREEINDEX_REPLACED /* is there, and what was below it counts for nothing */
};

struct treeindex_entry {
	uint64_t ino, size, nlink;
	uint32_t mode, uid, gid;
	int32_t seen;			     /* enum treeindex_seen */
	struct timespec mtime, ctime, btime; /* btime: of directories, 0 where the file system has none */
	uint64_t xattrs;		     /* of files with several names: a sum over their attributes */
};

struct treeindex {
	struct smap entries; /* path → struct treeindex_entry, parents first */
};

/* Whether to leave out a path and all below it. */
typedef bool treeindex_skip_fn(void *arg, const char *path);

int treeindex_make(int rootfd, treeindex_skip_fn *skip, void *arg, struct treeindex *out, struct err *e);
void treeindex_release(struct treeindex *t);
#define AUTO_TREEINDEX AUTO(treeindex_release)
/* Wait (some milliseconds at most; a second where the file system counts in seconds) until what is changed from now on
 * has a later time than all that is in the index. */
void treeindex_settle(const struct treeindex *t);

/* The entry as it is on disk now, to be compared with `then` (may be NULL). dirfd: of the directory that holds it. */
void treeindex_entry_of(int dirfd, const char *name, const struct stat *st, const struct treeindex_entry *then,
			struct treeindex_entry *out);
/* Whether these are the same inode, and whether it was left alone. */
bool treeindex_same_inode(const struct treeindex_entry *a, const struct treeindex_entry *b);
bool treeindex_unchanged(const struct treeindex_entry *then, const struct treeindex_entry *now);
/* Take a change of ours for granted: the entry of path as it is now, or none if it has gone. */
int treeindex_refresh(struct treeindex *t, int rootfd, const char *path, struct err *e);
void treeindex_forget(struct treeindex *t, const char *path);

/* As a file of this machine and program, not a format. */
int treeindex_save(const struct treeindex *t, int fd, struct err *e);
int treeindex_load(struct treeindex *t, int fd, struct err *e);

#endif
