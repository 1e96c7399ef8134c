#include "oci/untouched.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "oci/treewalk.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define UNTOUCHED_BLOCK	     ((size_t)128 << 10)
#define UNTOUCHED_XATTRS_MAX 65536 /* XATTR_LIST_MAX, XATTR_SIZE_MAX */
#define UNTOUCHED_OVERLAY    "user.overlay."
#define UNTOUCHED_OPAQUE     UNTOUCHED_OVERLAY "opaque"

struct untouched {
	int lower;
	char *dir;    /* the lower directory that was looked into last */
	int dirfd;    /* it; -1: there is none */
	char *block;  /* two blocks */
	bool marks;   /* only these */
	char *inside; /* directory at work below which nothing of the lower tree is seen; NULL: none */
};

static void untouched_release(struct untouched *u)
{
	if (u->dirfd >= 0)
		close(u->dirfd);
	free(u->dir);
	free(u->block);
	free(u->inside);
}

/* --- comparing --- */

/* Names without the overlay's own, of which a copy has "origin" alone. -1: others, or none can be had. */
static int count_xattrs(int fd, char names[static UNTOUCHED_XATTRS_MAX], ssize_t *len)
{
	int n = 0;

	*len = flistxattr(fd, names, UNTOUCHED_XATTRS_MAX);
	if (*len < 0)
		return errno == ENOTSUP ? (int)(*len = 0) : -1;
	for (const char *p = names; p < names + *len; p += strlen(p) + 1) {
		if (strncmp(p, UNTOUCHED_OVERLAY, strlen(UNTOUCHED_OVERLAY)) != 0)
			n++;
		else if (strcmp(p, UNTOUCHED_OVERLAY "origin") != 0 && strcmp(p, UNTOUCHED_OVERLAY "impure") != 0)
			return -1;
	}
	return n;
}

static bool same_xattr(int a, int b, const char *name)
{
	AUTO_FREE char *of_a = mem_alloc(UNTOUCHED_XATTRS_MAX), *of_b = mem_alloc(UNTOUCHED_XATTRS_MAX);
	ssize_t n = fgetxattr(a, name, of_a, UNTOUCHED_XATTRS_MAX);

	return n >= 0 && fgetxattr(b, name, of_b, UNTOUCHED_XATTRS_MAX) == n && memcmp(of_a, of_b, (size_t)n) == 0;
}

