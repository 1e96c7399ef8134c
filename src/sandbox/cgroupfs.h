/* The files of the control group hierarchy, version 2 (Linux, admin-guide/cgroup-v2). */
#ifndef SLCT_CGROUPFS_H
#define SLCT_CGROUPFS_H

#include <stdint.h>

#include "src/util/buf.h"
#include "src/util/err.h"

/* Files of a group and of /proc are short; a mountinfo has a line a mount. */
#define CGROUPFS_TEXT_MAX ((size_t)1 << 20)
/* Remedy where the hierarchy is out of reach. */
#define CGROUPFS_CONTAINER                                                                                             \
	"in a container, limit the container itself (docker run --memory …), or give it its control groups to write"

/* Absolute path of our own group; caller frees. NULL with *e (ERR_HOST): there is none, or it is out of sight. */
char *cgroupfs_own_dir(struct err *e);
/* The same from the texts of /proc/PID/cgroup (the line of version 2) and /proc/PID/mountinfo (mount point and root of
 * the hierarchy). NULL: there is none. Caller frees. */
char *cgroupfs_dir_in(const char *cgroup_text, const char *mountinfo_text);

/* Files of the group's directory. */
bool cgroupfs_read(int dir, const char *name, struct buf *out);
/* Whether a list of words has the word. */
bool cgroupfs_has(int dir, const char *name, const char *word);
/* 0, or -1 with errno. */
int cgroupfs_write(int dir, const char *name, const char *text);
/* The value behind a word at the beginning of a line, 0 if there is none. */
uint64_t cgroupfs_event(int dir, const char *name, const char *word);

#endif
