/* Sources and attachment of a step's own mounts. */
#include "src/sandbox/usermount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/sandbox/mounts_child.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/ownrec.h"
#include "src/util/path.h"

#define TMPFS_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
/* Of a tmpfs, beside the bytes of its one file. */
#define FILE_OVERHEAD 65536
#define SECRET_ATTRS  (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define SECRET_NAME   "file"

void usermount_release(struct usermounts *u)
{
	for (size_t i = 0; i < u->n; i++) {
		if (u->v[i].tree >= 0)
			close(u->v[i].tree);
		free(u->v[i].path);
	}
	vec_release(u);
}

/* --- sources --- */

static int source_error(const struct sandbox_mount *m, int sys, struct err *e)
{
	if (sys == ENOENT || sys == ENOTDIR || sys == ELOOP)
		return err_set(e, ERR_INPUT, "--mount %s: source \"%s\": %s", m->target, m->source, strerror(sys));
	return err_sys(e, ERR_HOST, sys, "--mount %s", m->target);
}

/* Older kernels copy only what is attached in our namespace: the new mount is put on the scratch directory for the
 * moment in which `path` of it is copied. */
static int part_of(const struct sandbox_mount *m, int mnt, int place, const char *path, struct err *e)
{
	AUTO_CLOSE int at = -1;
	int tree = -1;

	if (move_mount(mnt, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, ERR_HOST, errno, "--mount %s", m->target);
	at = path_open_in(mnt, path, O_PATH, 0);
	if (at >= 0)
		tree = open_tree(at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		source_error(m, errno, e);
	if (fchdir(mnt) < 0 || umount2(".", MNT_DETACH) < 0 || fchdir(place) < 0) {
		if (tree >= 0)
			close(tree);
		return err_is_set(e) ? -1 : err_sys(e, ERR_HOST, errno, "--mount %s", m->target);
	}
	return tree;
}

static int open_stack(const struct sandbox_mount *m, int place, struct err *e)
{
	AUTO_CLOSE int mnt = overlay_mount(&m->stack, e);

	return mnt < 0 ? -1 : part_of(m, mnt, place, m->source && m->source[0] ? m->source : "/", e);
}

static int open_tmpfs(const struct sandbox_mount *m, struct err *e)
{
	AUTO_FREE char *options = m->size ? mem_printf("source=tmpfs,mode=1777,size=%llu", (unsigned long long)m->size)
					  : mem_strdup("source=tmpfs,mode=1777");
	int mnt = mounts_child_fs("tmpfs", options, TMPFS_ATTRS);

	return mnt < 0 ? err_sys(e, ERR_HOST, errno, "--mount %s: new tmpfs", m->target) : mnt;
}

/* The supervisor of tier solo shows what is recorded; on a tmpfs before Linux 6.6, which takes no such attribute, the
 * secret looks like root's: its step may read it all the same. */
static bool record_owner(const struct sandbox_mount *m, int fd)
{
	const struct ownrec rec = {.uid = m->uid, .gid = m->gid};

	return ownrec_set(fd, &rec) == 0 || errno == ENOTSUP;
}

static int write_secret(const struct sandbox_mount *m, int dir, bool solo, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, SECRET_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "--mount %s", m->target);
	if (io_write_all(fd, m->data, m->len, m->target, e) < 0)
		return -1;
	if (fchown(fd, m->uid, m->gid) < 0 && errno == EINVAL && !(solo && record_owner(m, fd))) {
		err_set(e, ERR_HOST, "--mount %s: owner %u:%u is outside this user's id range", m->target, m->uid,
			m->gid);
		return err_hint(e, "give this user a larger range in /etc/subuid and /etc/subgid");
	}
	if (fchmod(fd, m->mode & 07777) < 0)
		return err_sys(e, ERR_HOST, errno, "--mount %s", m->target);
	return 0;
}

/* On a file system of its own that ends with the step: its bytes reach no disk of ours. A script may be executed. */
static int open_file(const struct sandbox_mount *m, int place, bool solo, struct err *e)
{
	AUTO_FREE char *options = mem_printf("mode=0755,size=%zu", m->len + FILE_OVERHEAD);
	AUTO_CLOSE int mnt = mounts_child_fs("tmpfs", options, m->mode & 0111 ? TMPFS_ATTRS : SECRET_ATTRS);

	if (mnt < 0)
		return err_sys(e, ERR_HOST, errno, "--mount %s: new tmpfs", m->target);
	return write_secret(m, mnt, solo, e) < 0 ? -1 : part_of(m, mnt, place, SECRET_NAME, e);
}

static int open_bind(const struct sandbox_mount *m, int store, struct err *e)
{
	int tree = open_tree(store, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

	return tree < 0 ? source_error(m, errno, e) : tree;
}

/* With all that is mounted below it: in a user namespace a part of that cannot be had without the rest. */
static int open_host(const struct sandbox_mount *m, struct err *e)
{
	struct mount_attr a = {.attr_set =
				       MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | (m->readonly ? MOUNT_ATTR_RDONLY : 0)};
	int tree = open_tree(AT_FDCWD, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree < 0)
		return source_error(m, errno, e);
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof a) == 0)
		return tree;
	err_sys(e, ERR_HOST, errno, "--mount %s", m->target);
	close(tree);
	return -1;
}

