/* A tree on disk as members of a canonical tar. */
#include "oci/diff.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "oci/limits.h"
#include "oci/linkmap.h"
#include "src/util/buf.h"
#include "src/util/mem.h"
#include "src/util/ownrec.h"
#include "src/util/vec.h"

#define DIFF_READ_BYTES ((size_t)256 << 10)
#define DIFF_WHITEOUT ".wh."
#define DIFF_OPAQUE ".wh..wh..opq"
/* From this depth on a directory is closed while one in it is walked, and found again by "..": the usual limit of
 * descriptors is 1024, paths have up to 2048 parts. */
#define DIFF_OPEN_DEPTH 200
#define DIFF_OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)

struct diff {
	const struct diff_opts *o;
	struct tar_write *t;
	struct linkmap links;
	struct buf path; /* of the member at hand, relative to the root */
	unsigned depth;
	dev_t dev; /* of the root */
	char *io;  /* DIFF_READ_BYTES */
};

static int diff_dir(struct diff *d, int *fd, struct err *e);

static int diff_fail(const struct diff *d, int sys, const char *doing, struct err *e)
{
	return err_sys(e, ERR_HOST, sys, "%s: %s", buf_str(&d->path), doing);
}

/* --- content --- */

static int diff_changed(const struct diff *d, const char *how, struct err *e)
{
	err_set(e, ERR_INPUT, "%s: %s while it was read", buf_str(&d->path), how);
	return err_hint(e, "something still writes to the tree; the layer would not be what its digest says");
}

