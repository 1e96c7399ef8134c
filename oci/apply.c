/* Extraction of a hostile tar beneath a directory descriptor. */
#include "oci/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "oci/apply_meta.h"
#include "oci/apply_path.h"
#include "oci/limits.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/vec.h"

#define APPLY_DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* Linux: MINORBITS and the rest of a 32-bit dev_t. */
#define APPLY_MAJOR_MAX 4095u
#define APPLY_MINOR_MAX 1048575u
/* Zeros of at least this size become a hole. */
#define APPLY_HOLE_BYTES 4096

/* What a directory gets when all is extracted. */
struct apply_dir {
	char *path;
	int64_t mtime;
	char *acl; /* default ACL or NULL */
	size_t nacl;
};

struct apply {
	struct tar_read *t;
	int root;
	const struct apply_opts *o;
	struct apply_result *out;
	struct apply_loss loss;
	char *parent_path; /* cached parent; NULL: none */
	int parent_fd;
	VEC_OF(struct apply_dir) dirs;
	size_t dir_bytes;
};

/* The place of a member: an O_PATH directory (borrowed from the cache) and a name in it. */
struct apply_at {
	int dirfd;
	const char *leaf;
};

static int apply_fail(const char *path, int sys, const char *doing, struct err *e)
{
	return err_sys(e, sys == ENAMETOOLONG || sys == EINVAL ? ERR_INPUT : ERR_HOST, sys, "%s: %s", path, doing);
}

/* --- directories --- */

static void apply_forget_parent(struct apply *a)
{
	free(a->parent_path);
	a->parent_path = NULL;
	if (a->parent_fd >= 0)
		close(a->parent_fd);
	a->parent_fd = -1;
}

static int apply_note_dir(struct apply *a, const char *path, int64_t mtime, const struct entry *en, struct err *e)
{
	struct apply_dir d = {mem_strdup(path), mtime, NULL, 0};

	for (size_t i = 0; en && i < en->nxattrs; i++)
		if (apply_meta_is_late(en->xattrs[i].name)) {
			d.acl = mem_dup(en->xattrs[i].val, en->xattrs[i].n);
			d.nacl = en->xattrs[i].n;
		}
	vec_push(&a->dirs, d);
	a->dir_bytes += strlen(path) + d.nacl;
	if (a->dir_bytes > LAYER_DIR_NAMES_MAX)
		return err_set(e, ERR_INPUT, "%s: the names of all directories are longer than %zu MiB", path,
			       LAYER_DIR_NAMES_MAX >> 20);
	return 0;
}

static int apply_set_opaque(const char *path, int fd, struct err *e)
{
	if (fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) == 0)
		return 0;
	apply_fail(path, errno, "marking it as opaque", e);
	return err_hint(e, "the store must lie on a file system with user extended attributes");
}

