/* Removal of a tree. The walk holds one descriptor at a time, goes up through ".." and checks there that it is where it
 * came from, so depth costs memory for names only. What is a mount point is an error, never emptied. */
#include "src/util/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path_walk.h"
#include "src/util/vec.h"

#define PATH_REMOVE_SCAN_BYTES ((size_t)32 << 10)
/* A directory may fill again while it is emptied, by somebody else, or show its entries late; not for ever. */
#define PATH_REMOVE_RESCANS 64

struct path_level {
	char *name; /* of this directory in the level above */
	dev_t dev;
	ino_t ino;
	struct strv dirs; /* subdirectories still to be removed */
	unsigned scans;
};

struct path_removal {
	int fd; /* of the last level */
	VEC_OF(struct path_level) levels;
	char *scan; /* buffer for getdents64 */
	const char *top;
};

static void path_removal_release(struct path_removal *r)
{
	for (size_t i = 0; i < r->levels.n; i++) {
		free(r->levels.v[i].name);
		strv_release(&r->levels.v[i].dirs);
	}
	vec_release(&r->levels);
	free(r->scan);
	if (r->fd >= 0)
		close(r->fd);
}

static int path_removal_err(const struct path_removal *r, int error, const char *name, struct err *e)
{
	const char *between = r->levels.n > 1 ? "/.../" : "/";

	if (error == EXDEV)
		return err_set(e, ERR_HOST, "cannot remove %s: %s%s is a mount point", r->top,
			       name == r->top ? "" : between, name);
	if (name == r->top)
		return err_sys(e, ERR_HOST, error, "cannot remove %s", r->top);
	return err_sys(e, ERR_HOST, error, "cannot remove %s%s%s", r->top, between, name);
}

static int path_removal_openat(int dirfd, const char *name)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
			       .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	struct stat above, here;
	int fd = -1;

	errno = ENOSYS;
	if (!path_pretends_no_openat2())
		fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	fd = openat(dirfd, name, (int)how.flags);
	if (fd < 0)
		return -1;
	/* Without openat2 only mounts of another file system are seen. */
	if (fstatat(dirfd, "", &above, AT_EMPTY_PATH) == 0 && fstat(fd, &here) == 0 && above.st_dev == here.st_dev)
		return fd;
	close(fd);
	errno = EXDEV;
	return -1;
}

/* Open a subdirectory, with the permissions that emptying it needs. */
static int path_removal_open(int dirfd, const char *name, struct stat *st)
{
	int fd = path_removal_openat(dirfd, name);

	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = path_removal_openat(dirfd, name);
	if (fd < 0)
		return -1;
	if (fstat(fd, st) < 0) {
		close(fd);
		return -1;
	}
	if ((st->st_mode & 0700) != 0700)
		fchmod(fd, 0700); /* root may not need it; who does sees the error of the removal */
	return fd;
}