static int diff_content(struct diff *d, int fd, uint64_t size, struct err *e)
{
	uint64_t left = size;

	while (left) {
		size_t want = left < DIFF_READ_BYTES ? (size_t)left : DIFF_READ_BYTES;
		ssize_t n = read(fd, d->io, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return diff_fail(d, errno, "reading", e);
		if (n == 0)
			return diff_changed(d, "became shorter", e);
		if (tar_write_data(d->t, d->io, (size_t)n, e) < 0)
			return err_wrap(e, "%s", buf_str(&d->path));
		left -= (uint64_t)n;
	}
	return 0;
}

/* One more stat at the end is cheaper than one more read, and sees growth as well as rewriting in place. */
static int diff_check_same(const struct diff *d, int fd, const struct stat *before, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return diff_fail(d, errno, "stat", e);
	if (st.st_size != before->st_size)
		return diff_changed(d, "changed its size", e);
	if (st.st_mtim.tv_sec != before->st_mtim.tv_sec || st.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
		return diff_changed(d, "was written to", e);
	return 0;
}

/* --- overlay marks --- */

/* Value of an attribute in at most n bytes; 0 if there is none. */
static size_t diff_mark(int fd, const char *name, char *val, size_t n)
{
	ssize_t got = fgetxattr(fd, name, val, n);

	return got > 0 ? (size_t)got : 0;
}

static bool diff_is_opaque(int fd)
{
	char v[2];

	/* "x" says only that whiteouts inside may be attributes (Linux 6.7), not that the directory is opaque. */
	return diff_mark(fd, "user.overlay.opaque", v, sizeof v) == 1 && v[0] == 'y';
}

/* overlayfs's features that would make the upper directory unreadable without the lower ones. */
static int diff_check_upper(const struct diff *d, int fd, struct err *e)
{
	static const char *const bad[] = {"user.overlay.redirect", "user.overlay.metacopy"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (fgetxattr(fd, bad[i], NULL, 0) >= 0)
			return err_set(e, ERR_INTERNAL, "%s: the overlay was mounted with a feature that layers cannot keep (%s)",
				       buf_str(&d->path), bad[i]);
	return 0;
}

/* Whiteouts have no metadata of their own: all fields 0. */
static int diff_whiteout(struct diff *d, struct err *e)
{
	const char *p = buf_str(&d->path), *base = strrchr(p, '/');
	size_t dir = base ? (size_t)(base - p) + 1 : 0;
	AUTO_FREE char *name = mem_printf("%.*s" DIFF_WHITEOUT "%s", (int)dir, p, p + dir);

	return tar_write_file(d->t, name, 0, 0, "", 0, e);
}

static int diff_opaque(struct diff *d, struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s%s" DIFF_OPAQUE, buf_str(&d->path), d->path.n ? "/" : "");

	return tar_write_file(d->t, name, 0, 0, "", 0, e);
}

/* --- members --- */

/* What ownrec.h recorded replaces what is on disk. */
static int diff_recorded(const struct diff *d, int fd, struct entry *en, struct err *e)
{
	struct ownrec r;
	int n = ownrec_get(fd, &r);

	if (n < 0)
		return diff_fail(d, errno, "reading the recorded owner", e);
	if (n == 0)
		return 0;
	en->uid = r.uid;
	en->gid = r.gid;
	if (!r.mode)
		return 0;
	en->mode = r.mode;
	en->major = r.major;
	en->minor = r.minor;
	if (!S_ISREG(r.mode))
		en->size = 0;
	return 0;
}

static void diff_set_path(const struct diff *d, struct entry *en)
{
	free(en->path);
	en->path = mem_strndup(d->path.p, d->path.n);
}

/* A further name of an inode that was written already: 1 if so and done. */
static int diff_hard_link(struct diff *d, const struct stat *st, struct entry *en, struct err *e)
{
	const char *first = st->st_nlink > 1 ? linkmap_first(&d->links, st, en->path) : NULL;

	if (!first)
		return 0;
	en->hard = true;
	free(en->link);
	en->link = mem_strdup(first);
	return tar_write_entry(d->t, en, e) < 0 ? -1 : 1;
}

static bool diff_is_xattr_whiteout(int fd, const struct stat *st)
{
	return st->st_size == 0 && fgetxattr(fd, "user.overlay.whiteout", NULL, 0) >= 0;
}

static int diff_file(struct diff *d, int fd, const struct stat *st, struct err *e)
{
	AUTO_ENTRY struct entry en = {0};
	int r;

	if (d->o->marks && diff_is_xattr_whiteout(fd, st))
		return diff_whiteout(d, e);
	if (d->o->marks && diff_check_upper(d, fd, e) < 0)
		return -1;
	entry_from_stat(&en, st);
	diff_set_path(d, &en);
	if (diff_recorded(d, fd, &en, e) < 0)
		return -1;
	r = diff_hard_link(d, st, &en, e);
	if (r)
		return r < 0 ? -1 : 0;
	if (entry_read_xattrs(&en, fd, NULL, en.path, e) < 0 || tar_write_entry(d->t, &en, e) < 0)
		return -1;
	if (diff_content(d, fd, en.size, e) < 0)
		return -1;
	return S_ISREG(en.mode) ? diff_check_same(d, fd, st, e) : 0;
}

/* Walk the directory *fd, which lies in *parent. */
static int diff_descend(struct diff *d, int *parent, int *fd, struct err *e)
{
	struct stat was, now;

	if (d->depth < DIFF_OPEN_DEPTH)
		return diff_dir(d, fd, e);
	if (fstat(*parent, &was) < 0)
		return diff_fail(d, errno, "stat of the directory above", e);
	close(STEAL_FD(*parent));
	if (diff_dir(d, fd, e) < 0)
		return -1;
	*parent = openat(*fd, "..", DIFF_OPEN_FLAGS | O_DIRECTORY);
	if (*parent < 0 || fstat(*parent, &now) < 0)
		return diff_fail(d, errno, "open the directory above", e);
	return now.st_ino == was.st_ino && now.st_dev == was.st_dev ? 0 : diff_changed(d, "was moved", e);
}

static int diff_subdir(struct diff *d, int *parent, int *fd, const struct stat *st, struct err *e)
{
	AUTO_ENTRY struct entry en = {0};

	if (st->st_dev != d->dev)
		return err_set(e, ERR_HOST, "%s: another file system is mounted here", buf_str(&d->path));
	if (d->o->marks && diff_check_upper(d, *fd, e) < 0)
		return -1;
	entry_from_stat(&en, st);
	diff_set_path(d, &en);
	if (diff_recorded(d, *fd, &en, e) < 0 || entry_read_xattrs(&en, *fd, NULL, en.path, e) < 0 ||
	    tar_write_entry(d->t, &en, e) < 0)
		return -1;
	entry_release(&en); /* not kept for the whole way down */
	return diff_descend(d, parent, fd, e);
}

/* Links, devices, fifos: never opened. */
static int diff_special(struct diff *d, int dirfd, const char *name, const struct stat *st, struct err *e)
{
	AUTO_ENTRY struct entry en = {0};
	char target[LAYER_PATH_MAX + 1];
	ssize_t n;
	int r;

	if (S_ISSOCK(st->st_mode))
		return 0;
	if (d->o->marks && S_ISCHR(st->st_mode) && st->st_rdev == 0)
		return diff_whiteout(d, e);
	entry_from_stat(&en, st);
	diff_set_path(d, &en);
	r = diff_hard_link(d, st, &en, e);
	if (r)
		return r < 0 ? -1 : 0;
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dirfd, name, target, sizeof target);
		if (n < 0)
			return diff_fail(d, errno, "reading the link", e);
		en.link = mem_strndup(target, (size_t)n);
	}
	if (entry_read_xattrs(&en, dirfd, name, en.path, e) < 0)
		return -1;
	return tar_write_entry(d->t, &en, e);
}

/* --- the walk --- */

static int diff_open(struct diff *d, int *dirfd, const char *name, const struct stat *seen, struct err *e)
{
	AUTO_CLOSE int fd = openat(*dirfd, name, DIFF_OPEN_FLAGS | (S_ISDIR(seen->st_mode) ? O_DIRECTORY : 0));
	struct stat st;

	if (fd < 0)
		return diff_fail(d, errno, "open", e);
	if (fstat(fd, &st) < 0)
		return diff_fail(d, errno, "stat", e);
	if (st.st_ino != seen->st_ino || st.st_dev != seen->st_dev)
		return diff_changed(d, "was replaced", e);
	return S_ISDIR(st.st_mode) ? diff_subdir(d, dirfd, &fd, &st, e) : diff_file(d, fd, &st, e);
}

static int diff_member(struct diff *d, int *dirfd, const char *name, struct err *e)
{
	struct stat st;

	if (d->o->skip && d->o->skip(d->o->arg, buf_str(&d->path)))
		return 0;
	if (d->o->marks && strncmp(name, DIFF_WHITEOUT, strlen(DIFF_WHITEOUT)) == 0) {
		err_set(e, ERR_INPUT, "%s: a layer cannot hold a name that begins with \".wh.\"", buf_str(&d->path));
		return err_hint(e, "image layers use such names to say that a file was removed; give it another name");
	}
	if (fstatat(*dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return diff_fail(d, errno, "stat", e);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return diff_open(d, dirfd, name, &st, e);
	return diff_special(d, *dirfd, name, &st, e);
}

/* All names of a directory, sorted by bytes. */
static int diff_names(struct diff *d, int fd, struct strv *out, struct err *e)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *de;

	if (!dir) {
		int sys = errno;

		if (copy >= 0)
			close(copy);
		return diff_fail(d, sys, "open directory", e);
	}
	while (errno = 0, (de = readdir(dir)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			strv_add(out, de->d_name);
	if (errno)
		return diff_fail(d, errno, "reading directory", e);
	strv_sort(out);
	return 0;
}

static int diff_dir(struct diff *d, int *fd, struct err *e)
{
	AUTO_STRV struct strv names = {0};
	size_t keep = d->path.n;
	int r = 0;

	if (++d->depth > LAYER_DEPTH_MAX)
		return err_set(e, ERR_INPUT, "%.200s...: directories are nested more than %d deep", buf_str(&d->path),
			       LAYER_DEPTH_MAX);
	if (d->o->marks && diff_is_opaque(*fd) && diff_opaque(d, e) < 0)
		return -1;
	if (diff_names(d, *fd, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n && r == 0; i++) {
		if (keep)
			buf_char_add(&d->path, '/');
		buf_str_add(&d->path, names.v[i]);
		if (d->path.over)
			return err_set(e, ERR_INPUT, "%.200s...: a path is longer than %d bytes", buf_str(&d->path), LAYER_PATH_MAX);
		r = diff_member(d, fd, names.v[i], e);
		d->path.n = keep;
		d->path.p[keep] = '\0';
	}
	d->depth--;
	return r;
}

int diff_write(int rootfd, const struct diff_opts *o, struct tar_write *t, struct err *e)
{
	struct diff d = {.o = o, .t = t, .path = BUF_INIT(LAYER_PATH_MAX)};
	struct stat st;
	int r;

	if (fstat(rootfd, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "the root of the tree: stat");
	d.dev = st.st_dev;
	d.io = mem_alloc(DIFF_READ_BYTES);
	r = diff_dir(&d, &rootfd, e);
	free(d.io);
	buf_release(&d.path);
	linkmap_release(&d.links);
	return r;
}
