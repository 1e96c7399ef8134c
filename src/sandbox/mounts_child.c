/* Execute a step's list of mounts. */
#include "src/sandbox/mounts_child_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "src/sandbox/childmsg.h"
#include "src/util/cleanup.h"
#include "src/util/path.h"

#define MAGIC_PROC  0x9fa0
#define MAGIC_SYSFS 0x62656572
#define OPTION_MAX  64

typedef int op_fn(struct mounts_child *m, const struct plan_op *op, struct err *e);

int mounts_child_target(const struct mounts_child *m, const char *path)
{
	return path_open_nolinks(m->root, path, O_PATH | O_NOFOLLOW, 0);
}

int mounts_child_attach(int mnt, int target)
{
	return move_mount(mnt, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int attach(const struct mounts_child *m, int mnt, const char *path, struct err *e)
{
	AUTO_CLOSE int target = mounts_child_target(m, path);

	if (target < 0 || mounts_child_attach(mnt, target) < 0)
		return err_sys(e, ERR_HOST, errno, "mounting /%s", path);
	return 0;
}

/* "key=value" or "key". */
static int fs_option(int fs, const char *opt, size_t n)
{
	char copy[OPTION_MAX], *value;

	if (n >= sizeof copy) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(copy, opt, n);
	copy[n] = '\0';
	value = strchr(copy, '=');
	if (!value)
		return fsconfig(fs, FSCONFIG_SET_FLAG, copy, NULL, 0);
	*value++ = '\0';
	return fsconfig(fs, FSCONFIG_SET_STRING, copy, value, 0);
}

int mounts_child_fs(const char *type, const char *options, unsigned attrs)
{
	AUTO_CLOSE int fs = fsopen(type, FSOPEN_CLOEXEC);

	if (fs < 0)
		return -1;
	while (options && *options) {
		size_t n = strcspn(options, ",");

		if (fs_option(fs, options, n) < 0)
			return -1;
		options += n + (options[n] == ',');
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC, attrs);
}

static int op_fs(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	AUTO_CLOSE int mnt = mounts_child_fs(op->arg, op->options, op->attrs);

	if (mnt < 0)
		return err_sys(e, ERR_HOST, errno, "new %s for /%s", op->arg, op->path);
	return attach(m, mnt, op->path, e);
}

/* The host's tree as it is in the namespace that we came from, with everything below; -1 with errno. */
static int host_tree(const char *path, uint64_t attrs)
{
	struct mount_attr a = {.attr_set = attrs};
	int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree < 0)
		return -1;
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof a) == 0)
		return tree;
	close(tree);
	return -1;
}

/* A fresh procfs is refused where parts of the outer one are masked (a container): a process must not see by it what it
 * could not see before. */
static int op_proc(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	AUTO_CLOSE int mnt = mounts_child_fs("proc", NULL, MOUNTS_CHILD_ATTRS);
	int sys = errno;

	if (mnt < 0) {
		mnt = host_tree("/proc", MOUNTS_CHILD_ATTRS);
		childmsg_warn(m->chan, "no /proc of its own for the step (%s): %s", strerror(sys),
			      mnt < 0 ? "it has none" : "it sees the host's");
	}
	return mnt < 0 ? 0 : attach(m, mnt, op->path, e);
}

static bool is_missing(int sys)
{
	return sys == ENOENT || sys == ENOTDIR;
}