static int open_source(const struct sandbox_mount *m, int store, int place, bool solo, struct err *e)
{
	switch (m->kind) {
	case SANDBOX_BIND:
		return open_bind(m, store, e);
	case SANDBOX_HOST:
		return open_host(m, e);
	case SANDBOX_STACK:
		return open_stack(m, place, e);
	case SANDBOX_TMPFS:
		return open_tmpfs(m, e);
	case SANDBOX_FILE:
		return open_file(m, place, solo, e);
	}
	return err_set(e, ERR_INTERNAL, "kind of mount %d", (int)m->kind);
}

static int open_one(const struct sandbox_mount *m, int store, int place, bool solo, struct usermount *u, struct err *e)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_NODEV | (m->readonly ? MOUNT_ATTR_RDONLY : 0)};
	struct stat st;

	u->tree = open_source(m, store, place, solo, e);
	if (u->tree < 0)
		return -1;
	if (mount_setattr(u->tree, "", AT_EMPTY_PATH, &a, sizeof a) < 0 || fstat(u->tree, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "--mount %s", m->target);
	u->is_file = !S_ISDIR(st.st_mode);
	if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode))
		return 0;
	return err_set(e, ERR_INPUT, "--mount %s: source \"%s\" is neither a file nor a directory", m->target,
		       m->source);
}

int usermount_open(const struct sandbox_spec *s, struct usermounts *out, struct err *e)
{
	if (!s->nmounts)
		return 0;
	AUTO_CLOSE int store = overlay_reopen(s->root.dirfd);
	AUTO_CLOSE int place = store < 0 ? -1 : openat(store, s->scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (place < 0)
		return err_sys(e, ERR_HOST, errno, "%s", s->scratch);
	for (size_t i = 0; i < s->nmounts; i++) {
		struct usermount u = {.m = &s->mounts[i], .tree = -1, .under = USERMOUNT_ROOT};
		int rc = open_one(&s->mounts[i], store, place, s->tier->tier == TIER_SOLO, &u, e);

		vec_push(out, u);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* --- attachment --- */

/* A mount point in something that is mounted already: it goes with that, or stays in a cache as an empty one. */
static int make_point(int parent, const char *rel, const struct usermount *u, struct err *e)
{
	AUTO_FREE char *dir = path_dir(rel);
	AUTO_CLOSE int fd = path_mkdirs_in(parent, u->is_file ? dir : rel, 0755, 0, 0, e);

	if (fd < 0)
		return err_wrap(e, "--mount %s: making the mount point", u->m->target);
	if (!u->is_file)
		return 0;
	AUTO_CLOSE int file = openat(fd, path_base(rel), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

	return file < 0 ? err_sys(e, ERR_HOST, errno, "--mount %s: making the mount point", u->m->target) : 0;
}

static int open_nested(int root, const struct usermounts *all, const struct usermount *u, struct err *e)
{
	bool dev = u->under == USERMOUNT_DEV;
	const char *above = dev ? "dev" : all->v[u->under].path;
	const char *rel = u->path + strlen(above) + 1;
	AUTO_CLOSE int own = dev ? path_open_nolinks(root, "dev", O_PATH | O_DIRECTORY, 0) : -1;
	int parent = dev ? own : all->v[u->under].tree;
	int fd = path_open_nolinks(parent, rel, O_PATH | O_NOFOLLOW, 0);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (make_point(parent, rel, u, e) < 0)
		return -1;
	return path_open_nolinks(parent, rel, O_PATH | O_NOFOLLOW, 0);
}

static int attach(int root, const struct usermounts *all, const struct usermount *u, struct err *e)
{
	AUTO_CLOSE int at = u->under == USERMOUNT_ROOT ? path_open_nolinks(root, u->path, O_PATH | O_NOFOLLOW, 0)
						       : open_nested(root, all, u, e);
	struct stat st;

	if (err_is_set(e))
		return -1;
	if (at < 0 || fstat(at, &st) < 0)
		return err_set(e, ERR_INPUT, "--mount %s: the target cannot be opened: %s", u->m->target,
			       strerror(errno));
	if (S_ISDIR(st.st_mode) == u->is_file)
		return err_set(e, ERR_INPUT, "--mount %s: the source is a %s, the target is a %s", u->m->target,
			       u->is_file ? "file" : "directory", u->is_file ? "directory" : "file");
	if (move_mount(u->tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, ERR_HOST, errno, "--mount %s", u->m->target);
	return 0;
}

int usermount_attach(int root, struct usermounts *u, struct err *e)
{
	for (size_t i = 0; i < u->n; i++)
		if (attach(root, u, &u->v[i], e) < 0)
			return -1;
	return 0;
}
