/* Resolution of a path beneath a root descriptor without openat2(2): component by component, each opened without
 * following, links expanded by hand. ".." goes up in the list of names that were walked, from the root again, and never
 * through the directory's own "..", so that a directory moved meanwhile leads nowhere else. Only for path.c and
 * path_remove.c. */
#ifndef SLCT_PATH_WALK_H
#define SLCT_PATH_WALK_H

#include "src/util/ownview.h"

/* As the kernel has it (path_resolution(7)). */
#define PATH_WALK_LINKS_MAX 40

struct path_walk_how {
	bool follow;  /* the last component, too */
	bool nolinks; /* a link anywhere is ELOOP, ".." above the root EXDEV */
	bool make;    /* walk into the last component, make what is missing */
	mode_t mode;  /* of new directories, whatever the umask */
	uid_t uid;    /* of new directories; -1: unchanged */
	gid_t gid;
	const struct ownview *view; /* how the owner is kept; NULL: by chown alone */
};

/* The directory that holds the last component as O_PATH descriptor, or -1 with errno. *leaf (caller frees) is the last
 * component, "." where the walk ended in a directory; *must_dir whether a slash followed it. */
int path_walk_parent(int rootfd, const char *path, const struct path_walk_how *how, char **leaf, bool *must_dir);
/* open(2) by a walk; how->make is not looked at. -1 with errno. */
int path_walk_open(int rootfd, const char *path, bool nolinks, int flags, mode_t mode);

/* Whether a test wants the kernel to have no openat2 (path_test_no_openat2). */
bool path_pretends_no_openat2(void);

#endif
