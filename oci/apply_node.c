/* Extraction: files, links, devices. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "oci/apply_path.h"
#include "oci/apply_priv.h"
#include "oci/mark.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* Linux: MINORBITS and the rest of a 32-bit dev_t. */
#define APPLY_MAJOR_MAX 4095u
#define APPLY_MINOR_MAX 1048575u
/* Zeros of at least this size become a hole. */
#define APPLY_HOLE_BYTES 4096

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
int apply_node_file(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
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
	if (apply_metadata(a, fd, "", en, e) < 0)
		return -1;
	return apply_set_file_time(fd, en, e);
}

static int apply_make_special(const struct apply_at *at, const struct entry *en)
{
	if (S_ISLNK(en->mode))
		return symlinkat(en->link, at->dirfd, at->leaf);
	if (S_ISFIFO(en->mode))
		return mkfifoat(at->dirfd, at->leaf, 0600);
	return mknodat(at->dirfd, at->leaf, (en->mode & S_IFMT) | 0600, makedev(en->major, en->minor));
}

int apply_node_special(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
{
	int r = apply_make_special(at, en);

	if (r < 0 && errno == EEXIST) {
		if (apply_clear(at, en->path, e) < 0)
			return -1;
		r = apply_make_special(at, en);
	}
	if (r < 0)
		return apply_fail(en->path, errno, "making it", e);
	return apply_metadata(a, at->dirfd, at->leaf, en, e);
}

/* 0:0 as a character device would be a whiteout, so it is always recorded. */
int apply_node_device(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
{
	if (a->o->own && !a->o->may_mknod) {
		apply_meta_lose(&a->loss, en->path, "a device node");
		return 0;
	}
	if (en->major > APPLY_MAJOR_MAX || en->minor > APPLY_MINOR_MAX)
		return err_set(e, ERR_INPUT, "%s: no device can have the number %u:%u", en->path, en->major, en->minor);
	if (!a->o->may_mknod || (!en->major && !en->minor))
		return apply_node_file(a, at, en, e);
	if (apply_node_special(a, at, en, e) == 0)
		return 0;
	/* A control group of devices may not let a container make this one. */
	if (e->sys != EPERM || a->o->own)
		return -1;
	err_release(e);
	return apply_node_file(a, at, en, e);
}

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

/* The first name may yet be replaced; this one keeps what is recorded of the inode. */
static int apply_linked(struct apply *a, const struct entry *en, struct err *e)
{
	return a->recorded.n ? apply_note_recorded(a, en->path, e) : 0;
}

int apply_node_hard_link(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
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
	if (dir < 0 || fstatat(dir, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0 || mark_is_whiteout(dir, leaf, &st))
		return apply_no_target(en, target, "is not in this layer", e);
	if (S_ISDIR(st.st_mode))
		return apply_no_target(en, target, "is a directory", e);
	if (linkat(dir, leaf, at->dirfd, at->leaf, 0) == 0)
		return apply_linked(a, en, e);
	if (errno != EEXIST)
		return apply_fail(en->path, errno, "making the hard link", e);
	if (apply_clear(at, en->path, e) < 0)
		return -1;
	return linkat(dir, leaf, at->dirfd, at->leaf, 0) == 0 ? apply_linked(a, en, e)
							      : apply_fail(en->path, errno, "making the hard link", e);
}
