/* One entry of a copy: making it, comparing it, giving it its metadata. Internal to copyto. */
#ifndef SLCT_COPYFILE_H
#define SLCT_COPYFILE_H

#include "src/build/copyto.h"

/* What an entry gets at the destination. */
struct copyfile_meta {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* permission bits */
	mode_t type; /* S_IFREG, ... */
	dev_t rdev;  /* of devices */
	struct timespec mtime;
	bool clamped; /* the time is later than any in the new layer may be: the commit will change it */
	struct source_xattrs xattrs;
};

/* What the copy of an entry shall have: its own metadata, changed as --chown, --chmod and the limit of times say. */
void copyfile_meta(const struct copyto *c, const struct source_entry *en, struct copyfile_meta *out);
/* Owner, permissions, attributes and time of name below dirfd. */
int copyfile_set_meta(const struct copyto *c, int dirfd, const char *name, const struct copyfile_meta *m, bool link,
		      struct err *e);
/* What a new file or directory has inherited of its parent's default access control list, and the kernel does not know.
 */
int copyfile_inherit(const struct copyto *c, int dirfd, const char *name, mode_t type, struct err *e);
/* Copy a regular file's content from `in` to a new file; sum gets its SHA-256. NULL: nobody wants it, and the kernel
 * copies (or shares the blocks, where the file system can). */
int copyfile_content(int in, int dirfd, const char *name, uint8_t sum[STATIDX_SUM_BYTES], struct err *e);
/* Whether name below dirfd is already exactly this (content too); sum is set if it is a regular file. */
bool copyfile_is_same(const struct copyto *c, const struct source_entry *en, int dirfd, const char *name,
		      const struct copyfile_meta *m, uint8_t sum[STATIDX_SUM_BYTES]);

#endif
