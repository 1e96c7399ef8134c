/* The layer of mount points. */
#include "src/sandbox/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/hash.h"
#include "src/util/mem.h"
#include "src/util/ownrec.h"
#include "src/util/path.h"
#include "src/util/tmp.h"

/* Names, and one value, of a directory's attributes that are taken over; more is cut off. */
#define XATTR_MAX 4096
/* Part of the name: to be changed with what the layer holds. */
#define LAYER_VERSION "1"

/* The image's /etc as far as a step can see it. */
struct etc {
	bool is_dir; /* or missing: then it is made */
	bool found;
	struct stat st;
	int fd;		   /* if found and is_dir */
	struct buf xattrs; /* names and values in a row, for the digest and for copying */
};

static void etc_release(struct etc *etc)
{
	if (etc->fd >= 0)
		close(etc->fd);
	buf_release(&etc->xattrs);
}

/* The topmost layer that knows the name decides; a whiteout hides those below. */
static int etc_find(const struct overlay_spec *root, struct etc *etc)
{
	for (size_t i = root->nlower; i-- > 0;) {
		AUTO_FREE char *path = mem_printf("%s/etc", root->lower[i]);

		if (fstatat(root->dirfd, path, &etc->st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		etc->found = !(S_ISCHR(etc->st.st_mode) && etc->st.st_rdev == makedev(0, 0));
		etc->is_dir = !etc->found || S_ISDIR(etc->st.st_mode);
		if (!etc->found || !etc->is_dir)
			return 0;
		etc->fd = openat(root->dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return etc->fd < 0 ? -1 : 0;
	}
	return 0;
}

/* The overlay's own marks are of that layer, not of the directory. */
static bool is_copied(const char *name)
{
	return strncmp(name, "user.overlay.", strlen("user.overlay.")) != 0;
}

/* Append name, NUL, length of the value as uint32_t, value. */
static void etc_xattr(struct etc *etc, const char *name)
{
	char value[XATTR_MAX];
	ssize_t n = fgetxattr(etc->fd, name, value, sizeof value);
	uint32_t len = (uint32_t)n;

	if (n < 0 || !is_copied(name))
		return;
	buf_add(&etc->xattrs, name, strlen(name) + 1);
	buf_add(&etc->xattrs, &len, sizeof len);
	buf_add(&etc->xattrs, value, len);
}

static void etc_xattrs(struct etc *etc)
{
	char names[XATTR_MAX];
	ssize_t n = flistxattr(etc->fd, names, sizeof names);

	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1)
		etc_xattr(etc, p);
}

static int etc_read(const struct overlay_spec *root, struct etc *etc, struct err *e)
{
	*etc = (struct etc){.is_dir = true, .fd = -1, .xattrs = BUF_INIT(XATTR_MAX * 4), .st.st_mode = S_IFDIR | 0755};
	if (etc_find(root, etc) < 0)
		return err_sys(e, ERR_HOST, errno, "/etc of the image");
	if (etc->fd >= 0)
		etc_xattrs(etc);
	return 0;
}

/* "points-" and 16 digits of the digest of all that the layer is made of. */
static char *layer_name(const struct etc *etc)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const struct stat *st = &etc->st;
	uint8_t sum[HASH_MAX_BYTES];
	char hex[17];

	buf_printf(&b, "%s %d %d %o %u %u %lld.%09ld\n", LAYER_VERSION, etc->is_dir, etc->found, (unsigned)st->st_mode,
		   (unsigned)st->st_uid, (unsigned)st->st_gid, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	buf_sv_add(&b, buf_sv(&etc->xattrs));
	hash_bytes(HASH_SHA256, b.p, b.n, sum);
	hash_hex(sum, 8, hex);
	return mem_printf("points-%s", hex);
}

static int make_file(int dir, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "mount point %s", name) : 0;
}

static int make_dir(int dir, const char *name, struct err *e)
{
	return mkdirat(dir, name, 0755) < 0 ? err_sys(e, ERR_HOST, errno, "mount point %s", name) : 0;
}

/* A security module's label belongs to the host, and is refused or not supported: no harm. */
static int put_xattrs(const struct etc *etc, int to, struct err *e)
{
	const char *all = buf_str(&etc->xattrs);

	for (const char *p = all; p < all + etc->xattrs.n;) {
		const char *name = p, *value = p + strlen(p) + 1 + sizeof(uint32_t);
		uint32_t len;

		memcpy(&len, value - sizeof len, sizeof len);
		if (fsetxattr(to, name, value, len, 0) < 0 && errno != EPERM && errno != EOPNOTSUPP)
			return err_sys(e, ERR_HOST, errno, "attribute %s of /etc", name);
		p = value + len;
	}
	return 0;
}

/* Owner before mode, since chown clears set-id bits; times last. */
static int put_metadata(const struct etc *etc, int to, struct err *e)
{
	const struct timespec times[2] = {etc->st.st_mtim, etc->st.st_mtim};

	if (fchown(to, etc->st.st_uid, etc->st.st_gid) < 0 || fchmod(to, etc->st.st_mode & 07777) < 0)
		return err_sys(e, ERR_HOST, errno, "owner and mode of /etc");
	if (put_xattrs(etc, to, e) < 0)
		return -1;
	if (futimens(to, times) < 0)
		return err_sys(e, ERR_HOST, errno, "times of /etc");
	return 0;
}

static int make_etc(const struct etc *etc, int dir, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (make_dir(dir, "etc", e) < 0)
		return -1;
	fd = openat(dir, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "mount point etc");
	if (make_file(fd, "hosts", e) < 0 || make_file(fd, "resolv.conf", e) < 0)
		return -1;
	return etc->found ? put_metadata(etc, fd, e) : 0;
}

static int make_layer(const struct etc *etc, int dir, struct err *e)
{
	static const char *const dirs[] = {"dev", "proc", "sys"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (make_dir(dir, dirs[i], e) < 0)
			return -1;
	return etc->is_dir ? make_etc(etc, dir, e) : 0;
}

/* Under a name of its own, then by rename: several steps may be about it, and a crash leaves no half one. */
static int publish_layer(const struct etc *etc, int at, const char *name, struct err *e)
{
	AUTO_FREE char *temp = NULL;
	AUTO_CLOSE int dir = -1;

	if (tmp_dir(at, "new", &temp, e) < 0)
		return -1;
	dir = openat(at, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fchmod(dir, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", temp);
	if (make_layer(etc, dir, e) < 0)
		return -1;
	if (renameat(at, temp, at, name) == 0)
		return 0;
	if (errno != EEXIST && errno != ENOTEMPTY)
		return err_sys(e, ERR_HOST, errno, "%s", name);
	return path_remove_tree(at, temp, e);
}

int mountpoint_layer(const struct overlay_spec *root, const char *scratch, char **layer, struct err *e)
{
	AUTO_CLOSE int at = openat(root->dirfd, scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *name = NULL;
	struct etc etc;
	int r;

	if (at < 0)
		return err_sys(e, ERR_HOST, errno, "%s", scratch);
	r = etc_read(root, &etc, e);
	if (r == 0) {
		name = layer_name(&etc);
		if (faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			r = publish_layer(&etc, at, name, e);
	}
	etc_release(&etc);
	if (r == 0)
		*layer = mem_printf("%s/%s", scratch, name);
	return r;
}

/* What the root is at a step's beginning: as in the topmost layer. */
static int root_begins(const struct overlay_spec *root, struct stat *st, struct err *e)
{
	*st = (struct stat){.st_mode = 0755};
	if (root->nlower > 0 && fstatat(root->dirfd, root->lower[root->nlower - 1], st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", root->lower[root->nlower - 1]);
	return 0;
}

static int open_upper(const struct overlay_spec *root, struct err *e)
{
	int fd = openat(root->dirfd, root->upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", root->upper) : fd;
}

static int set_root(int upper, const struct overlay_spec *root, const struct stat *st, struct err *e)
{
	if (fchown(upper, st->st_uid, st->st_gid) < 0 || fchmod(upper, st->st_mode & 07777) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", root->upper);
	return 0;
}

int mountpoint_upper(const struct overlay_spec *root, struct err *e)
{
	AUTO_CLOSE int upper = open_upper(root, e);
	struct stat st;

	if (upper < 0)
		return -1;
	if (overlay_upper_used(upper))
		return 0;
	return root_begins(root, &st, e) < 0 ? -1 : set_root(upper, root, &st, e);
}

int mountpoint_restore(const struct overlay_spec *root, bool *changed, struct err *e)
{
	AUTO_CLOSE int upper = open_upper(root, e);
	struct ownrec rec;
	struct stat was, now;

	if (upper < 0 || root_begins(root, &was, e) < 0)
		return -1;
	if (fstat(upper, &now) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", root->upper);
	/* Tier solo leaves the ids on disk as they are. */
	*changed = ownrec_get(upper, &rec) == 1 && (rec.uid || rec.gid);
	if (*changed && fremovexattr(upper, OWNREC_XATTR) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", root->upper);
	if (was.st_uid == now.st_uid && was.st_gid == now.st_gid && ((was.st_mode ^ now.st_mode) & 07777) == 0)
		return 0;
	*changed = true;
	return set_root(upper, root, &was, e);
}
