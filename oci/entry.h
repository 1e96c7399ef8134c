/* One member of a tree or tar: path and metadata as a value. */
#ifndef SLCT_ENTRY_H
#define SLCT_ENTRY_H

#include <sys/stat.h>

#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/ownview.h"

struct entry_xattr {
	char *name;
	char *val;
	size_t n;
};

struct entry {
	char *path;  /* owned; relative, no "./" before and no slash after; "" is the root itself */
	char *link;  /* owned; symlink target, or with `hard` the path of the member linked to */
	bool hard;   /* a hard link: only path and link count */
	mode_t mode; /* file type and permission bits */
	uid_t uid;
	gid_t gid;
	int64_t mtime;		    /* seconds since 1970; fractions are cut (towards minus infinity) */
	uint64_t size;		    /* bytes of a regular file's content */
	unsigned major, minor;	    /* of device nodes */
	struct entry_xattr *xattrs; /* owned; names ascending by bytes after entry_sort_xattrs */
	size_t nxattrs, cap;
};

void entry_release(struct entry *en); /* and make it all zero */
#define AUTO_ENTRY AUTO(entry_release)
/* Add a copy of an attribute; the later value of one name wins. */
void entry_add_xattr(struct entry *en, const char *name, const void *val, size_t n);
void entry_sort_xattrs(struct entry *en);
/* Attributes that are ours or overlayfs's and never pass between tree and tar: user.overlay.*, trusted.overlay.*,
 * user.slct.*. */
bool entry_xattr_is_private(const char *name);
/* Metadata of a regular file, directory or other inode by st; path and links are left as they are. */
void entry_from_stat(struct entry *en, const struct stat *st);
/* Attributes of `name` below dirfd (a link is not followed), or of fd itself if name is NULL: private ones left out,
 * security.capability revision 3 (with a root id of the namespace) turned into revision 2, access control lists as the
 * view (may be NULL) has them, sorted. `what` is the path for errors. */
int entry_read_xattrs(struct entry *en, const struct ownview *view, int dirfd, const char *name, const char *what,
		      struct err *e);

#endif
