/* Targets of a step's own mounts: where they lie in the image, and a layer that holds the mount points that it lacks.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/sandbox/usermount.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/tmp.h"
#include "src/util/vec.h"

/* As path_resolution(7). */
#define LINKS_MAX 40
/* Names, and one value, of a directory's attributes that are taken over; more is cut off. */
#define XATTR_MAX 4096

/* --- where a target leads --- */

struct walk {
	int view;	  /* root of the image's layers */
	struct strv done; /* resolved components */
	char *rest;	  /* what is still to be walked */
	unsigned links;
	bool missing; /* the last one of done is not there */
};

static char *joined(const struct strv *parts)
{
	return strv_join(parts, "/");
}

static void drop_last(struct strv *parts)
{
	if (parts->n)
		free(parts->v[--parts->n]);
}

/* A link begins again at the root, or where it lies. */
static int follow(struct walk *w, const char *target)
{
	char *rest = mem_printf("%s/%s", target, w->rest);

	if (++w->links > LINKS_MAX) {
		free(rest);
		errno = ELOOP;
		return -1;
	}
	drop_last(&w->done);
	if (target[0] == '/')
		strv_release(&w->done);
	free(w->rest);
	w->rest = rest;
	return 0;
}

static int look(struct walk *w)
{
	AUTO_FREE char *path = joined(&w->done);
	AUTO_CLOSE int fd = path_open_nolinks(w->view, path, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0) {
		w->missing = errno == ENOENT;
		return w->missing ? 0 : -1;
	}
	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISLNK(st.st_mode))
		return 0;
	AUTO_FREE char *target = path_readlink_at(fd, "");

	return target ? follow(w, target) : -1;
}

static int step(struct walk *w, struct sv name)
{
	if (!name.n || sv_eq_str(name, "."))
		return 0;
	if (sv_eq_str(name, "..")) {
		drop_last(&w->done);
		w->missing = false;
		return 0;
	}
	strv_take(&w->done, sv_dup(name));
	return w->missing ? 0 : look(w);
}

char *usermount_resolve(int view, const char *target)
{
	struct walk w = {.view = view, .rest = mem_strdup(target)};
	char *path = NULL;
	int rc = 0;

	while (rc == 0 && w.rest[0]) {
		size_t n = strcspn(w.rest, "/");
		AUTO_FREE char *name = mem_strndup(w.rest, n);
		char *rest = mem_strdup(w.rest + n + (w.rest[n] == '/'));

		free(w.rest);
		w.rest = rest;
		rc = step(&w, sv_from(name));
	}
	if (rc == 0)
		path = w.done.n ? joined(&w.done) : mem_strdup("");
	strv_release(&w.done);
	free(w.rest);
	return path;
}

/* --- the layer of mount points --- */

static int copy_xattrs(int from, int to)
{
	char names[XATTR_MAX], value[XATTR_MAX];
	ssize_t n = flistxattr(from, names, sizeof names);

	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		ssize_t len = fgetxattr(from, p, value, sizeof value);

		/* A security module's label belongs to the host, and is refused or not supported: no harm. */
		if (len >= 0 && fsetxattr(to, p, value, (size_t)len, 0) < 0 && errno != EPERM && errno != EOPNOTSUPP)
			return -1;
	}
	return 0;
}

/* A directory of the layer lies over the image's: it looks the same. Owner before mode, times last. */
static int copy_meta(int view, int layer, const char *path, struct err *e)
{
	AUTO_CLOSE int from = path_open_nolinks(view, path, O_RDONLY | O_DIRECTORY, 0);
	AUTO_CLOSE int to = path_open_nolinks(layer, path, O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (from < 0 && errno == ENOENT)
		return 0;
	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "mount point in /%s", path);
	const struct timespec times[2] = {st.st_mtim, st.st_mtim};

	if (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0 || copy_xattrs(from, to) < 0 ||
	    futimens(to, times) < 0)
		return err_sys(e, ERR_HOST, errno, "mount point in /%s", path);
	return 0;
}

static int copy_parents(int view, int layer, const char *path, struct err *e)
{
	AUTO_FREE char *at = path_dir(path);

	while (strcmp(at, ".") != 0) {
		char *up = path_dir(at);

		if (copy_meta(view, layer, at, e) < 0) {
			free(up);
			return -1;
		}
		free(at);
		at = up;
	}
	return 0;
}

