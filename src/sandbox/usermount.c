#include "src/sandbox/usermount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "src/sandbox/mountpoint.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define TREE_FLAGS    (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE)
#define LINKS_MAX     40
#define POINT_MODE    0755
#define USER_ATTRS    (MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID)
#define TEXT_FILE     "text"
#define TEXT_OVERHEAD 65536

/* --- sources --- */

static int attach_to(int mnt, int target)
{
	return move_mount(mnt, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* A directory of ours below the step's directory for mounts, open in this namespace. */
static int own_dir(const struct usermount *u, const char *name, char **path, struct err *e)
{
	AUTO_CLOSE int base = overlay_reopen(u->s->root.dirfd);
	AUTO_FREE char *rel = mem_printf("%s/%s", u->s->mount_dir, name);

	if (base < 0 || (mkdirat(base, rel, 0755) < 0 && errno != EEXIST))
		return err_sys(e, ERR_HOST, errno, "%s", rel);
	int fd = openat(base, rel, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", rel);
	if (path)
		*path = STEAL_PTR(rel);
	return fd;
}

static int new_tmpfs(uint64_t size, const char *mode, struct err *e)
{
	AUTO_CLOSE int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	AUTO_FREE char *bytes = mem_printf("%llu", (unsigned long long)size);

	if (fs < 0 || (size && fsconfig(fs, FSCONFIG_SET_STRING, "size", bytes, 0) < 0) ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", mode, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "new tmpfs");
	int mnt = fsmount(fs, FSMOUNT_CLOEXEC, USER_ATTRS);

	return mnt < 0 ? err_sys(e, ERR_HOST, errno, "new tmpfs") : mnt;
}

/* Older kernels copy parts of attached mounts only: put it somewhere in our namespace, which ends with the step. */
static int part_of(const struct usermount *u, size_t i, int mnt, const char *source, struct err *e)
{
	AUTO_FREE char *name = mem_printf("at.%zu", i);
	AUTO_CLOSE int at = own_dir(u, name, NULL, e);

	if (at < 0)
		return -1;
	if (attach_to(mnt, at) < 0)
		return err_sys(e, ERR_HOST, errno, "mounting the source");
	AUTO_CLOSE int fd = path_open_in(mnt, source, O_PATH, 0);

	if (fd < 0)
		return err_sys(e, ERR_INPUT, errno, "source=%s", source);
	int tree = open_tree(fd, "", TREE_FLAGS);

	return tree < 0 ? err_sys(e, ERR_HOST, errno, "source=%s", source) : tree;
}

static int open_dir(const struct usermount *u, const struct sandbox_mount *m, struct err *e)
{
	AUTO_CLOSE int base = overlay_reopen(u->s->root.dirfd);
	AUTO_CLOSE int dir = base < 0 ? -1 : openat(base, m->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return err_sys(e, ERR_HOST, errno, "%s", m->dir);
	if (m->own && (fchownat(dir, "", m->uid, m->gid, AT_EMPTY_PATH) < 0 || fchmodat(base, m->dir, m->mode, 0) < 0))
		return err_sys(e, ERR_HOST, errno, "owner and mode of the mount");
	AUTO_CLOSE int fd = path_open_in(dir, m->source ? m->source : ".", O_PATH, 0);

	if (fd < 0)
		return err_sys(e, ERR_INPUT, errno, "source=%s", m->source ? m->source : "/");
	int tree = open_tree(fd, "", TREE_FLAGS);

	return tree < 0 ? err_sys(e, ERR_HOST, errno, "%s", m->dir) : tree;
}

static int open_layers(const struct usermount *u, size_t i, const struct sandbox_mount *m, struct err *e)
{
	AUTO_CLOSE int mnt = -1;

	if (m->layers.upper && mountpoint_upper(&m->layers, e) < 0)
		return -1;
	mnt = overlay_mount(&m->layers, e);
	if (mnt < 0)
		return -1;
	/* A stack without layers is an ordinary directory. */
	return m->source || !m->layers.nlower ? part_of(u, i, mnt, m->source ? m->source : ".", e) : STEAL_FD(mnt);
}

static int open_text(const struct usermount *u, size_t i, const struct sandbox_mount *m, struct err *e)
{
	AUTO_CLOSE int mnt = new_tmpfs(m->text_len + TEXT_OVERHEAD, "0755", e);
	AUTO_CLOSE int fd = mnt < 0 ? -1 : openat(mnt, TEXT_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (mnt < 0)
		return -1;
	if (fd < 0 || fchown(fd, m->uid, m->gid) < 0 || fchmod(fd, m->mode) < 0)
		return err_sys(e, ERR_HOST, errno, "file of the mount");
	if (io_write_all(fd, m->text, m->text_len, "file of the mount", e) < 0)
		return -1;
	return part_of(u, i, mnt, TEXT_FILE, e);
}

static int open_source(const struct usermount *u, size_t i, struct err *e)
{
	const struct sandbox_mount *m = &u->s->mounts[i];

	switch (m->kind) {
	case SANDBOX_MOUNT_DIR:
		return open_dir(u, m, e);
	case SANDBOX_MOUNT_LAYERS:
		return open_layers(u, i, m, e);
	case SANDBOX_MOUNT_TEXT:
		return open_text(u, i, m, e);
	case SANDBOX_MOUNT_TMPFS:
		break;
	}
	return new_tmpfs(m->size, "1777", e);
}

static int open_tree_of(const struct usermount *u, size_t i, struct err *e)
{
	struct mount_attr a = {.attr_set = USER_ATTRS | (u->s->mounts[i].readonly ? MOUNT_ATTR_RDONLY : 0)};
	AUTO_CLOSE int tree = open_source(u, i, e);

	if (tree < 0)
		return -1;
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof a) < 0)
		return err_sys(e, ERR_HOST, errno, "attributes of the mount");
	return STEAL_FD(tree);
}

/* --- mount points --- */

static int is_dir(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The path after the link that stands at its first `upto` bytes, or NULL if there is none. */
static char *after_link(int root, const char *path, size_t upto)
{
	AUTO_FREE char *head = mem_strndup(path, upto);
	AUTO_FREE char *leaf = NULL;
	AUTO_CLOSE int dir = path_open_parent(root, head, &leaf);
	AUTO_FREE char *target = dir < 0 ? NULL : path_readlink_at(dir, leaf);

	if (!target)
		return NULL;
	AUTO_FREE char *up = path_dir(head);
	AUTO_FREE char *joined = path_join(up, target);
	AUTO_FREE char *all = mem_printf("%s%s", joined, path + upto);

	return path_clean(all);
}

/* The path as far as it exists without links; absolute and clean. */
static char *resolve(int root, const char *target)
{
	char *path = path_clean(target);

	for (unsigned links = 0; links < LINKS_MAX; links++) {
		char *next = NULL;

		for (size_t end = 1; !next && path[end - 1]; end++)
			if (path[end] == '/' || !path[end])
				next = after_link(root, path, end);
		if (!next)
			break;
		free(path);
		path = next;
	}
	return path;
}

/* Metadata as an overlay shows it when the directory is merged: that of the topmost layer, ours. */
static int copy_metadata(int from, int to, struct err *e)
{
	struct stat st;

	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0)
		return err_sys(e, ERR_HOST, errno, "owner and mode of a mount point's parent");
	const struct timespec times[2] = {st.st_mtim, st.st_mtim};

	if (mountpoint_copy_xattrs(from, to, e) < 0)
		return -1;
	return futimens(to, times) < 0 ? err_sys(e, ERR_HOST, errno, "times of a mount point's parent") : 0;
}

static int make_leaf(int dir, const char *name, bool directory, struct err *e)
{
	int rc = directory ? mkdirat(dir, name, POINT_MODE) : mknodat(dir, name, S_IFREG | 0644, 0);

	return rc < 0 && errno != EEXIST ? err_sys(e, ERR_HOST, errno, "mount point %s", name) : 0;
}

/* One directory on the way, in the layer at `to`, as it is in the image at `from` (-1: it is not there). Both
 * descriptors are replaced by those of the directory. */
static int step_into(int *from, int *to, const char *name, struct err *e)
{
	AUTO_CLOSE int image = *from < 0 ? -1 : openat(*from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool made = mkdirat(*to, name, POINT_MODE) == 0;
	AUTO_CLOSE int point = openat(*to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (point < 0)
		return err_sys(e, ERR_HOST, errno, "mount point %s", name);
	if (*from >= 0)
		close(*from);
	close(*to);
	*from = STEAL_FD(image);
	*to = STEAL_FD(point);
	return made && *from >= 0 ? copy_metadata(*from, *to, e) : 0;
}

/* Times of the parents last: what was made in them changed them. */
static int restore_times(int image, int layer, const char *path, struct err *e)
{
	for (size_t end = strlen(path); end > 1; end--) {
		if (path[end - 1] != '/')
			continue;
		AUTO_FREE char *dir = mem_strndup(path, end);
		AUTO_CLOSE int from = path_open_nolinks(image, dir, O_RDONLY | O_DIRECTORY, 0);
		AUTO_CLOSE int to = path_open_nolinks(layer, dir, O_RDONLY | O_DIRECTORY, 0);

		if (from >= 0 && to >= 0 && copy_metadata(from, to, e) < 0)
			return -1;
	}
	return 0;
}

static int make_point(int image, int layer, const char *path, bool directory, struct err *e)
{
	AUTO_CLOSE int from = openat(image, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int to = openat(layer, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct sv rest = sv_from(path + 1);

	while (rest.p) {
		struct sv part = sv_cut(&rest, '/');
		AUTO_FREE char *name = sv_dup(part);

		if ((rest.p ? step_into(&from, &to, name, e) : make_leaf(to, name, directory, e)) < 0)
			return -1;
	}
	return restore_times(image, layer, path, e);
}

/* What a mount before it, or the step's own /dev, covers is made there, when it is attached. */
static bool is_covered(const struct usermount *u, size_t i, const char *path)
{
	static const char *const ours[] = {"/dev", "/proc", "/sys"};

	for (size_t k = 0; k < ARRAY_LEN(ours) + i; k++) {
		const char *dir = k < ARRAY_LEN(ours) ? ours[k] : u->s->mounts[k - ARRAY_LEN(ours)].target;
		size_t n = strlen(dir);

		if (strncmp(path, dir, n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

static int make_points(struct usermount *u, int image, int layer, bool *any, struct err *e)
{
	for (size_t i = 0; i < u->s->nmounts; i++) {
		AUTO_FREE char *path = resolve(image, u->s->mounts[i].target);
		AUTO_CLOSE int there = path_open_in(image, path, O_PATH, 0);

		if (there >= 0 || is_covered(u, i, path) || !path[1])
			continue;
		if (make_point(image, layer, path, is_dir(u->tree[i]), e) < 0)
			return -1;
		*any = true;
	}
	return 0;
}

static int open_points(struct usermount *u, struct err *e)
{
	AUTO_FREE char *empty = NULL, *points = NULL;
	AUTO_CLOSE int empty_fd = own_dir(u, "empty", &empty, e);
	AUTO_CLOSE int layer = empty_fd < 0 ? -1 : own_dir(u, "points", &points, e);
	struct overlay_spec image = u->s->root;
	bool any = false;

	if (layer < 0)
		return -1;
	image.upper = image.work = NULL;
	image.empty = empty;
	AUTO_CLOSE int root = overlay_mount(&image, e);

	if (root < 0 || make_points(u, root, layer, &any, e) < 0)
		return -1;
	if (any)
		u->points = STEAL_PTR(points);
	return 0;
}

int usermount_open(struct usermount *u, const struct sandbox_spec *s, struct err *e)
{
	*u = (struct usermount){.s = s, .tree = mem_array(s->nmounts + 1, sizeof *u->tree)};
	for (size_t i = 0; i < s->nmounts; i++)
		u->tree[i] = -1;
	for (size_t i = 0; i < s->nmounts; i++) {
		u->tree[i] = open_tree_of(u, i, e);
		if (u->tree[i] < 0)
			return err_wrap(e, "mount on %s", s->mounts[i].target);
	}
	return s->nmounts ? open_points(u, e) : 0;
}

/* --- attaching --- */

/* The target, made if it is missing: below another mount. */
static int open_target(int root, const char *target, bool directory, struct err *e)
{
	int fd = path_open_in(root, target, O_PATH, 0);
	AUTO_FREE char *dir = path_dir(target);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return err_sys(e, ERR_INPUT, errno, "%s", target);
	AUTO_CLOSE int parent = path_mkdirs_in(root, dir, POINT_MODE, 0, 0, e);

	if (parent < 0 || make_leaf(parent, path_base(target), directory, e) < 0)
		return -1;
	fd = path_open_in(root, target, O_PATH, 0);
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", target) : fd;
}

static int attach_one(const struct usermount *u, size_t i, int root, struct err *e)
{
	const char *target = u->s->mounts[i].target;
	bool directory = is_dir(u->tree[i]);
	AUTO_CLOSE int fd = open_target(root, target, directory, e);

	if (fd < 0)
		return -1;
	if (is_dir(fd) != directory)
		return err_set(e, ERR_INPUT, "%s is %s in the image, what is mounted there is not", target,
			       directory ? "a file" : "a directory");
	return attach_to(u->tree[i], fd) < 0 ? err_sys(e, ERR_HOST, errno, "mounting %s", target) : 0;
}

int usermount_attach(const struct usermount *u, int root, struct err *e)
{
	for (size_t i = 0; i < u->s->nmounts; i++)
		if (attach_one(u, i, root, e) < 0)
			return -1;
	return 0;
}

void usermount_release(struct usermount *u)
{
	for (size_t i = 0; u->tree && i < u->s->nmounts; i++)
		if (u->tree[i] >= 0)
			close(u->tree[i]);
	free(u->tree);
	free(u->points);
	*u = (struct usermount){0};
}
