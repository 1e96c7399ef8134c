/* Names of what tasks name. */
#include "src/sandbox/solo_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "src/util/cleanup.h"

/* As the kernel. */
#define SOLO_LINKS_MAX 40
#define PROC_ROOT_INO  1

/* --- the long way --- */

struct solo_walk {
	const struct solo_req *r;
	int root, at;
	unsigned links;
	char rest[2 * PATH_MAX];
};

static bool same_dir(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool on_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static bool is_proc_root(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == PROC_ROOT_INO && on_proc(fd);
}

static void move_to(struct solo_walk *k, int fd)
{
	close(k->at);
	k->at = fd;
}

/* Put text before what is left to walk. */
static int prepend(struct solo_walk *k, const char *text)
{
	size_t n = strlen(text), have = strlen(k->rest);

	if (n + 1 + have >= sizeof k->rest)
		return -1;
	memmove(k->rest + n + 1, k->rest, have + 1);
	memcpy(k->rest, text, n);
	k->rest[n] = '/';
	if (have == 0)
		k->rest[n] = '\0';
	return 0;
}

/* Take the next component from the rest: its length, 0 at the end. *last: no other comes; *slash: but a slash. */
static size_t next_part(struct solo_walk *k, char part[NAME_MAX + 1], bool *last, bool *slash)
{
	char *p = k->rest + strspn(k->rest, "/");
	size_t n = strcspn(p, "/"), skip;

	if (n > NAME_MAX)
		return SIZE_MAX;
	memcpy(part, p, n);
	part[n] = '\0';
	*slash = p[n] == '/';
	skip = strspn(p + n, "/");
	*last = p[n + skip] == '\0';
	memmove(k->rest, p + n, strlen(p + n) + 1);
	return n;
}

/* The links of /proc's root that name the reader. */
static const char *of_task(const struct solo_walk *k, const char *part, char own[16])
{
	if ((strcmp(part, "self") != 0 && strcmp(part, "thread-self") != 0) || !is_proc_root(k->at))
		return part;
	snprintf(own, 16, "%d", (int)k->r->tid);
	return own;
}

static int follow_link(struct solo_walk *k, int link, const char *part)
{
	char text[PATH_MAX];
	ssize_t n;
	int fd;

	if (++k->links > SOLO_LINKS_MAX)
		return -1;
	/* Below a process they are magic: the kernel goes to the object, whatever its name. */
	if (on_proc(link) && !is_proc_root(k->at)) {
		fd = openat(k->at, part, O_PATH | O_CLOEXEC);
		if (fd >= 0)
			move_to(k, fd);
		return fd < 0 ? -1 : 0;
	}
	n = readlinkat(link, "", text, sizeof text - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	if (text[0] == '/') {
		fd = fcntl(k->root, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return -1;
		move_to(k, fd);
	}
	return prepend(k, text);
}

static int step_into(struct solo_walk *k, const char *part, bool follow)
{
	struct stat st;
	char own[16];
	int fd;

	if (strcmp(part, ".") == 0 || (strcmp(part, "..") == 0 && same_dir(k->at, k->root)))
		return 0;
	part = of_task(k, part, own);
	fd = openat(k->at, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISLNK(st.st_mode) && follow) {
		int r = follow_link(k, fd, part);

		close(fd);
		return r;
	}
	move_to(k, fd);
	return 0;
}

/* Descriptor of what the rest leads to, or -1. */
static int walk(struct solo_walk *k, bool nofollow)
{
	char part[NAME_MAX + 1];
	bool last, slash;
	size_t n;

	while ((n = next_part(k, part, &last, &slash)) > 0)
		if (n == SIZE_MAX || step_into(k, part, !last || slash || !nofollow) < 0)
			return -1;
	return fcntl(k->at, F_DUPFD_CLOEXEC, 3);
}

static int open_base(const struct solo_req *r, int dirfd)
{
	char name[48];

	snprintf(name, sizeof name, dirfd == AT_FDCWD ? "%d/cwd" : "%d/fd/%d", (int)r->tid, dirfd);
	return openat(r->s->proc, name, O_PATH | O_CLOEXEC);
}

static int open_root(const struct solo_req *r)
{
	char name[32];

	snprintf(name, sizeof name, "%d/root", (int)r->tid);
	return openat(r->s->proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int walk_from(const struct solo_req *r, const struct solo_where *w)
{
	AUTO_CLOSE int root = open_root(r);
	struct solo_walk k = {.r = r, .root = root};
	int fd;

	k.at = w->path[0] == '/' ? fcntl(root, F_DUPFD_CLOEXEC, 3) : open_base(r, w->dirfd);
	if (root < 0 || k.at < 0) {
		if (k.at >= 0)
			close(k.at);
		return -1;
	}
	memcpy(k.rest, w->path, strlen(w->path) + 1);
	fd = walk(&k, w->nofollow);
	close(k.at);
	return fd;
}

/* --- the short way --- */

static bool root_differs(const struct solo_req *r)
{
	char name[32];
	struct stat st;

	if (!r->s->chrooted)
		return false;
	snprintf(name, sizeof name, "%d/root", (int)r->tid);
	return fstatat(r->s->proc, name, &st, 0) == 0 && (st.st_dev != r->s->root_dev || st.st_ino != r->s->root_ino);
}

/* Links of the image that lead to /proc/self are missed by this: such a path ends in the directory that hides the
 * supervisor's own entry, so it is not found and left to the kernel. */
static bool names_itself(const char *path)
{
	return strstr(path, "proc/") || strncmp(path, "/dev/fd", 7) == 0 || strncmp(path, "/dev/std", 8) == 0 ||
	       strncmp(path, "self/", 5) == 0;
}

void solo_path_of_fd(int fd, struct solo_name *out)
{
	snprintf(out->text, sizeof out->text, "%d", fd);
	out->follow = true;
}

int64_t solo_path_find(const struct solo_req *r, const struct solo_where *w, struct solo_name *out)
{
	int n;

	out->fd = -1;
	out->follow = w->empty || !w->nofollow;
	if (!w->empty && (names_itself(w->path) || root_differs(r))) {
		out->fd = walk_from(r, w);
		solo_path_of_fd(out->fd, out);
		return out->fd < 0 ? SOLO_NATIVE : 0;
	}
	if (w->path[0] == '/')
		n = snprintf(out->text, sizeof out->text, "%s", w->path);
	else if (w->dirfd == AT_FDCWD)
		n = snprintf(out->text, sizeof out->text, "../../%d/cwd%s%s", (int)r->tid, w->empty ? "" : "/",
			     w->path);
	else
		n = snprintf(out->text, sizeof out->text, "../../%d/fd/%d%s%s", (int)r->tid, w->dirfd,
			     w->empty ? "" : "/", w->path);
	return n < 0 || n >= PATH_MAX ? SOLO_NATIVE : 0;
}

int64_t solo_path_open(const struct solo_req *r, const struct solo_where *w, int flags)
{
	AUTO_SOLO_NAME struct solo_name name = {.fd = -1};
	int64_t n = solo_path_find(r, w, &name);
	int fd;

	if (n != 0)
		return n;
	if (name.fd >= 0 && !(flags & O_DIRECTORY))
		return STEAL_FD(name.fd);
	fd = open(name.text, O_PATH | O_CLOEXEC | flags | (name.follow ? 0 : O_NOFOLLOW));
	return fd < 0 ? SOLO_NATIVE : fd;
}

/* --- what is to be made --- */

static bool is_leaf(const char *s)
{
	return s[0] && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

int64_t solo_path_parent(const struct solo_req *r, struct solo_where *w)
{
	struct solo_where dir = {.dirfd = w->dirfd};
	char *slash = strrchr(w->path, '/');
	const char *leaf = slash ? slash + 1 : w->path;

	if (!is_leaf(leaf))
		return SOLO_NATIVE;
	if (slash) {
		size_t n = slash == w->path ? 1 : (size_t)(slash - w->path);

		memcpy(dir.path, w->path, n);
		dir.path[n] = '\0';
		memmove(w->path, leaf, strlen(leaf) + 1);
	} else {
		dir.empty = true;
	}
	return solo_path_open(r, &dir, O_DIRECTORY);
}

/* One link further. */
static int64_t follow_dangling(const struct solo_req *r, int *parent, struct solo_where *w)
{
	AUTO_CLOSE int root = open_root(r);
	char text[PATH_MAX], *slash;
	ssize_t n = readlinkat(*parent, w->path, text, sizeof text - 1);
	struct solo_walk k = {.r = r, .root = root};
	int fd;

	if (n <= 0 || root < 0)
		return SOLO_NATIVE;
	text[n] = '\0';
	slash = strrchr(text, '/');
	if (!is_leaf(slash ? slash + 1 : text))
		return SOLO_NATIVE;
	memcpy(w->path, slash ? slash + 1 : text, strlen(slash ? slash + 1 : text) + 1);
	if (!slash)
		return 0;
	slash[1] = '\0';
	memcpy(k.rest, text, strlen(text) + 1);
	k.at = fcntl(text[0] == '/' ? root : *parent, F_DUPFD_CLOEXEC, 3);
	fd = k.at < 0 ? -1 : walk(&k, false);
	if (k.at >= 0)
		close(k.at);
	if (fd < 0)
		return SOLO_NATIVE;
	close(*parent);
	*parent = fd;
	return 0;
}

int64_t solo_path_dangling(const struct solo_req *r, int *parent, struct solo_where *w)
{
	struct stat st;

	for (unsigned i = 0; i < SOLO_LINKS_MAX; i++) {
		if (fstatat(*parent, w->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : SOLO_NATIVE;
		if (!S_ISLNK(st.st_mode) || follow_dangling(r, parent, w) != 0)
			return SOLO_NATIVE;
	}
	return SOLO_NATIVE;
}
