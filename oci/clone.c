/* Files from one tree into another. */
#include "oci/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "oci/limits.h"
#include "oci/mark.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define CLONE_NAMES_BYTES 65536
#define CLONE_FILE_FLAGS  (O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

static int clone_fail(const char *what, const char *doing, struct err *e)
{
	return err_sys(e, ERR_HOST, errno, "%s: %s", what, doing);
}

/* --- attributes --- */

/* Attributes of links and devices are reached by a path, those of files by a descriptor. */
struct clone_side {
	int fd;
	const char *path; /* NULL: fd itself */
};

static ssize_t clone_list(const struct clone_side *s, char *names, size_t n)
{
	return s->path ? llistxattr(s->path, names, n) : flistxattr(s->fd, names, n);
}

static ssize_t clone_get(const struct clone_side *s, const char *name, char *val, size_t n)
{
	return s->path ? lgetxattr(s->path, name, val, n) : fgetxattr(s->fd, name, val, n);
}

static int clone_set(const struct clone_side *s, const char *name, const char *val, size_t n)
{
	return s->path ? lsetxattr(s->path, name, val, n, 0) : fsetxattr(s->fd, name, val, n, 0);
}

/* A label belongs to the host: the new file gets its own. */
static bool clone_copies(const char *name)
{
	return !mark_is_attribute(name) && strcmp(name, "security.selinux") != 0;
}

static int clone_xattrs(const struct clone_side *from, const struct clone_side *to, const char *what, struct err *e)
{
	char some[1024];
	AUTO_FREE char *more = NULL, *val = NULL;
	char *names = some;
	ssize_t n = clone_list(from, some, sizeof some);

	if (n < 0 && errno == ERANGE) {
		names = more = mem_alloc(CLONE_NAMES_BYTES);
		n = clone_list(from, more, CLONE_NAMES_BYTES);
	}
	if (n < 0)
		return errno == ENOTSUP || errno == ENOSYS ? 0 : clone_fail(what, "listing extended attributes", e);
	for (char *p = names; p < names + n; p += strlen(p) + 1) {
		if (!clone_copies(p))
			continue;
		if (!val)
			val = mem_alloc(LAYER_XATTR_MAX);
		ssize_t len = clone_get(from, p, val, LAYER_XATTR_MAX);

		if (len < 0 && errno == ENODATA)
			continue;
		if (len < 0 || clone_set(to, p, val, (size_t)len) < 0)
			return clone_fail(what, "copying extended attributes", e);
	}
	return 0;
}

/* --- regular files and directories --- */

int clone_meta(int from, const struct stat *st, int to, const char *what, struct err *e)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	/* Owner before mode and capabilities, which chown clears. */
	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return clone_fail(what, "setting its owner", e);
	if (fchmod(to, st->st_mode & 07777) < 0)
		return clone_fail(what, "setting its mode", e);
	if (clone_xattrs(&(struct clone_side){.fd = from}, &(struct clone_side){.fd = to}, what, e) < 0)
		return -1;
	return futimens(to, times) == 0 ? 0 : clone_fail(what, "setting its time", e);
}

/* Only what is no hole: a sparse file of gigabytes (lastlog) must not fill the disk. */
static int clone_sparse(int in, int out, off_t size, const char *what, struct err *e)
{
	off_t data = lseek(in, 0, SEEK_DATA), hole;

	if (data < 0 && errno != ENXIO)
		return -2;
	for (; data >= 0 && data < size; data = lseek(in, hole, SEEK_DATA)) {
		hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0 || lseek(in, data, SEEK_SET) < 0 || lseek(out, data, SEEK_SET) < 0)
			return clone_fail(what, "looking for holes", e);
		if (io_copy(in, out, (uint64_t)(hole - data), NULL, what, e) < 0)
			return -1;
	}
	return ftruncate(out, size) == 0 ? 0 : clone_fail(what, "setting its size", e);
}

static int clone_content(int in, int out, const struct stat *st, const char *what, struct err *e)
{
	int r;

	if (!st->st_size || ioctl(out, FICLONE, in) == 0)
		return 0;
	if ((uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size) {
		r = clone_sparse(in, out, st->st_size, what, e);
		if (r != -2)
			return r;
	}
	return io_copy(in, out, (uint64_t)st->st_size, NULL, what, e);
}

static int clone_file(int fromdir, const char *from, const struct stat *st, int todir, const char *to, struct err *e)
{
	AUTO_CLOSE int in = openat(fromdir, from, CLONE_FILE_FLAGS);
	AUTO_CLOSE int out = -1;

	if (in < 0)
		return clone_fail(from, "open", e);
	out = openat(todir, to, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return clone_fail(to, "making it", e);
	return clone_content(in, out, st, from, e) < 0 ? -1 : clone_meta(in, st, out, from, e);
}

/* --- everything else --- */

static int clone_make(int fromdir, const char *from, const struct stat *st, int todir, const char *to)
{
	AUTO_FREE char *target = NULL;

	if (!S_ISLNK(st->st_mode))
		return mknodat(todir, to, (st->st_mode & S_IFMT) | 0600, st->st_rdev);
	target = path_readlink_at(fromdir, from);
	return target ? symlinkat(target, todir, to) : -1;
}

static int clone_special(int fromdir, const char *from, const struct stat *st, int todir, const char *to, struct err *e)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	AUTO_FREE char *frompath = mem_printf("/proc/self/fd/%d/%s", fromdir, from);
	AUTO_FREE char *topath = mem_printf("/proc/self/fd/%d/%s", todir, to);

	if (clone_make(fromdir, from, st, todir, to) < 0)
		return clone_fail(from, S_ISLNK(st->st_mode) ? "making the link" : "making the node", e);
	if (fchownat(todir, to, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return clone_fail(from, "setting its owner", e);
	if (!S_ISLNK(st->st_mode) && fchmodat(todir, to, st->st_mode & 07777, 0) < 0)
		return clone_fail(from, "setting its mode", e);
	if (clone_xattrs(&(struct clone_side){.fd = -1, .path = frompath},
			 &(struct clone_side){.fd = -1, .path = topath}, from, e) < 0)
		return -1;
	if (utimensat(todir, to, times, AT_SYMLINK_NOFOLLOW) < 0)
		return clone_fail(from, "setting its time", e);
	return 0;
}

static int clone_row(int fromdir, const char *from, const struct stat *st, int todir, const char *to,
		     const struct ownview *view, struct err *e)
{
	struct ownrec r;
	int n = view ? ownview_record(view, fromdir, from, st->st_mode, &r) : 0;

	if (n == 0)
		return 0;
	r.mode = st->st_mode;
	if (n < 0 || ownview_write(view, todir, to, &r) < 0)
		return clone_fail(from, "recording its owner", e);
	return 0;
}

int clone_node(int fromdir, const char *from, const struct stat *st, int todir, const char *to,
	       const struct ownview *view, struct err *e)
{
	if (S_ISREG(st->st_mode))
		return clone_file(fromdir, from, st, todir, to, e);
	if (clone_special(fromdir, from, st, todir, to, e) < 0)
		return -1;
	return clone_row(fromdir, from, st, todir, to, view, e);
}