static bool apply_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* Make a directory where nothing is, or a whiteout, which leaves "opaque" behind. Returns it open. */
static int apply_mkdir(const struct apply_at *at, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	bool opaque = false;
	struct stat st;

	if (fstatat(at->dirfd, at->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		opaque = apply_is_whiteout(&st);
		if (unlinkat(at->dirfd, at->leaf, 0) < 0)
			return apply_fail(path, errno, "replacing what was there", e);
	}
	if (mkdirat(at->dirfd, at->leaf, 0700) < 0)
		return apply_fail(path, errno, "making the directory", e);
	fd = openat(at->dirfd, at->leaf, APPLY_DIR_FLAGS);
	if (fd < 0)
		return apply_fail(path, errno, "opening the new directory", e);
	if (opaque && apply_set_opaque(path, fd, e) < 0)
		return -1;
	return STEAL_FD(fd);
}

/* A directory that the tar has only as part of a path: 0:0, 0755, the time of the member that needs it. */
static int apply_implied(struct apply *a, const struct apply_at *at, const char *path, int64_t mtime, struct err *e)
{
	AUTO_CLOSE int fd = apply_mkdir(at, path, e);

	if (fd < 0)
		return -1;
	if (fchown(fd, 0, 0) < 0 || fchmod(fd, 0755) < 0)
		return apply_fail(path, errno, "setting its owner and mode", e);
	return apply_note_dir(a, path, mtime, NULL, e);
}

/* One step down from *fd into the part of path that ends at `end`. */
static int apply_step(struct apply *a, int *fd, const char *path, size_t from, size_t end, int64_t mtime, struct err *e)
{
	AUTO_FREE char *upto = mem_strndup(path, end);
	struct apply_at at = {*fd, upto + from};
	int next = openat(at.dirfd, at.leaf, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (next < 0 && errno != ENOENT && fstatat(at.dirfd, at.leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !apply_is_whiteout(&st))
		return err_set(e, ERR_INPUT, "%s: %s is %s in this tar, no directory", path, upto,
			       S_ISLNK(st.st_mode) ? "a symbolic link" : "a file");
	if (next < 0) {
		if (apply_implied(a, &at, upto, mtime, e) < 0)
			return -1;
		next = openat(at.dirfd, at.leaf, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (next < 0)
		return apply_fail(path, errno, "opening the directory that holds it", e);
	close(*fd);
	*fd = next;
	return 0;
}

/* Parent directory of path part by part, making what is missing. */
static int apply_walk_parent(struct apply *a, const char *path, size_t len, int64_t mtime, struct err *e)
{
	AUTO_CLOSE int fd = openat(a->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t from = 0;

	if (fd < 0)
		return apply_fail(path, errno, "opening the root", e);
	while (from < len) {
		const char *slash = memchr(path + from, '/', len - from);
		size_t end = slash ? (size_t)(slash - path) : len;

		if (apply_step(a, &fd, path, from, end, mtime, e) < 0)
			return -1;
		from = end + 1;
	}
	return STEAL_FD(fd);
}

/* Find, or make, the directory that holds path. */
static int apply_locate(struct apply *a, const char *path, int64_t mtime, struct apply_at *at, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	at->leaf = slash ? slash + 1 : path;
	at->dirfd = a->root;
	if (!len)
		return 0;
	if (!a->parent_path || strlen(a->parent_path) != len || memcmp(a->parent_path, path, len) != 0) {
		apply_forget_parent(a);
		a->parent_path = mem_strndup(path, len);
		a->parent_fd = path_open_nolinks(a->root, a->parent_path, O_PATH | O_DIRECTORY, 0);
		if (a->parent_fd < 0)
			a->parent_fd = apply_walk_parent(a, path, len, mtime, e);
		if (a->parent_fd < 0) {
			apply_forget_parent(a);
			return -1;
		}
	}
	at->dirfd = a->parent_fd;
	return 0;
}

/* A later member replaces an earlier one of its name; directories with all they hold. */
static int apply_clear(const struct apply_at *at, const char *path, struct err *e)
{
	if (unlinkat(at->dirfd, at->leaf, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return apply_fail(path, errno, "replacing what was there", e);
	if (path_remove_tree(at->dirfd, at->leaf, e) < 0)
		return err_wrap(e, "%s", path);
	return 0; /* the cached parent is the one that holds `at`, so it is not among what was removed */
}

/* --- members by type; each returns with the name made, or errno EEXIST for a second try after apply_clear --- */

static bool apply_all_zero(const char *p, size_t n)
{
	return n >= APPLY_HOLE_BYTES && p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static int apply_pwrite(int fd, const char *p, size_t n, uint64_t at, const char *path, struct err *e)
{
	while (n) {
		ssize_t k = pwrite(fd, p, n, (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return apply_fail(path, errno, "writing", e);
		p += k;
		n -= (size_t)k;
		at += (uint64_t)k;
	}
	return 0;
}

static int apply_content(struct apply *a, int fd, const struct entry *en, struct err *e)
{
	uint64_t end = 0, at;
	const void *p;
	size_t n;
	int r;

	while ((r = tar_read_data(a->t, &p, &n, &at, e)) > 0) {
		if (at > en->size || n > en->size - at)
			return err_set(e, ERR_INPUT, "%s: more content than its size says", en->path);
		if (apply_all_zero(p, n))
			continue;
		if (apply_pwrite(fd, p, n, at, en->path, e) < 0)
			return -1;
		end = at + n > end ? at + n : end;
	}
	if (r < 0)
		return err_wrap(e, "%s", en->path);
	if (end < en->size && ftruncate(fd, (off_t)en->size) < 0)
		return apply_fail(en->path, errno, "setting its size", e);
	return 0;
}

static int apply_set_file_time(int fd, const struct entry *en, struct err *e)
{
	const struct timespec ts[2] = {{.tv_sec = en->mtime}, {.tv_sec = en->mtime}};

	return futimens(fd, ts) == 0 ? 0 : apply_fail(en->path, errno, "setting its time", e);
}

/* Regular files, and placeholders of devices. */
static int apply_file(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	AUTO_CLOSE int fd = openat(at->dirfd, at->leaf, flags, 0600);

	if (fd < 0 && errno == EEXIST) {
		if (apply_clear(at, en->path, e) < 0)
			return -1;
		fd = openat(at->dirfd, at->leaf, flags, 0600);
	}
	if (fd < 0)
		return apply_fail(en->path, errno, "making the file", e);
	if (S_ISREG(en->mode) && apply_content(a, fd, en, e) < 0)
		return -1;
	if (apply_meta_fd(fd, en, &a->loss, e) < 0)
		return -1;
	return apply_set_file_time(fd, en, e);
}

static int apply_dir(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
{
	AUTO_CLOSE int fd = openat(at->dirfd, at->leaf, APPLY_DIR_FLAGS);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return apply_fail(en->path, errno, "opening the directory", e);
	if (fd < 0)
		fd = apply_mkdir(at, en->path, e);
	if (fd < 0 || apply_meta_fd(fd, en, &a->loss, e) < 0)
		return -1;
	return apply_note_dir(a, en->path, en->mtime, en, e);
}

static int apply_make_special(const struct apply_at *at, const struct entry *en)
{
	if (S_ISLNK(en->mode))
		return symlinkat(en->link, at->dirfd, at->leaf);
	if (S_ISFIFO(en->mode))
		return mkfifoat(at->dirfd, at->leaf, 0600);
	return mknodat(at->dirfd, at->leaf, (en->mode & S_IFMT) | 0600, makedev(en->major, en->minor));
}

static int apply_special(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
{
	int r = apply_make_special(at, en);

	if (r < 0 && errno == EEXIST) {
		if (apply_clear(at, en->path, e) < 0)
			return -1;
		r = apply_make_special(at, en);
	}
	if (r < 0)
		return apply_fail(en->path, errno, "making it", e);
	return apply_meta_at(at->dirfd, at->leaf, en, &a->loss, e);
}

/* 0:0 as a character device would be a whiteout, so it is always recorded. */
static int apply_device(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
{
	if (en->major > APPLY_MAJOR_MAX || en->minor > APPLY_MINOR_MAX)
		return err_set(e, ERR_INPUT, "%s: no device can have the number %u:%u", en->path, en->major, en->minor);
	if (a->o->may_mknod && (en->major || en->minor))
		return apply_special(a, at, en, e);
	return apply_file(a, at, en, e);
}

/* --- hard links --- */

static int apply_no_target(const struct entry *en, const char *target, const char *why, struct err *e)
{
	err_set(e, ERR_INPUT, "%s: hard link to %s, which %s", en->path, target, why);
	return err_hint(e, "a layer's hard links must lead to members of the same layer that come before");
}

/* The directory of a link's target: never made, no links followed. */
static int apply_target_dir(const struct apply *a, const char *target, const char **leaf)
{
	const char *slash = strrchr(target, '/');
	AUTO_FREE char *dir = slash ? mem_strndup(target, (size_t)(slash - target)) : mem_strdup(".");

	*leaf = slash ? slash + 1 : target;
	return path_open_nolinks(a->root, dir, O_PATH | O_DIRECTORY, 0);
}

static int apply_hard_link(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
{
	AUTO_FREE char *target = apply_path_clean(en->link, e);
	AUTO_CLOSE int dir = -1;
	const char *leaf;
	struct stat st;

	if (!target)
		return err_wrap(e, "%s: hard link", en->path);
	if (strcmp(target, en->path) == 0)
		return apply_no_target(en, target, "is itself", e);
	dir = *target ? apply_target_dir(a, target, &leaf) : -1;
	if (dir < 0 || fstatat(dir, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0 || apply_is_whiteout(&st))
		return apply_no_target(en, target, "is not in this layer", e);
	if (S_ISDIR(st.st_mode))
		return apply_no_target(en, target, "is a directory", e);
	if (linkat(dir, leaf, at->dirfd, at->leaf, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return apply_fail(en->path, errno, "making the hard link", e);
	if (apply_clear(at, en->path, e) < 0)
		return -1;
	return linkat(dir, leaf, at->dirfd, at->leaf, 0) == 0 ? 0 : apply_fail(en->path, errno, "making the hard link", e);
}

/* --- changesets --- */

/* NAME of lower layers is gone. What this layer itself has under NAME stays, but if that is a directory, nothing of
 * the lower one shows in it. */
static int apply_whiteout(const struct entry *en, const struct apply_at *at, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (mknodat(at->dirfd, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST)
		return apply_fail(en->path, errno, "making the whiteout", e);
	fd = openat(at->dirfd, name, APPLY_DIR_FLAGS);
	return fd < 0 ? 0 : apply_set_opaque(en->path, fd, e);
}

static int apply_opaque(const struct apply *a, const struct entry *en, const struct apply_at *at, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (at->dirfd == a->root) {
		err_set(e, ERR_INPUT, "%s: an opaque root, which would hide the whole image below, is not supported", en->path);
		return err_hint(e, "flatten the image with another tool, or build it from scratch");
	}
	fd = openat(at->dirfd, ".", APPLY_DIR_FLAGS);
	if (fd < 0)
		return apply_fail(en->path, errno, "opening its directory", e);
	return apply_set_opaque(en->path, fd, e);
}

static int apply_change(struct apply *a, const struct entry *en, enum apply_kind kind, const char *name, struct err *e)
{
	struct apply_at at;

	if (a->o->plain)
		return err_set(e, ERR_INPUT, "%s: names that begin with \".wh.\" mean removals in images and cannot be kept", en->path);
	if (kind == APPLY_IGNORED)
		return 0;
	if (!en->hard && !S_ISREG(en->mode))
		return err_set(e, ERR_INPUT, "%s: a whiteout that is no regular file", en->path);
	if (apply_locate(a, en->path, en->mtime, &at, e) < 0)
		return -1;
	return kind == APPLY_OPAQUE ? apply_opaque(a, en, &at, e) : apply_whiteout(en, &at, name, e);
}

/* --- the loop --- */

static int apply_root(struct apply *a, const struct entry *en, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (en->hard || !S_ISDIR(en->mode))
		return err_set(e, ERR_INPUT, "the tar's root is no directory");
	fd = openat(a->root, ".", APPLY_DIR_FLAGS);
	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "opening the root");
	if (apply_meta_fd(fd, en, &a->loss, e) < 0)
		return -1;
	return apply_note_dir(a, ".", en->mtime, en, e);
}

static int apply_typed(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
{
	static const struct {
		mode_t type;
		int (*fn)(struct apply *, const struct apply_at *, const struct entry *, struct err *);
	} table[] = {
		{S_IFREG, apply_file},   {S_IFDIR, apply_dir},    {S_IFLNK, apply_special},
		{S_IFIFO, apply_special}, {S_IFCHR, apply_device}, {S_IFBLK, apply_device},
	};

	if (en->hard)
		return apply_hard_link(a, at, en, e);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == (en->mode & S_IFMT))
			return table[i].fn(a, at, en, e);
	apply_meta_lose(&a->loss, en->path, "a socket");
	return 0;
}

static int apply_member(struct apply *a, struct entry *en, struct err *e)
{
	char *clean = apply_path_clean(en->path, e);
	const char *name, *lost = tar_read_lost(a->t);
	bool absolute = en->path[0] == '/';
	enum apply_kind kind;
	struct apply_at at;

	if (!clean)
		return -1;
	free(en->path);
	en->path = clean;
	if (!*clean)
		return apply_root(a, en, e);
	a->out->entries++;
	if (lost)
		apply_meta_lose(&a->loss, en->path, lost);
	if (apply_path_kind(clean, &kind, &name, e) < 0)
		return -1;
	/* Who writes absolute names by carelessness does not write whiteouts. */
	if (kind != APPLY_ORDINARY && absolute)
		return err_set(e, ERR_INPUT, "/%s: a whiteout by an absolute name", clean);
	if (kind != APPLY_ORDINARY)
		return apply_change(a, en, kind, name, e);
	if (apply_locate(a, clean, en->mtime, &at, e) < 0)
		return -1;
	return apply_typed(a, &at, en, e);
}

/* Times of directories, now that nothing is put into them any more, and what their entries must not inherit. */
static int apply_finish_dir(struct apply *a, const struct apply_dir *d, struct err *e)
{
	const struct timespec ts[2] = {{.tv_sec = d->mtime}, {.tv_sec = d->mtime}};
	AUTO_CLOSE int fd = path_open_nolinks(a->root, d->path, APPLY_DIR_FLAGS, 0);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0; /* replaced by a later member */
	if (fd < 0)
		return apply_fail(d->path, errno, "opening the directory", e);
	if (d->acl && fsetxattr(fd, "system.posix_acl_default", d->acl, d->nacl, 0) < 0)
		apply_meta_lose(&a->loss, d->path, "the default access control list");
	return futimens(fd, ts) == 0 ? 0 : apply_fail(d->path, errno, "setting its time", e);
}

static int apply_all(struct apply *a, struct err *e)
{
	AUTO_ENTRY struct entry en = {0};
	int r;

	while ((r = tar_read_next(a->t, &en, e)) > 0)
		if (apply_member(a, &en, e) < 0)
			return -1;
	for (size_t i = 0; r == 0 && i < a->dirs.n; i++)
		r = apply_finish_dir(a, &a->dirs.v[i], e);
	return r;
}

int apply_tar(struct tar_read *t, int destfd, const struct apply_opts *o, struct apply_result *out, struct err *e)
{
	struct apply a = {.t = t, .root = destfd, .o = o, .out = out, .parent_fd = -1};
	int r;

	*out = (struct apply_result){0};
	r = apply_all(&a, e);
	apply_meta_summary(&a.loss);
	out->lossy = a.loss.n > 0;
	apply_forget_parent(&a);
	for (size_t i = 0; i < a.dirs.n; i++) {
		free(a.dirs.v[i].path);
		free(a.dirs.v[i].acl);
	}
	vec_release(&a.dirs);
	return r;
}
