/* Marks of a layer tree. */
#include "oci/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "src/util/cleanup.h"

#define MARK_OPAQUE   "user.overlay.opaque"
#define MARK_WHITEOUT "user.overlay.whiteout"
/* O_NONBLOCK: should a fifo take the file's place, the open must not wait. */
#define MARK_FILE_FLAGS (O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

bool mark_is_whiteout(int dirfd, const char *name, const struct stat *st)
{
	if (S_ISCHR(st->st_mode))
		return st->st_rdev == 0;
	if (!S_ISREG(st->st_mode) || st->st_size)
		return false;
	AUTO_CLOSE int fd = openat(dirfd, name, MARK_FILE_FLAGS);

	return fd >= 0 && fgetxattr(fd, MARK_WHITEOUT, NULL, 0) >= 0;
}

bool mark_is_opaque(int fd)
{
	char v[2];

	/* "x" says only that whiteouts inside may be attributes (Linux 6.7), not that the directory is opaque. */
	return fgetxattr(fd, MARK_OPAQUE, v, sizeof v) == 1 && v[0] == 'y';
}

bool mark_is_attribute(const char *name)
{
	return strncmp(name, "user.overlay.", strlen("user.overlay.")) == 0;
}

static int mark_failed(const char *what, struct err *e)
{
	err_sys(e, ERR_HOST, errno, "%s: marking it in the layer", what);
	return err_hint(e, "the store must lie on a file system with user extended attributes");
}

int mark_whiteout(int dirfd, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (mknodat(dirfd, name, S_IFCHR, 0) == 0)
		return 0;
	/* An overlay refuses what would be its own whiteout. */
	if (errno != EPERM)
		return mark_failed(name, e);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fsetxattr(fd, MARK_WHITEOUT, "y", 1, 0) < 0)
		return mark_failed(name, e);
	return mark_root(dirfd, e) < 0 ? -1 : 1;
}

/* XATTR_CREATE: an opaque directory stays what it is. */
int mark_root(int root, struct err *e)
{
	AUTO_CLOSE int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && (fsetxattr(fd, MARK_OPAQUE, "x", 1, XATTR_CREATE) == 0 || errno == EEXIST))
		return 0;
	return mark_failed("a directory with whiteouts", e);
}

int mark_opaque(int fd, const char *what, struct err *e)
{
	return fsetxattr(fd, MARK_OPAQUE, "y", 1, 0) == 0 ? 0 : mark_failed(what, e);
}
