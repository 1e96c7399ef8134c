/* Symbolic links in a flavor. Every part of a flavor may be a link, also out of it (parts of Exasol's flavors lie in a
 * git submodule), so links are followed; what cannot be followed is an error that names the link. Two links to one
 * directory are no loop. */
#ifndef SLCT_FLINK_H
#define SLCT_FLINK_H

#include <sys/stat.h>

#include "src/util/err.h"

/* Bounds of a tree that flink_check_tree() walks: directories below each other, and entries in all. */
#define FLINK_DEPTH_MAX	  128
#define FLINK_ENTRIES_MAX (1u << 20)

/* stat(2) of an absolute path. ERR_INPUT: a dangling link, a loop (the links are named), a missing part of the path;
 * ERR_HOST: no permission. st may be NULL. */
int flink_stat(const char *path, struct stat *st, struct err *e);
/* Whether something of that name is there; what is a link must lead somewhere. */
int flink_is_there(const char *path, bool *there, struct err *e);
/* flink_stat() of everything below path, which may be a file; also no directory is reached again from inside itself. */
int flink_check_tree(const char *path, struct err *e);

#endif
