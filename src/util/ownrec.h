/* Recorded owners: what a file's owner, mode and device number are in the image where the file system below cannot hold
 * them (an id outside the map, a device node without CAP_MKNOD).
 *
 * On regular files and directories as extended attribute `user.slct.o` = "uid:gid[:mode:major:minor]" (decimal, mode in
 * octal and with the file type). A device node is an empty regular placeholder with the mode field. The attribute never
 * enters an image and is refused when it comes from one. Symlinks, fifos and sockets cannot carry it. */
#ifndef SLCT_OWNREC_H
#define SLCT_OWNREC_H

#include "src/util/base.h"
#include "src/util/err.h"

#define OWNREC_XATTR "user.slct.o"
/* All attributes that are slct's own. */
#define OWNREC_PREFIX "user.slct."
/* "4294967294:4294967294:177777:4095:1048575" and its NUL have room. */
#define OWNREC_TEXT_MAX 64

struct ownrec {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* 0: as on disk; else type and permissions of a placeholder */
	unsigned major, minor;
};

/* Of an open (not O_PATH) regular file or directory: 1 and *out, 0 if there is none (also where the file system
 * has no such attributes), -1 with errno (EBADMSG: malformed). */
int ownrec_get(int fd, struct ownrec *out);
int ownrec_set(int fd, const struct ownrec *rec); /* 0, or -1 with errno */
/* The attribute's value: 0, or -1 if it is malformed. */
int ownrec_parse(const char *text, size_t n, struct ownrec *out);
/* The same the other way: the length, or -1 if the record has values that cannot be read back. */
int ownrec_format(const struct ownrec *rec, char out[OWNREC_TEXT_MAX]);

#endif