static bool same_xattrs(int a, int b)
{
	AUTO_FREE char *names = mem_alloc(UNTOUCHED_XATTRS_MAX);
	ssize_t len;
	int of_b = count_xattrs(b, names, &len), of_a = count_xattrs(a, names, &len);

	if (of_a < 0 || of_a != of_b)
		return false;
	for (const char *p = names; p < names + len; p += strlen(p) + 1)
		if (strncmp(p, UNTOUCHED_OVERLAY, strlen(UNTOUCHED_OVERLAY)) != 0 && !same_xattr(a, b, p))
			return false;
	return true;
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* 1, 0 or -1 with *e. */
static int same_content(const struct untouched *u, int a, int b, const char *path, struct err *e)
{
	for (;;) {
		ssize_t n = io_read_full(a, u->block, UNTOUCHED_BLOCK, path, e);
		ssize_t m = n < 0 ? -1 : io_read_full(b, u->block + UNTOUCHED_BLOCK, UNTOUCHED_BLOCK, path, e);

		if (m < 0)
			return -1;
		if (n != m || memcmp(u->block, u->block + UNTOUCHED_BLOCK, (size_t)n) != 0)
			return 0;
		if (n == 0)
			return 1;
	}
}

/* --- the walk --- */

/* The lower directory of what is at path, -1 if there is none. No link of the lower tree is followed: it would be
 * another place. */
static int lower_dir(struct untouched *u, const char *path)
{
	AUTO_FREE char *dir = path_dir(path);

	if (u->dir && strcmp(u->dir, dir) == 0)
		return u->dirfd;
	if (u->dirfd >= 0)
		close(u->dirfd);
	free(u->dir);
	u->dirfd = path_open_nolinks(u->lower, dir, O_PATH | O_DIRECTORY, 0);
	u->dir = STEAL_PTR(dir);
	return u->dirfd;
}

static int drop_file(struct untouched *u, const struct treewalk_item *item, struct err *e)
{
	int dir = lower_dir(u, item->path);
	struct stat st;

	if (dir < 0 || item->st.st_nlink != 1 || fstatat(dir, item->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !same_stat(&item->st, &st) || item->st.st_size != st.st_size)
		return 0;
	AUTO_CLOSE int a = openat(item->dirfd, item->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int b = openat(dir, item->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	/* What cannot be read (an id beyond the map) stays: a layer may hold more than it must. */
	if (a < 0 || b < 0 || !same_xattrs(a, b))
		return 0;
	int same = same_content(u, a, b, item->path, e);

	if (same == 1 && unlinkat(item->dirfd, item->name, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "remove %s", item->path);
	return same < 0 ? -1 : 0;
}

static bool is_opaque(int fd)
{
	char value;

	return fgetxattr(fd, UNTOUCHED_OPAQUE, &value, 1) >= 0 || errno == ERANGE;
}

/* The kernel marks directories that hide nothing: those that were renamed, and with xino=on all new ones. */
static int drop_mark(const struct treewalk_item *item, struct err *e)
{
	if (!is_opaque(item->fd) || fremovexattr(item->fd, UNTOUCHED_OPAQUE) == 0)
		return 0;
	return err_sys(e, ERR_HOST, errno, "removing the mark of %s", item->path);
}

static bool is_inside(const struct untouched *u, const char *path)
{
	size_t n = u->inside ? strlen(u->inside) : 0;

	return n && strncmp(path, u->inside, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static int enter_dir(struct untouched *u, const struct treewalk_item *item, struct err *e)
{
	int dir = lower_dir(u, item->path);
	struct stat st;

	if (dir < 0 || fstatat(dir, item->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		u->inside = mem_strdup(item->path);
		return drop_mark(item, e);
	}
	if (!S_ISDIR(st.st_mode) || is_opaque(item->fd))
		u->inside = mem_strdup(item->path);
	return 0;
}

/* What is below a directory that is all new. */
static int visit_new(struct untouched *u, const struct treewalk_item *item, struct err *e)
{
	if (!S_ISDIR(item->st.st_mode))
		return 0;
	if (!item->leave)
		return drop_mark(item, e);
	if (strcmp(item->path, u->inside) == 0) {
		free(u->inside);
		u->inside = NULL;
	}
	return 0;
}

static int leave_dir(struct untouched *u, const struct treewalk_item *item, struct err *e)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, item->st.st_mtim};
	struct stat st;

	if (fstat(item->fd, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "stat %s", item->path);
	if ((st.st_mtim.tv_sec != times[1].tv_sec || st.st_mtim.tv_nsec != times[1].tv_nsec) &&
	    futimens(item->fd, times) < 0)
		return err_sys(e, ERR_HOST, errno, "set the time of %s", item->path);
	if (item->dirfd < 0)
		return 0;
	AUTO_CLOSE int lower = path_open_nolinks(u->lower, item->path, O_RDONLY | O_DIRECTORY, 0);

	if (lower < 0 || fstat(lower, &st) < 0 || !same_stat(&item->st, &st) || !same_xattrs(item->fd, lower))
		return 0;
	if (unlinkat(item->dirfd, item->name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "remove %s", item->path);
	return 0;
}

static int visit(struct untouched *u, const struct treewalk_item *item, struct err *e)
{
	if (is_inside(u, item->path))
		return visit_new(u, item, e);
	if (item->leave)
		return u->marks ? 0 : leave_dir(u, item, e);
	if (S_ISREG(item->st.st_mode) && !u->marks)
		return drop_file(u, item, e);
	return S_ISDIR(item->st.st_mode) && item->path[0] ? enter_dir(u, item, e) : 0;
}

static int untouched_walk(int upper, int lower, bool marks, struct err *e)
{
	struct untouched u = {.lower = lower, .dirfd = -1, .marks = marks, .block = mem_alloc(2 * UNTOUCHED_BLOCK)};
	AUTO_TREEWALK struct treewalk *w = treewalk_open(upper, e);
	struct treewalk_item item;
	int rc = w ? 1 : -1;

	while (rc == 1) {
		rc = treewalk_next(w, &item, e);
		if (rc == 1 && visit(&u, &item, e) < 0)
			rc = -1;
	}
	untouched_release(&u);
	return rc;
}

int untouched_drop(int upper, int lower, struct err *e)
{
	return untouched_walk(upper, lower, false, e);
}

int untouched_marks(int upper, int lower, struct err *e)
{
	return untouched_walk(upper, lower, true, e);
}
