/* Resolution of a path beneath a root descriptor without openat2(2). */
#include "src/util/path_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/vec.h"

#define PATH_WALK_ENTER (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct path_walk {
	int rootfd;
	int fd; /* where the walk is */
	const struct path_walk_how *how;
	struct strv names; /* from the root to fd */
	char *rest;	   /* what is still to be walked */
	unsigned links;
};

static void path_walk_release(struct path_walk *w)
{
	int saved = errno;

	if (w->fd >= 0)
		close(w->fd);
	strv_release(&w->names);
	free(w->rest);
	errno = saved;
}

static int path_walk_enter(struct path_walk *w, const char *name)
{
	int fd = openat(w->fd, name, PATH_WALK_ENTER);

	if (fd < 0)
		return -1;
	close(w->fd);
	w->fd = fd;
	return 0;
}

static int path_walk_restart(struct path_walk *w)
{
	int fd = openat(w->rootfd, ".", PATH_WALK_ENTER);

	if (fd < 0)
		return -1;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	return 0;
}

static int path_walk_up(struct path_walk *w)
{
	if (w->names.n == 0) {
		errno = EXDEV;
		return w->how->nolinks ? -1 : 0;
	}
	free(w->names.v[--w->names.n]);
	if (path_walk_restart(w) < 0)
		return -1;
	for (size_t i = 0; i < w->names.n; i++)
		if (path_walk_enter(w, w->names.v[i]) < 0)
			return -1;
	return 0;
}

/* The target takes the place of the link, in front of the rest. */
static int path_walk_link(struct path_walk *w, const char *name)
{
	AUTO_FREE char *target = NULL;
	char *rest;

	if (w->how->nolinks || ++w->links > PATH_WALK_LINKS_MAX) {
		errno = ELOOP;
		return -1;
	}
	target = path_readlink_at(w->fd, name);
	if (!target)
		return -1;
	rest = mem_printf("%s%s", target, w->rest);
	free(w->rest);
	w->rest = rest;
	if (target[0] != '/')
		return 0;
	strv_release(&w->names);
	return path_walk_restart(w);
}

/* Owner before mode: chown clears set-id bits. Made with 0700 so that it can be opened whatever the mode will be. */
static int path_walk_mkdir(struct path_walk *w, const char *name)
{
	const struct path_walk_how *how = w->how;
	AUTO_CLOSE int fd = -1;

	if (mkdirat(w->fd, name, 0700) < 0)
		return errno == EEXIST ? 0 : -1; /* somebody else made it just now */
	fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (how->view) {
		const struct ownrec want = {how->uid, how->gid, S_IFDIR | (how->mode & 07777), 0, 0};

		return ownview_write(how->view, fd, "", &want) < 0 ? -1 : 0;
	}
	if ((how->uid != (uid_t)-1 || how->gid != (gid_t)-1) && fchown(fd, how->uid, how->gid) < 0)
		return -1;
	return fchmod(fd, how->mode);
}

/* Cut the next component off the rest; NULL at the end. */
static char *path_walk_next(struct path_walk *w)
{
	size_t from = strspn(w->rest, "/"), n = strcspn(w->rest + from, "/");
	char *name;

	if (n == 0)
		return NULL;
	name = mem_strndup(w->rest + from, n);
	memmove(w->rest, w->rest + from + n, strlen(w->rest + from + n) + 1);
	return name;
}

/* Into the directory `name`, or the link that it is. */
static int path_walk_step(struct path_walk *w, const char *name, const struct stat *st)
{
	if (st && S_ISLNK(st->st_mode))
		return path_walk_link(w, name);
	if (!st && (!w->how->make || path_walk_mkdir(w, name) < 0))
		return -1;
	if (path_walk_enter(w, name) < 0)
		return -1;
	strv_add(&w->names, name);
	return 0;
}

/* One component. 1: it is the last one and stays to be opened, 0: go on, -1 with errno. */
static int path_walk_component(struct path_walk *w, const char *name)
{
	bool last = !w->how->make && w->rest[strspn(w->rest, "/")] == '\0';
	bool follow = !last || w->how->follow || w->rest[0] == '/';
	struct stat st;
	int r;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return path_walk_up(w);
	if (!follow)
		return 1;
	r = fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW);
	if (r < 0 && errno != ENOENT)
		return -1;
	if (last && (r < 0 || !S_ISLNK(st.st_mode)))
		return 1;
	return path_walk_step(w, name, r < 0 ? NULL : &st);
}

int path_walk_parent(int rootfd, const char *path, const struct path_walk_how *how, char **leaf, bool *must_dir)
{
	struct path_walk w AUTO(path_walk_release) = {.rootfd = rootfd, .fd = -1, .how = how};

	if (!*path) {
		errno = ENOENT;
		return -1;
	}
	w.rest = mem_strdup(path);
	if (path_walk_restart(&w) < 0)
		return -1;
	*must_dir = false;
	for (;;) {
		AUTO_FREE char *name = path_walk_next(&w);
		int r = name ? path_walk_component(&w, name) : 1;

		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		*leaf = name ? STEAL_PTR(name) : mem_strdup(".");
		*must_dir = w.rest[0] == '/';
		return STEAL_FD(w.fd);
	}
}

int path_walk_open(int rootfd, const char *path, bool nolinks, int flags, mode_t mode)
{
	bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);
	struct path_walk_how how = {.follow = !(flags & O_NOFOLLOW) && !exclusive, .nolinks = nolinks};
	AUTO_FREE char *leaf = NULL;
	bool must_dir;
	AUTO_CLOSE int dirfd = path_walk_parent(rootfd, path, &how, &leaf, &must_dir);

	if (dirfd < 0)
		return -1;
	if (must_dir && (flags & O_CREAT)) {
		errno = EISDIR;
		return -1;
	}
	/* The walk has expanded what is to be followed; a link that comes here now is either wanted (O_PATH|O_NOFOLLOW)
	 * or new. */
	flags |= O_NOFOLLOW | O_CLOEXEC | (must_dir ? O_DIRECTORY : 0);
	return openat(dirfd, leaf, flags, mode);
}
