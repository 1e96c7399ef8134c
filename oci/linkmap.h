/* The first path of every inode that has several names: how hard-link groups of a tree are found. */
#ifndef SLCT_LINKMAP_H
#define SLCT_LINKMAP_H

#include <sys/stat.h>

#include "src/util/base.h"

struct linkmap_slot;

struct linkmap {
	struct linkmap_slot *slot; /* open addressing */
	size_t n, cap;
};

void linkmap_release(struct linkmap *m);
#define AUTO_LINKMAP AUTO(linkmap_release)
/* Path under which the inode was seen first (borrowed until release), or NULL: then `path` is remembered. Only for
 * inodes with st_nlink > 1. */
const char *linkmap_first(struct linkmap *m, const struct stat *st, const char *path);

#endif
