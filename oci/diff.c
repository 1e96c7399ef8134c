/* A tree on disk as members of a canonical tar. */
#include "oci/diff.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "oci/limits.h"
#include "oci/linkmap.h"
#include "oci/mark.h"
#include "oci/treewalk.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"

#define DIFF_READ_BYTES ((size_t)256 << 10)
#define DIFF_WHITEOUT	".wh."
#define DIFF_OPAQUE	".wh..wh..opq"
/* O_NONBLOCK: should a fifo take the file's place, the open must not wait. */
#define DIFF_FILE_FLAGS (O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

struct diff {
	const struct diff_opts *o;
	struct tar_write *t;
	struct linkmap links;
	char *io; /* DIFF_READ_BYTES */
};

static int diff_fail(const struct treewalk_item *it, int sys, const char *doing, struct err *e)
{
	return err_sys(e, ERR_HOST, sys, "%s: %s", it->path, doing);
}

/* --- content --- */

static int diff_changed(const struct treewalk_item *it, const char *how, struct err *e)
{
	err_set(e, ERR_INPUT, "%s: %s while it was read", it->path, how);
	return err_hint(e, "something still writes to the tree; the layer would not be what its digest says");
}

static int diff_content(struct diff *d, const struct treewalk_item *it, int fd, uint64_t size, struct err *e)
{
	uint64_t left = size;

	while (left) {
		size_t want = left < DIFF_READ_BYTES ? (size_t)left : DIFF_READ_BYTES;
		ssize_t n = read(fd, d->io, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return diff_fail(it, errno, "read", e);
		if (n == 0)
			return diff_changed(it, "became shorter", e);
		if (tar_write_data(d->t, d->io, (size_t)n, e) < 0)
			return err_wrap(e, "%s", it->path);
		left -= (uint64_t)n;
	}
	return 0;
}

/* One more stat at the end is cheaper than one more read, and sees growth as well as rewriting in place. */
static int diff_check_same(const struct treewalk_item *it, int fd, struct err *e)
{
	const struct stat *was = &it->st;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return diff_fail(it, errno, "stat", e);
	if (st.st_size != was->st_size)
		return diff_changed(it, "changed its size", e);
	if (st.st_mtim.tv_sec != was->st_mtim.tv_sec || st.st_mtim.tv_nsec != was->st_mtim.tv_nsec)
		return diff_changed(it, "was written to", e);
	return 0;
}

/* --- overlay marks --- */

static bool diff_has_mark(int fd, const char *name)
{
	return fgetxattr(fd, name, NULL, 0) >= 0;
}

/* overlayfs's features that would make the upper directory unreadable without the lower ones. */
static int diff_check_upper(const struct treewalk_item *it, int fd, struct err *e)
{
	static const char *const bad[] = {"user.overlay.redirect", "user.overlay.metacopy"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (diff_has_mark(fd, bad[i]))
			return err_set(e, ERR_INTERNAL,
				       "%s: the overlay was mounted with a feature that layers cannot keep (%s)",
				       it->path, bad[i]);
	return 0;
}

/* Whiteouts and opaque marks have no metadata of their own: all fields are 0. */
static int diff_whiteout(struct diff *d, const struct treewalk_item *it, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%.*s" DIFF_WHITEOUT "%s", (int)(it->name - it->path), it->path, it->name);

	return tar_write_file(d->t, path, 0, 0, "", 0, e);
}

static int diff_opaque(struct diff *d, const struct treewalk_item *it, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s%s" DIFF_OPAQUE, it->path, it->path[0] ? "/" : "");

	return tar_write_file(d->t, path, 0, 0, "", 0, e);
}

/* --- members --- */

/* Metadata as the image has them; `name` below dirfd, or dirfd itself. */
static int diff_recorded(struct diff *d, const struct treewalk_item *it, int dirfd, const char *name, struct entry *en,
			 struct err *e)
{
	struct stat st = it->st;
	int n = ownview_read(d->o->view, dirfd, name, &st);

	if (n < 0)
		return diff_fail(it, errno, "reading the recorded owner", e);
	entry_from_stat(en, &st);
	if (n == 0 || !d->o->owners)
		return 0;
	return owners_note(d->o->owners, d->o->view, dirfd, name, it->st.st_mode, it->path[0] ? it->path : ".", e);
}

/* A further name of an inode that was written already: 1 if so, and done. */
static int diff_hard_link(struct diff *d, const struct treewalk_item *it, struct entry *en, struct err *e)
{
	const char *first = it->st.st_nlink > 1 ? linkmap_first(&d->links, &it->st, it->path) : NULL;

	if (!first)
		return 0;
	en->hard = true;
	en->link = mem_strdup(first);
	return tar_write_entry(d->t, en, e) < 0 ? -1 : 1;
}

static int diff_file(struct diff *d, const struct treewalk_item *it, struct err *e)
{
	AUTO_ENTRY struct entry en = {0};
	AUTO_CLOSE int fd = openat(it->dirfd, it->name, DIFF_FILE_FLAGS);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return diff_fail(it, errno, "open", e);
	if (st.st_ino != it->st.st_ino || (st.st_mode & S_IFMT) != (it->st.st_mode & S_IFMT))
		return diff_changed(it, "was replaced", e);
	if (d->o->marks && st.st_size == 0 && diff_has_mark(fd, "user.overlay.whiteout"))
		return diff_whiteout(d, it, e);
	if (d->o->marks && diff_check_upper(it, fd, e) < 0)
		return -1;
	en.path = mem_strdup(it->path);
	if (diff_recorded(d, it, fd, "", &en, e) < 0)
		return -1;
	r = diff_hard_link(d, it, &en, e);
	if (r)
		return r < 0 ? -1 : 0;
	if (entry_read_xattrs(&en, d->o->view, fd, NULL, en.path, e) < 0 || tar_write_entry(d->t, &en, e) < 0)
		return -1;
	if (!S_ISREG(en.mode))
		return 0; /* a placeholder */
	return diff_content(d, it, fd, en.size, e) < 0 ? -1 : diff_check_same(it, fd, e);
}

static int diff_dir(struct diff *d, const struct treewalk_item *it, struct err *e)
{
	AUTO_ENTRY struct entry en = {0};
	bool root = !it->path[0];

	if (d->o->marks && diff_check_upper(it, it->fd, e) < 0)
		return -1;
	en.path = mem_strdup(it->path);
	if (diff_recorded(d, it, it->fd, "", &en, e) < 0)
		return -1;
	if (!root &&
	    (entry_read_xattrs(&en, d->o->view, it->fd, NULL, en.path, e) < 0 || tar_write_entry(d->t, &en, e) < 0))
		return -1;
	return d->o->marks && mark_is_opaque(it->fd) ? diff_opaque(d, it, e) : 0;
}

/* Links, devices, fifos: never opened. */
static int diff_special(struct diff *d, const struct treewalk_item *it, struct err *e)
{
	AUTO_ENTRY struct entry en = {0};
	char target[LAYER_PATH_MAX];
	ssize_t n;
	int r;

	if (S_ISSOCK(it->st.st_mode))
		return 0;
	if (d->o->marks && S_ISCHR(it->st.st_mode) && it->st.st_rdev == 0)
		return diff_whiteout(d, it, e);
	en.path = mem_strdup(it->path);
	if (diff_recorded(d, it, it->dirfd, it->name, &en, e) < 0)
		return -1;
	r = diff_hard_link(d, it, &en, e);
	if (r)
		return r < 0 ? -1 : 0;
	if (S_ISLNK(it->st.st_mode)) {
		n = readlinkat(it->dirfd, it->name, target, sizeof target);
		if (n < 0)
			return diff_fail(it, errno, "reading the link", e);
		en.link = mem_strndup(target, (size_t)n);
	}
	if (entry_read_xattrs(&en, d->o->view, it->dirfd, it->name, en.path, e) < 0)
		return -1;
	return tar_write_entry(d->t, &en, e);
}

static int diff_check_name(const struct diff *d, const struct treewalk_item *it, struct err *e)
{
	if (!d->o->marks || strncmp(it->name, DIFF_WHITEOUT, strlen(DIFF_WHITEOUT)) != 0)
		return 0;
	err_set(e, ERR_INPUT, "%s: a layer cannot hold a name that begins with \".wh.\"", it->path);
	return err_hint(e, "image layers use such names to say that a file was removed; give it another name");
}

static int diff_item(struct diff *d, struct treewalk *w, const struct treewalk_item *it, struct err *e)
{
	if (it->leave)
		return 0;
	if (it->path[0] && d->o->skip && d->o->skip(d->o->arg, it->path)) {
		treewalk_skip(w);
		return 0;
	}
	if (diff_check_name(d, it, e) < 0)
		return -1;
	if (S_ISDIR(it->st.st_mode))
		return diff_dir(d, it, e);
	return S_ISREG(it->st.st_mode) ? diff_file(d, it, e) : diff_special(d, it, e);
}

int diff_write(int rootfd, const struct diff_opts *o, struct tar_write *t, struct err *e)
{
	AUTO_TREEWALK struct treewalk *w = treewalk_open(rootfd, e);
	AUTO_FREE char *io = mem_alloc(DIFF_READ_BYTES);
	struct diff d = {.o = o, .t = t, .io = io};
	struct treewalk_item it;
	int r = w ? 1 : -1;

	while (r > 0 && (r = treewalk_next(w, &it, e)) > 0)
		if (diff_item(&d, w, &it, e) < 0)
			r = -1;
	linkmap_release(&d.links);
	return r;
}
