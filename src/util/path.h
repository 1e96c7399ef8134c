/* Paths. Foreign paths are resolved only here: beneath a root descriptor with openat2(2) (Linux 5.6), links inside the
 * root followed as if it were "/" (RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS), or not at all. Where there is no openat2
 * (older kernels, seccomp filters of containers) path_walk.h does the same component by component. */
#ifndef SLCT_PATH_H
#define SLCT_PATH_H

#include <sys/stat.h>

#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/ownview.h"
#include "src/util/sv.h"

/* Lexical: remove ".", "..", double and trailing slashes; ".." never goes above the beginning. An absolute path stays
 * absolute; "" and "." give ".". Caller frees. */
char *path_clean(const char *p);
/* path_clean(a + "/" + b), or b if it is absolute. Caller frees. */
char *path_join(const char *a, const char *b);
const char *path_base(const char *p); /* after the last slash; borrowed */
char *path_dir(const char *p);	      /* before the last slash, "." or "/"; caller frees */
/* Whether p stays below its start lexically: not absolute, no ".." that leaves. */
bool path_is_beneath(const char *p);

/* Open path inside root as open(2) would if root were "/": links are followed inside, ".." stops at the root, no magic
 * links. flags as for open(2), O_CLOEXEC is added. Returns fd, or -1 with errno set (no struct err: callers know what
 * they look for). */
int path_open_in(int rootfd, const char *path, int flags, mode_t mode);
/* The same but refusing every link in the path (RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH: ELOOP, but O_PATH|O_NOFOLLOW opens
 * a link that is the last component) and a ".." above the root (EXDEV). An absolute path begins at the root. */
int path_open_nolinks(int rootfd, const char *path, int flags, mode_t mode);
/* Parent directory of path's last component, resolved inside root, as O_PATH descriptor; *leaf is the last component
 * (caller frees; "." for the root itself and behind "." or ".."). The last component itself is not followed. -1 with
 * errno. */
int path_open_parent(int rootfd, const char *path, char **leaf);
/* Make path and its missing parents inside root (links inside followed; a dangling link's target is made). New
 * directories get mode and owner (uid_t/gid_t -1: unchanged). Returns an O_PATH|O_DIRECTORY descriptor of path, or -1
 * with *e (ERR_INPUT where something on the way is no directory). */
int path_mkdirs_in(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *e);
/* The same, the owner kept as the view does it (ownview.h); uid and gid must be given. */
int path_mkdirs_as(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid, const struct ownview *view,
		   struct err *e);
/* Read a link's target; caller frees; NULL with errno. */
char *path_readlink_at(int dirfd, const char *name);
/* Remove a tree without following links or crossing mounts below the last part of its name; missing is fine.
 * Directories without permission are chmod'ed first. Depth is not limited by descriptors. */
int path_remove_tree(int dirfd, const char *name, struct err *e);

/* For tests: pretend that the kernel has no openat2. */
void path_test_no_openat2(bool on);

#endif
