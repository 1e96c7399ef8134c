/* Extraction: directories, and the way to the one that holds a member. */
#include <errno.h>
#include <sys/xattr.h>

#include "oci/apply_priv.h"
#include "oci/limits.h"
#include "oci/mark.h"
#include "src/util/aclrec.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path.h"

static void apply_forget_parent(struct apply *a)
{
	free(a->parent_path);
	a->parent_path = NULL;
	if (a->parent_fd >= 0)
		close(a->parent_fd);
	a->parent_fd = -1;
}

int apply_dir_note(struct apply *a, const char *path, int64_t mtime, const struct entry *en, struct err *e)
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

int apply_dir_set_opaque(const char *path, int fd, struct err *e)
{
	if (fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) == 0)
		return 0;
	apply_fail(path, errno, "marking it as opaque", e);
	return err_hint(e, "the store must lie on a file system with user extended attributes");
}

/* Make a directory where nothing is, or a whiteout, which leaves "opaque" behind. Returns it open. */
static int apply_mkdir(const struct apply_at *at, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	bool opaque = false;
	struct stat st;

	if (fstatat(at->dirfd, at->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		opaque = mark_is_whiteout(at->dirfd, at->leaf, &st);
		if (unlinkat(at->dirfd, at->leaf, 0) < 0)
			return apply_fail(path, errno, "replacing what was there", e);
	}
	if (mkdirat(at->dirfd, at->leaf, 0700) < 0)
		return apply_fail(path, errno, "making the directory", e);
	fd = openat(at->dirfd, at->leaf, APPLY_DIR_FLAGS);
	if (fd < 0)
		return apply_fail(path, errno, "opening the new directory", e);
	if (opaque && apply_dir_set_opaque(path, fd, e) < 0)
		return -1;
	return STEAL_FD(fd);
}

/* A directory that the tar has only as part of a path: 0:0, 0755, the time of the member that needs it. */
static int apply_implied(struct apply *a, const struct apply_at *at, const char *path, int64_t mtime, struct err *e)
{
	static const struct ownrec implied = {.mode = S_IFDIR | 0755};
	AUTO_CLOSE int fd = apply_mkdir(at, path, e);

	if (fd < 0)
		return -1;
	if (a->o->own ? fchmod(fd, 0755) < 0 : ownview_write(a->o->view, fd, "", &implied) < 0)
		return apply_fail(path, errno, "setting its owner and mode", e);
	if (a->o->implied)
		strv_add(a->o->implied, path);
	return apply_dir_note(a, path, mtime, NULL, e);
}

/* One step down from *fd into the part of path that ends at `end`. */
static int apply_step(struct apply *a, int *fd, const char *path, size_t from, size_t end, int64_t mtime, struct err *e)
{
	AUTO_FREE char *upto = mem_strndup(path, end);
	struct apply_at at = {*fd, upto + from};
	int next = openat(at.dirfd, at.leaf, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (next < 0 && errno != ENOENT && fstatat(at.dirfd, at.leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !mark_is_whiteout(at.dirfd, at.leaf, &st))
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
int apply_dir_locate(struct apply *a, const char *path, int64_t mtime, struct apply_at *at, struct err *e)
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

/* A directory that was needed before its own member came. */
static void apply_not_implied(struct apply *a, const char *path)
{
	struct strv *v = a->o->implied;

	for (size_t i = 0; v && i < v->n; i++)
		if (strcmp(v->v[i], path) == 0) {
			free(v->v[i]);
			memmove(&v->v[i], &v->v[i + 1], (--v->n - i) * sizeof *v->v);
			return;
		}
}

int apply_dir_make(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
{
	AUTO_CLOSE int fd = openat(at->dirfd, at->leaf, APPLY_DIR_FLAGS);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return apply_fail(en->path, errno, "opening the directory", e);
	if (fd < 0)
		fd = apply_mkdir(at, en->path, e);
	else
		apply_not_implied(a, en->path);
	if (fd < 0 || apply_metadata(a, fd, "", en, e) < 0)
		return -1;
	return apply_dir_note(a, en->path, en->mtime, en, e);
}

/* Times of directories, now that nothing is put into them any more, and what their entries must not inherit. */
static int apply_finish_dir(struct apply *a, const struct apply_dir *d, struct err *e)
{
	const struct timespec ts[2] = {{.tv_sec = d->mtime}, {.tv_sec = d->mtime}};
	static char default_acl[] = ACLREC_DEFAULT;
	const struct entry_xattr acl = {.name = default_acl, .val = d->acl, .n = d->nacl};
	AUTO_CLOSE int fd = path_open_nolinks(a->root, d->path, APPLY_DIR_FLAGS, 0);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0; /* replaced by a later member */
	if (fd < 0)
		return apply_fail(d->path, errno, "opening the directory", e);
	if (d->acl && apply_meta_xattr(fd, NULL, a->o->view, &acl) < 0)
		apply_meta_lose(&a->loss, d->path, "the default access control list");
	return futimens(fd, ts) == 0 ? 0 : apply_fail(d->path, errno, "setting its time", e);
}

int apply_dir_finish(struct apply *a, struct err *e)
{
	for (size_t i = 0; i < a->dirs.n; i++)
		if (apply_finish_dir(a, &a->dirs.v[i], e) < 0)
			return -1;
	return 0;
}

void apply_dir_release(struct apply *a)
{
	apply_forget_parent(a);
	for (size_t i = 0; i < a->dirs.n; i++) {
		free(a->dirs.v[i].path);
		free(a->dirs.v[i].acl);
	}
	vec_release(&a->dirs);
}