/* Detached mount of the empty directory. A copy of an attached mount is cheaper than a new tmpfs. */
static int empty_mount(struct mounts_child *m)
{
	if (m->empty >= 0)
		return open_tree(m->empty, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	m->empty = mounts_child_fs("tmpfs", "mode=0555,nr_inodes=1", MOUNTS_CHILD_ATTRS | MOUNT_ATTR_RDONLY);
	return m->empty < 0 ? -1 : fcntl(m->empty, F_DUPFD_CLOEXEC, 3);
}

/* Hide an object with an empty read-only directory or with /dev/null. */
static int mask(struct mounts_child *m, int target, const char *path, struct err *e)
{
	AUTO_CLOSE int mnt = -1;
	struct stat st;

	if (fstat(target, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "masking /%s", path);
	if (S_ISDIR(st.st_mode))
		mnt = empty_mount(m);
	else
		mnt = open_tree(m->root, "dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (mnt < 0 || mounts_child_attach(mnt, target) < 0)
		return err_sys(e, ERR_HOST, errno, "masking /%s", path);
	return 0;
}

/* 1 and *fd if path is there and lies in procfs or sysfs, which are ours by now; 0 if not; -1 with *e. */
static int kernel_target(const struct mounts_child *m, const char *path, int *fd, struct err *e)
{
	struct statfs fs;

	*fd = mounts_child_target(m, path);
	if (*fd < 0)
		return is_missing(errno) ? 0 : err_sys(e, ERR_HOST, errno, "/%s", path);
	if (fstatfs(*fd, &fs) < 0)
		return err_sys(e, ERR_HOST, errno, "/%s", path);
	return fs.f_type == MAGIC_PROC || fs.f_type == MAGIC_SYSFS;
}

static int op_mask(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	AUTO_CLOSE int target = -1;
	int r = kernel_target(m, op->path, &target, e);

	return r > 0 ? mask(m, target, op->path, e) : r;
}

static int op_readonly(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};
	AUTO_CLOSE int target = -1, tree = -1;
	int r = kernel_target(m, op->path, &target, e);

	if (r <= 0)
		return r;
	tree = open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof a) < 0 ||
	    mounts_child_attach(tree, target) < 0)
		return err_sys(e, ERR_HOST, errno, "making /%s read-only", op->path);
	return 0;
}

/* One entry of proc. Links are those to a process's own files. */
static int entry_readonly(int proc, const char *name, struct err *e)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};
	AUTO_CLOSE int tree = open_tree(proc, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof a) < 0 ||
	    move_mount(tree, "", proc, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, ERR_HOST, errno, "making /proc/%s read-only", name);
	return 0;
}

/* All names are the kernel's own: of procfs, which is looked at by its magic. */
static int op_entries(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	AUTO_CLOSE int target = -1;
	int fd, r = kernel_target(m, op->path, &target, e);
	const struct dirent *ent;

	if (r <= 0)
		return r;
	fd = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return err_sys(e, ERR_HOST, errno, "reading /%s", op->path);
	while ((ent = readdir(dir))) {
		bool process = ent->d_name[0] >= '0' && ent->d_name[0] <= '9';

		if (process || ent->d_name[0] == '.' || (ent->d_type != DT_REG && ent->d_type != DT_DIR))
			continue;
		if (entry_readonly(fd, ent->d_name, e) < 0)
			return -1;
	}
	return 0;
}

/* What the host mounts below /sys comes along with its tree; a step in a namespace of ours shall see as little of it as
 * with a fresh sysfs. */
static int mask_sys(struct mounts_child *m, struct err *e)
{
	static const char *const paths[] = {
		"sys/fs/cgroup",	   "sys/fs/bpf",	  "sys/fs/pstore",    "sys/fs/selinux",
		"sys/fs/fuse/connections", "sys/kernel/security", "sys/kernel/debug", "sys/kernel/tracing",
		"sys/kernel/config",
	};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		AUTO_CLOSE int target = mounts_child_target(m, paths[i]);

		if (target < 0 && is_missing(errno))
			continue;
		if (target < 0)
			return err_sys(e, ERR_HOST, errno, "masking /%s", paths[i]);
		if (mask(m, target, paths[i], e) < 0)
			return -1;
	}
	return 0;
}

/* A fresh sysfs needs a network namespace of our own. */
static int op_sys(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	AUTO_CLOSE int mnt = mounts_child_fs("sysfs", NULL, MOUNTS_CHILD_ATTRS | op->attrs);
	bool fresh = mnt >= 0;

	if (mnt < 0)
		mnt = host_tree("/sys", MOUNTS_CHILD_ATTRS | op->attrs);
	if (mnt < 0) {
		childmsg_warn(m->chan, "no /sys for the step: %s", strerror(errno));
		return 0;
	}
	if (attach(m, mnt, op->path, e) < 0)
		return -1;
	return fresh || !(op->attrs & MOUNT_ATTR_RDONLY) ? 0 : mask_sys(m, e);
}

/* A node of the step's own, on the tmpfs that is /dev, with a mount of its own that is not nodev. A node of the host's,
 * if it were bound, would be the step's to chmod and chown where that is the host's root. 1 if it is there, 0 where the
 * kernel lets us make none (a user namespace), -1 with *e. */