/* Remove an entry at once if it is no directory, else note it. */
static int path_removal_entry(struct path_removal *r, struct path_level *level, const char *name, unsigned char type,
			      struct err *e)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (type == DT_UNKNOWN && fstatat(r->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		type = DT_DIR;
	if (type != DT_DIR && (unlinkat(r->fd, name, 0) == 0 || errno == ENOENT))
		return 0;
	if (type != DT_DIR && errno != EISDIR)
		return path_removal_err(r, errno, name, e);
	strv_add(&level->dirs, name);
	return 0;
}

static int path_removal_scan(struct path_removal *r, struct err *e)
{
	struct path_level *level = &r->levels.v[r->levels.n - 1];
	ssize_t n;

	level->scans++;
	if (lseek(r->fd, 0, SEEK_SET) < 0)
		return path_removal_err(r, errno, level->name, e);
	while ((n = getdents64(r->fd, r->scan, PATH_REMOVE_SCAN_BYTES)) > 0) {
		for (ssize_t at = 0; at < n;) {
			/* The kernel aligns the records, and the buffer comes from malloc. */
			const struct dirent64 *d = (const void *)(r->scan + at);

			if (path_removal_entry(r, level, d->d_name, d->d_type, e) < 0)
				return -1;
			at += d->d_reclen;
		}
	}
	return n < 0 ? path_removal_err(r, errno, level->name, e) : 0;
}

/* Down into `name` (taken over) of the last level, or of dirfd for the first one. */
static int path_removal_down(struct path_removal *r, int dirfd, char *name, struct err *e)
{
	struct path_level level = {.name = name};
	struct stat st;
	int fd = path_removal_open(dirfd, name, &st);

	if (fd < 0) {
		int error = errno;

		if (error != ENOENT)
			path_removal_err(r, error, r->levels.n ? name : r->top, e);
		free(name);
		return error == ENOENT ? 0 : -1;
	}
	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd;
	level.dev = st.st_dev;
	level.ino = st.st_ino;
	vec_push(&r->levels, level);
	return path_removal_scan(r, e);
}

/* Up to the level above, which must be the directory that it was. */
static int path_removal_up(struct path_removal *r, struct err *e)
{
	const struct path_level *above = &r->levels.v[r->levels.n - 2];
	struct stat st;
	int fd = openat(r->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return path_removal_err(r, errno, r->levels.v[r->levels.n - 1].name, e);
	close(r->fd);
	r->fd = fd;
	if (fstat(fd, &st) == 0 && st.st_dev == above->dev && st.st_ino == above->ino)
		return 0;
	return err_set(e, ERR_HOST, "cannot remove %s: somebody moves its directories meanwhile", r->top);
}

/* The last level has no entries left that we know of: remove it from the one above. 1: it must be scanned again. */
static int path_removal_leave(struct path_removal *r, int dirfd, struct err *e)
{
	struct path_level *level = &r->levels.v[r->levels.n - 1];
	bool first = r->levels.n == 1;
	int error;

	if (!first && path_removal_up(r, e) < 0)
		return -1;
	if (unlinkat(first ? dirfd : r->fd, level->name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
		free(level->name);
		strv_release(&level->dirs);
		r->levels.n--;
		return 0;
	}
	error = errno;
	if ((error != ENOTEMPTY && error != EEXIST) || level->scans > PATH_REMOVE_RESCANS)
		return path_removal_err(r, error, first ? r->top : level->name, e);
	if (!first) {
		struct stat st;
		int fd = path_removal_open(r->fd, level->name, &st);

		if (fd < 0)
			return path_removal_err(r, errno, level->name, e);
		close(r->fd);
		r->fd = fd;
		level->dev = st.st_dev;
		level->ino = st.st_ino;
	}
	return path_removal_scan(r, e);
}

/* A subdirectory is tried as empty first, which most are not, but whole trees of empty ones are common in layers. */
static int path_removal_next(struct path_removal *r, int dirfd, struct err *e)
{
	struct path_level *level = &r->levels.v[r->levels.n - 1];
	AUTO_FREE char *name = NULL;

	if (level->dirs.n == 0)
		return path_removal_leave(r, dirfd, e);
	name = level->dirs.v[--level->dirs.n];
	if (unlinkat(r->fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return path_removal_down(r, r->fd, STEAL_PTR(name), e);
}

/* The directory that holds what a path names, and the last part of the path: mounts on the way there are none of the
 * tree's (/tmp is often one). */
static int path_removal_parent(int dirfd, const char *path, const char **last)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = NULL;

	*last = slash ? slash + 1 : path;
	if (!slash)
		return openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	parent = mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	return openat(dirfd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int path_remove_tree(int dirfd, const char *name, struct err *e)
{
	AUTO_CLOSE int parent = -1;
	const char *last;
	struct path_removal r AUTO(path_removal_release) = {.fd = -1, .top = name};
	int error;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	/* For a directory unlink says EISDIR, or EPERM by POSIX. */
	error = errno;
	if (error != EISDIR && error != EPERM)
		return path_removal_err(&r, error, name, e);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno == ENOTDIR)
		return path_removal_err(&r, error, name, e);
	parent = path_removal_parent(dirfd, name, &last);
	if (parent < 0)
		return path_removal_err(&r, errno, name, e);
	r.scan = mem_alloc(PATH_REMOVE_SCAN_BYTES);
	if (path_removal_down(&r, parent, mem_strdup(last), e) < 0)
		return -1;
	while (r.levels.n)
		if (path_removal_next(&r, parent, e) < 0)
			return -1;
	return 0;
}
