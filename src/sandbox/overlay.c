/* Kernel overlayfs by the new mount API, or by mount(2) where the kernel has no "lowerdir+" (before 6.7). */
#include "src/sandbox/overlay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "src/sandbox/mntns.h"
#include "src/sandbox/nsdiag.h"
#include "src/sandbox/userns.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

/* OVL_MAX_STACK of the kernel. */
#define OVERLAY_LOWERS_MAX 500
/* mount(2) copies one page of options. */
#define OVERLAY_OPTIONS_MAX 4095
/* fsconfig(2) takes at most 255 bytes and a NUL. */
#define OVERLAY_NAME_MAX 255

/* The spec with its directory in our mount namespace and one lower at least. */
struct ovl {
	const struct overlay_spec *s;
	const char *const *lower;
	size_t nlower;
	int dir;
};

/* Of a process in a chroot: where that lies, as descriptors from before unshare(2) tell their paths. It does not change
 * in the life of a process. */
static char chroot_prefix[PATH_MAX];

static ssize_t path_of(int fd, char path[PATH_MAX])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n > 0 ? n : 0] = '\0';
	return n;
}

int overlay_enter(int nsfd, struct err *e)
{
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (nsfd == USERNS_STAY)
		return 0;
	if (userns_join(nsfd, e) < 0)
		return -1;
	if (unshare(CLONE_NEWNS) < 0)
		return nsdiag_refused(errno, "unshare CLONE_NEWNS", CLONE_NEWNS, e);
	if (mntns_private_here(e) < 0)
		return -1;
	if (path_of(root, chroot_prefix) <= 1)
		chroot_prefix[0] = '\0';
	return 0;
}

