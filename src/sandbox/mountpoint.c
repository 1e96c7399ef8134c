/* The layer of mount points. */
#include "src/sandbox/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"

#define XATTR_LIST_MAX 65536
#define OVERLAY_XATTRS "user.overlay."

static int make_file(int dir, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "mount point %s", name) : 0;
}

static int make_dir(int dir, const char *name, struct err *e)
{
	return mkdirat(dir, name, 0755) < 0 ? err_sys(e, ERR_HOST, errno, "mount point %s", name) : 0;
}

/* 1 and *st: the image has the entry; 0: it has none (or removed it). The topmost layer that knows the name decides. */
static int find_entry(const struct overlay_spec *root, const char *name, char **path, struct stat *st)
{
	for (size_t i = root->nlower; i-- > 0;) {
		*path = mem_printf("%s/%s", root->lower[i], name);
		if (fstatat(root->dirfd, *path, st, AT_SYMLINK_NOFOLLOW) == 0)
			return !(S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0));
		free(*path);
		*path = NULL;
	}
	return 0;
}

static int copy_xattr(int from, int to, const char *name, struct err *e)
{
	AUTO_FREE char *value = mem_alloc(XATTR_LIST_MAX);
	ssize_t n;

	if (strncmp(name, OVERLAY_XATTRS, strlen(OVERLAY_XATTRS)) == 0)
		return 0;
	n = fgetxattr(from, name, value, XATTR_LIST_MAX);
	/* A security module's label belongs to the host. */
	if (n < 0 || fsetxattr(to, name, value, (size_t)n, 0) == 0 || errno == EPERM || errno == EOPNOTSUPP)
		return 0;
	return err_sys(e, ERR_HOST, errno, "attribute %s of /etc", name);
}

static int copy_xattrs(int from, int to, struct err *e)
{
	AUTO_FREE char *names = NULL;
	ssize_t n = flistxattr(from, NULL, 0);

	if (n <= 0)
		return 0;
	names = mem_alloc(XATTR_LIST_MAX);
	n = flistxattr(from, names, XATTR_LIST_MAX);
	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1)
		if (copy_xattr(from, to, p, e) < 0)
			return -1;
	return 0;
}

/* Owner before mode, since chown clears set-id bits; times last. */
static int copy_metadata(int from, int to, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return err_sys(e, ERR_HOST, errno, "owner and mode of /etc");
	if (copy_xattrs(from, to, e) < 0)
		return -1;
	if (futimens(to, times) < 0)
		return err_sys(e, ERR_HOST, errno, "times of /etc");
	return 0;
}

static int make_etc(const struct overlay_spec *root, int dir, bool *has_etc, struct err *e)
{
	AUTO_CLOSE int etc = -1, from = -1;
	AUTO_FREE char *path = NULL;
	struct stat st;
	int found = find_entry(root, "etc", &path, &st);

	*has_etc = !found || S_ISDIR(st.st_mode);
	if (!*has_etc)
		return 0;
	if (make_dir(dir, "etc", e) < 0)
		return -1;
	etc = openat(dir, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (etc < 0)
		return err_sys(e, ERR_HOST, errno, "mount point etc");
	if (make_file(etc, "hosts", e) < 0 || make_file(etc, "resolv.conf", e) < 0)
		return -1;
	if (!found)
		return 0;
	from = openat(root->dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return err_sys(e, ERR_HOST, errno, "%s", path);
	return copy_metadata(from, etc, &st, e);
}

int mountpoint_make(const struct overlay_spec *root, const char *name, bool *has_etc, struct err *e)
{
	static const char *const dirs[] = {"dev", "proc", "sys"};
	AUTO_CLOSE int dir = -1;

	if (mkdirat(root->dirfd, name, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", name);
	dir = openat(root->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, ERR_HOST, errno, "%s", name);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (make_dir(dir, dirs[i], e) < 0)
			return -1;
	return make_etc(root, dir, has_etc, e);
}

int mountpoint_upper(const struct overlay_spec *root, struct err *e)
{
	AUTO_CLOSE int upper = openat(root->dirfd, root->upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st = {.st_mode = 0755};

	if (upper < 0)
		return err_sys(e, ERR_HOST, errno, "%s", root->upper);
	if (overlay_upper_used(upper))
		return 0;
	if (root->nlower > 0 && fstatat(root->dirfd, root->lower[root->nlower - 1], &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", root->lower[root->nlower - 1]);
	if (fchown(upper, st.st_uid, st.st_gid) < 0 || fchmod(upper, st.st_mode & 07777) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", root->upper);
	return 0;
}