static int make_point(int layer, const struct usermount *u, struct err *e)
{
	AUTO_FREE char *dir = path_dir(u->path);
	AUTO_CLOSE int fd = path_mkdirs_in(layer, u->is_file ? dir : u->path, 0755, 0, 0, e);

	if (fd < 0)
		return -1;
	if (!u->is_file)
		return 0;
	AUTO_CLOSE int file = openat(fd, path_base(u->path), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

	return file < 0 ? err_sys(e, ERR_HOST, errno, "mount point /%s", u->path) : 0;
}

static bool is_missing(int view, const struct usermount *u)
{
	if (u->under != USERMOUNT_ROOT)
		return false;
	AUTO_CLOSE int fd = path_open_nolinks(view, u->path, O_PATH | O_NOFOLLOW, 0);

	return fd < 0;
}

static int make_points(const struct usermounts *u, int view, int layer, struct err *e)
{
	for (size_t i = 0; i < u->n; i++)
		if (is_missing(view, &u->v[i]) && make_point(layer, &u->v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < u->n; i++)
		if (is_missing(view, &u->v[i]) && copy_parents(view, layer, u->v[i].path, e) < 0)
			return -1;
	return 0;
}

static int make_layer(const struct sandbox_spec *s, const struct usermounts *u, int view, char **layer, struct err *e)
{
	AUTO_CLOSE int at = openat(s->root.dirfd, s->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir = -1;
	AUTO_FREE char *name = NULL;

	if (at < 0)
		return err_sys(e, ERR_HOST, errno, "%s", s->scratch);
	if (tmp_dir(at, "targets", &name, e) < 0)
		return -1;
	dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fchmod(dir, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", name);
	if (make_points(u, view, dir, e) < 0)
		return -1;
	*layer = mem_printf("%s/%s", s->scratch, name);
	return 0;
}

/* --- all together --- */

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool is_kernels(const char *path)
{
	return strcmp(path, "proc") == 0 || strcmp(path, "sys") == 0 || is_below(path, "proc") || is_below(path, "sys");
}

char *usermount_target(int root, const char *target, struct err *e)
{
	AUTO_FREE char *path = usermount_resolve(root, target);

	if (!path)
		err_set(e, ERR_INPUT, "--mount %s: the target cannot be reached in the image: %s", target,
			strerror(errno));
	else if (!path[0])
		err_set(e, ERR_INPUT, "--mount %s: the target is the root of the image", target);
	else if (is_kernels(path))
		err_set(e, ERR_INPUT, "--mount %s: nothing is mounted in /proc and /sys of a step", target);
	return err_is_set(e) ? NULL : STEAL_PTR(path);
}

static int resolve_one(int view, struct usermount *u, struct err *e)
{
	u->path = usermount_target(view, u->m->target, e);
	return u->path ? 0 : -1;
}

/* Stable, few elements. A path comes after every prefix of it. */
static void sort(struct usermounts *u)
{
	for (size_t i = 1; i < u->n; i++)
		for (size_t k = i; k > 0 && strcmp(u->v[k - 1].path, u->v[k].path) > 0; k--) {
			struct usermount t = u->v[k];

			u->v[k] = u->v[k - 1];
			u->v[k - 1] = t;
		}
}

static void find_under(struct usermounts *u)
{
	for (size_t i = 0; i < u->n; i++) {
		if (is_below(u->v[i].path, "dev"))
			u->v[i].under = USERMOUNT_DEV;
		for (size_t k = 0; k < i; k++)
			if (is_below(u->v[i].path, u->v[k].path))
				u->v[i].under = k;
	}
}

/* The image without the step's own upper directory, which cannot be mounted twice. */
static int open_view(const struct sandbox_spec *s, struct err *e)
{
	AUTO_FREE char *empty = mem_printf("%s/empty", s->scratch);
	struct overlay_spec view = s->root;

	if (mkdirat(s->root.dirfd, empty, 0755) < 0 && errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "%s", empty);
	if (!view.nlower && !view.tree) {
		int fd = openat(s->root.dirfd, empty, O_PATH | O_DIRECTORY | O_CLOEXEC);

		return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", empty) : fd;
	}
	view.upper = view.work = NULL;
	view.empty = empty;
	return overlay_mount(&view, e);
}

int usermount_targets(const struct sandbox_spec *s, struct usermounts *u, char **layer, struct err *e)
{
	*layer = NULL;
	if (!u->n)
		return 0;
	AUTO_CLOSE int view = open_view(s, e);
	bool missing = false;

	if (view < 0)
		return -1;
	for (size_t i = 0; i < u->n; i++)
		if (resolve_one(view, &u->v[i], e) < 0)
			return -1;
	sort(u);
	find_under(u);
	for (size_t i = 0; i < u->n; i++)
		missing |= is_missing(view, &u->v[i]);
	return missing ? make_layer(s, u, view, layer, e) : 0;
}