bool overlay_upper_used(int upperfd)
{
	int fd = openat(upperfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	while (d && (ent = readdir(d)))
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			return true;
	return false;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A descriptor from before unshare(CLONE_NEWNS) still points into the old namespace, whose mounts the kernel does not
 * let us clone or mount upon: find the same directory by its path in this one. */
int overlay_reopen(int dirfd)
{
	size_t skip = strlen(chroot_prefix);
	char path[PATH_MAX];
	int fd;

	if (dirfd == AT_FDCWD)
		return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (path_of(dirfd, path) > 0) {
		const char *here = strncmp(path, chroot_prefix, skip) == 0 && path[skip] == '/' ? path + skip : path;

		fd = open(here, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && same_file(fd, dirfd))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int too_many(size_t n, size_t max, struct err *e)
{
	err_set(e, ERR_HOST, "too many layers for one overlay: %zu, this kernel takes %zu", n, max);
	return err_hint(e, "flatten the image's layers, or use Linux 6.8 or newer (500 layers)");
}

/* The kernel tells the reason only on the context's descriptor: lines of a letter, a space and the text. */
static int ovl_failed(int fs, int sys, const char *what, struct err *e)
{
	char text[256];
	ssize_t n = read(fs, text, sizeof text - 1);

	err_sys(e, ERR_HOST, sys, "overlay: %s", what);
	if (n > 2) {
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		err_wrap(e, "kernel says \"%s\"", text + 2);
	}
	return -1;
}

static int set_string(int fs, const char *key, const char *value, struct err *e)
{
	if (strlen(value) > OVERLAY_NAME_MAX)
		return err_set(e, ERR_INTERNAL, "overlay: path of %zu bytes: %.80s...", strlen(value), value);
	if (fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0)
		return ovl_failed(fs, errno, value, e);
	return 0;
}

static int set_flag(int fs, const char *key, struct err *e)
{
	if (fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0) < 0)
		return ovl_failed(fs, errno, key, e);
	return 0;
}

/* Before Linux 6.5 overlayfs knew nothing of the new interface: any key is taken, and refused only at the end, with a
 * line in the kernel's log. A key that nobody knows tells. What the kernel then says on the descriptor is thrown away.
 */
static bool is_legacy(int fs)
{
	char said[256];

	if (fsconfig(fs, FSCONFIG_SET_FLAG, "slct-no-such-key", NULL, 0) == 0)
		return true;
	while (read(fs, said, sizeof said) > 0)
		;
	return false;
}

/* Else files of the two would show different devices, and to tar --one-file-system they were different file systems. */
static bool is_apart(const struct ovl *o)
{
	struct stat lower, upper;

	return o->s->upper && fstatat(o->dir, o->s->upper, &upper, 0) == 0 &&
	       fstatat(o->dir, o->lower[0], &lower, 0) == 0 && upper.st_dev != lower.st_dev;
}

static int configure(int fs, const struct ovl *o, bool *unsupported, struct err *e)
{
	const struct overlay_spec *s = o->s;

	/* "lowerdir+" appends below what is there, the spec begins at the bottom. A kernel that does not know the key
	 * says EINVAL to the first; if the directory is to blame, mount(2) will say it again. */
	for (size_t i = o->nlower; i-- > 0;)
		if (set_string(fs, "lowerdir+", o->lower[i], e) < 0) {
			*unsupported = i + 1 == o->nlower && e->sys == EINVAL;
			return -1;
		}
	if (set_flag(fs, "userxattr", e) < 0)
		return -1;
	if (!s->upper)
		return 0;
	if (set_string(fs, "upperdir", s->upper, e) < 0 || set_string(fs, "workdir", s->work, e) < 0)
		return -1;
	if (is_apart(o) && set_string(fs, "xino", "on", e) < 0)
		return -1;
	return set_flag(fs, "volatile", e);
}

static int mount_new(const struct ovl *o, bool *unsupported, struct err *e)
{
	AUTO_CLOSE int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int mnt;

	*unsupported = fs < 0 && errno == ENOSYS;
	if (fs < 0)
		return err_sys(e, ERR_HOST, errno, "fsopen overlay");
	if (o->nlower > OVERLAY_LOWERS_MAX)
		return too_many(o->nlower, OVERLAY_LOWERS_MAX, e);
	if (is_legacy(fs)) {
		*unsupported = true;
		return err_set(e, ERR_HOST, "overlay: a kernel before 6.5");
	}
	if (configure(fs, o, unsupported, e) < 0)
		return -1;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return ovl_failed(fs, errno, "mount", e);
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
	if (mnt < 0)
		return ovl_failed(fs, errno, "fsmount", e);
	return mnt;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(fds);
}

/* Descriptors of the lowers (top first), upper and work. */
static int *open_all(const struct ovl *o, size_t n, struct err *e)
{
	int *fds = mem_array(n, sizeof *fds);

	for (size_t i = 0; i < n; i++) {
		const char *name = i < o->nlower    ? o->lower[o->nlower - 1 - i]
				   : i == o->nlower ? o->s->upper
						    : o->s->work;

		fds[i] = openat(o->dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0) {
			err_sys(e, ERR_HOST, errno, "overlay: %s", name);
			close_all(fds, i);
			return NULL;
		}
	}
	return fds;
}

static int options(struct buf *opts, const struct ovl *o, const int *fds, struct err *e)
{
	for (size_t i = 0; i < o->nlower; i++)
		buf_printf(opts, "%s%d", i ? ":" : "lowerdir=", fds[i]);
	buf_str_add(opts, ",userxattr");
	if (o->s->upper)
		buf_printf(opts, ",upperdir=%d,workdir=%d,volatile%s", fds[o->nlower], fds[o->nlower + 1],
			   is_apart(o) ? ",xino=on" : "");
	if (opts->over)
		return too_many(o->nlower, OVERLAY_OPTIONS_MAX / strlen("1000:"), e);
	return 0;
}

/* Detach the mount that hides the bottom layer's directory: open_tree gives a copy that only our descriptor holds. */
static int take_mount(const struct ovl *o, struct err *e)
{
	int mnt = open_tree(o->dir, o->lower[0], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (mnt < 0)
		err_sys(e, ERR_HOST, errno, "overlay: open_tree");
	if (fchdir(o->dir) == 0)
		umount2(o->lower[0], MNT_DETACH);
	return mnt;
}

/* The names are descriptor numbers relative to /proc/self/fd: four bytes a layer, so that a page of options takes all
 * that the kernel would. The mount needs a place for a moment: the bottom layer's directory, in our namespace only. */
static int mount_old(const struct ovl *o, struct err *e)
{
	AUTO_BUF struct buf opts = BUF_INIT(OVERLAY_OPTIONS_MAX);
	size_t n = o->nlower + (o->s->upper ? 2 : 0);
	int *fds = open_all(o, n, e), mnt = -1;
	char place[16];

	if (!fds)
		return -1;
	if (options(&opts, o, fds, e) < 0)
		goto out;
	snprintf(place, sizeof place, "%d", fds[o->nlower - 1]);
	if (chdir("/proc/self/fd") < 0) {
		err_sys(e, ERR_HOST, errno, "/proc/self/fd");
		goto out;
	}
	if (mount("overlay", place, "overlay", MS_NODEV, buf_str(&opts)) < 0) {
		err_sys(e, ERR_HOST, errno, "overlay: mount");
		goto out;
	}
	mnt = take_mount(o, e);
out:
	close_all(fds, n);
	return mnt;
}

static int mount_in_dir(const struct ovl *o, struct err *e)
{
	bool unsupported = false;
	int mnt;

	if (fchdir(o->dir) < 0)
		return err_sys(e, ERR_HOST, errno, "overlay: store directory");
	mnt = mount_new(o, &unsupported, e);
	if (mnt < 0 && unsupported) {
		err_release(e);
		mnt = mount_old(o, e);
	}
	return mnt;
}

/* Overlayfs wants one lower, and two where there is no upper: an empty directory at the bottom fills up. */
static int fill_up(struct ovl *o, char **made, const char *list[2], struct err *e)
{
	const struct overlay_spec *s = o->s;

	if (s->upper ? o->nlower > 0 : o->nlower > 1)
		return 0;
	if (!s->upper && !s->empty)
		return err_set(e, ERR_INTERNAL, "overlay: a read-only mount without an empty directory");
	if (s->upper) {
		*made = mem_printf("%s.lower", s->work);
		if (mkdirat(o->dir, *made, 0755) < 0 && errno != EEXIST)
			return err_sys(e, ERR_HOST, errno, "%s", *made);
	}
	list[0] = s->upper ? *made : s->empty;
	list[1] = o->nlower ? o->lower[0] : NULL;
	o->lower = list;
	o->nlower++;
	return 0;
}

/* A mount of a directory, nodev as an overlay's. */
static int mount_tree(const struct overlay_spec *s, int dir, struct err *e)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_NODEV};
	AUTO_CLOSE int mnt = open_tree(dir, s->tree, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

	if (mnt < 0 || mount_setattr(mnt, "", AT_EMPTY_PATH, &a, sizeof a) < 0)
		return err_sys(e, ERR_HOST, errno, "mounting the tree %s", s->tree);
	return STEAL_FD(mnt);
}

int overlay_mount(const struct overlay_spec *s, struct err *e)
{
	AUTO_CLOSE int dir = overlay_reopen(s->dirfd);
	AUTO_CLOSE int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *empty = NULL;
	const char *list[2];
	struct ovl o = {s, s->lower, s->nlower, dir};
	int mnt;

	if (dir < 0)
		return err_sys(e, ERR_HOST, errno, "overlay: store directory");
	if (s->tree)
		return mount_tree(s, dir, e);
	if (fill_up(&o, &empty, list, e) < 0)
		return -1;
	if (!s->upper && o.nlower == 1) /* nothing but the empty directory */
		return openat(dir, o.lower[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mnt = mount_in_dir(&o, e);
	if ((back < 0 || fchdir(back) < 0) && chdir("/") < 0 && mnt >= 0) {
		close(mnt);
		return err_sys(e, ERR_HOST, errno, "overlay: going back");
	}
	return mnt;
}