static int own_node(const struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	struct mount_attr a = {.attr_clr = MOUNT_ATTR_NODEV};
	AUTO_FREE char *dir = path_dir(op->path);
	AUTO_CLOSE int parent = path_open_nolinks(m->root, dir, O_PATH | O_DIRECTORY, 0), tree = -1;
	const char *name = path_base(op->path);
	struct stat st;

	if (parent < 0 || stat(op->arg, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "the host's %s", op->arg);
	if (!S_ISCHR(st.st_mode) || mknodat(parent, name, st.st_mode, st.st_rdev) < 0)
		return 0;
	if (fchownat(parent, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, ERR_HOST, errno, "owner of /%s", op->path);
	tree = open_tree(parent, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (tree >= 0 && mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof a) == 0)
		return attach(m, tree, op->path, e) < 0 ? -1 : 1;
	/* A lock of an outer namespace: as if it could not be made. */
	return unlinkat(parent, name, 0) < 0 ? err_sys(e, ERR_HOST, errno, "/%s", op->path) : 0;
}

/* Read-only, which devices can be written to all the same: mode, owner and times of the host's node must not change. */
static int host_node(const struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};
	AUTO_CLOSE int file = path_open_nolinks(m->root, op->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
	AUTO_CLOSE int tree = open_tree(AT_FDCWD, op->arg, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

	if (file < 0)
		return err_sys(e, ERR_HOST, errno, "making /%s", op->path);
	if (tree < 0)
		return err_sys(e, ERR_HOST, errno, "the host's %s", op->arg);
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof a) < 0)
		return err_sys(e, ERR_HOST, errno, "making /%s read-only", op->path);
	return attach(m, tree, op->path, e);
}

static int op_node(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	int r = own_node(m, op, e);

	return r != 0 ? (r < 0 ? -1 : 0) : host_node(m, op, e);
}

/* Only below our own tmpfs: plan_ops names no other. */
static int op_dir(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	if (mkdirat(m->root, op->path, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "making /%s", op->path);
	return 0;
}

static int op_link(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	if (symlinkat(op->arg, m->root, op->path) < 0)
		return err_sys(e, ERR_HOST, errno, "making /%s", op->path);
	return 0;
}

/* By a path, since umount2() takes no descriptor: /dev is a tmpfs of ours by now, so none of its links is the image's.
 */
static int op_gone(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	if (fchdir(m->root) < 0 || umount2(op->path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return err_sys(e, ERR_HOST, errno, "unmounting /%s", op->path);
	return 0;
}

/* clang-format off */
static op_fn *const op_table[] = {
	[PLAN_FS] = op_fs,	 [PLAN_PROC] = op_proc, [PLAN_SYS] = op_sys,   [PLAN_NODE] = op_node,
	[PLAN_DIR] = op_dir,	 [PLAN_LINK] = op_link, [PLAN_TEXT] = mounts_child_text, [PLAN_MASK] = op_mask,
	[PLAN_RO] = op_readonly, [PLAN_INIT] = mounts_child_init, [PLAN_ENTRIES] = op_entries, [PLAN_GONE] = op_gone,
};
/* clang-format on */

int mounts_child_apply(int root, const struct plan_ops *ops, int chan, struct err *e)
{
	struct mounts_child m = {root, chan, -1};
	int r = 0;

	if (move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, ERR_HOST, errno, "attaching the step's root");
	for (size_t i = 0; i < ops->n && r == 0; i++)
		r = op_table[ops->v[i].kind](&m, &ops->v[i], e);
	if (m.empty >= 0)
		close(m.empty);
	return r;
}

/* pivot_root(".", ".") stacks the old root on the new one, where it is unmounted at once: no directory of the image is
 * needed to put it. */
int mounts_child_pivot(int root, struct err *e)
{
	if (fchdir(root) < 0)
		return err_sys(e, ERR_HOST, errno, "entering the step's root");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(e, ERR_HOST, errno, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(e, ERR_HOST, errno, "unmounting the host's root");
	if (chdir("/") < 0)
		return err_sys(e, ERR_HOST, errno, "chdir /");
	return 0;
}
