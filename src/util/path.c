/* Paths: the lexical part, and opening beneath a root. */
#include "src/util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path_walk.h"
#include "src/util/vec.h"

/* A rename or mount anywhere on the host during the resolution of ".." makes openat2 give up with EAGAIN. */
#define PATH_EAGAIN_TRIES   16
#define PATH_LINK_MAX_BYTES ((size_t)64 << 10)

static bool path_pretend_no_openat2;

void path_test_no_openat2(bool on)
{
	path_pretend_no_openat2 = on;
}

bool path_pretends_no_openat2(void)
{
	return path_pretend_no_openat2;
}

/* One component of path_clean; `absolute` decides what ".." does at the beginning. */
static void path_clean_component(struct strv *names, struct sv name)
{
	if (name.n == 0 || sv_eq_str(name, "."))
		return;
	if (!sv_eq_str(name, ".."))
		strv_take(names, sv_dup(name));
	else if (names->n)
		free(names->v[--names->n]);
}

char *path_clean(const char *p)
{
	struct strv names AUTO_STRV = {0};
	struct sv rest = sv_from(p);
	AUTO_FREE char *joined = NULL;

	while (rest.p)
		path_clean_component(&names, sv_cut(&rest, '/'));
	joined = strv_join(&names, "/");
	if (p[0] == '/')
		return mem_printf("/%s", joined);
	return names.n ? STEAL_PTR(joined) : mem_strdup(".");
}

char *path_join(const char *a, const char *b)
{
	AUTO_FREE char *both = NULL;

	if (b[0] == '/')
		return path_clean(b);
	both = a[0] ? mem_printf("%s/%s", a, b) : mem_strdup(b);
	return path_clean(both);
}

const char *path_base(const char *p)
{
	const char *slash = strrchr(p, '/');

	return slash ? slash + 1 : p;
}

char *path_dir(const char *p)
{
	const char *slash = strrchr(p, '/');

	while (slash > p && slash[-1] == '/')
		slash--;
	if (!slash)
		return mem_strdup(".");
	return slash == p ? mem_strdup("/") : mem_strndup(p, (size_t)(slash - p));
}

bool path_is_beneath(const char *p)
{
	struct sv rest = sv_from(p);
	size_t depth = 0;

	if (p[0] == '/')
		return false;
	while (rest.p) {
		struct sv name = sv_cut(&rest, '/');

		if (name.n == 0 || sv_eq_str(name, "."))
			continue;
		if (!sv_eq_str(name, ".."))
			depth++;
		else if (depth-- == 0)
			return false;
	}
	return true;
}

static int path_openat2_once(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	/* openat2 refuses a mode that it has no use for. */
	bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC), .mode = creates ? mode & 07777 : 0, .resolve = resolve};

	if (path_pretend_no_openat2) {
		errno = ENOSYS;
		return -1;
	}
	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* Whether it is openat2 itself that fails: missing, or refused by a filter that says EPERM to what it does not know. */
static bool path_openat2_missing(void)
{
	AUTO_CLOSE int fd = path_openat2_once(AT_FDCWD, "/", O_PATH, 0, 0);

	return fd < 0 && (errno == ENOSYS || errno == EPERM);
}

/* -1 with errno as usual; ENOSYS means: walk instead. */
static int path_openat2(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	int fd, saved;

	for (int i = 0; i < PATH_EAGAIN_TRIES; i++) {
		fd = path_openat2_once(dirfd, path, flags, mode, resolve);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	if (fd >= 0)
		return fd;
	saved = errno;
	/* Paths beyond PATH_MAX can be walked, too. */
	if (saved == EAGAIN || saved == ENAMETOOLONG || (saved == EPERM && path_openat2_missing()))
		saved = ENOSYS;
	errno = saved;
	return -1;
}

int path_open_in(int rootfd, const char *path, int flags, mode_t mode)
{
	int fd = path_openat2(rootfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	if (fd >= 0 || errno != ENOSYS)
		return fd;
	return path_walk_open(rootfd, path, false, flags, mode);
}

int path_open_nolinks(int rootfd, const char *path, int flags, mode_t mode)
{
	size_t slashes = strspn(path, "/");
	const char *p = slashes && !path[slashes] ? "." : path + slashes;
	int fd = path_openat2(rootfd, p, flags, mode, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);

	if (fd >= 0 || errno != ENOSYS)
		return fd;
	return path_walk_open(rootfd, p, true, flags, mode);
}

int path_open_parent(int rootfd, const char *path, char **leaf)
{
	size_t end = strlen(path), from;
	AUTO_FREE char *dir = NULL;
	const char *name;
	int fd;

	while (end && path[end - 1] == '/')
		end--;
	for (from = end; from && path[from - 1] != '/';)
		from--;
	name = path + from;
	if (end == from || sv_eq_str(sv_of(name, end - from), ".") || sv_eq_str(sv_of(name, end - from), "..")) {
		fd = path_open_in(rootfd, *path ? path : ".", O_PATH | O_DIRECTORY, 0);
		if (fd >= 0)
			*leaf = mem_strdup(".");
		return fd;
	}
	dir = from ? mem_strndup(path, from) : mem_strdup(".");
	fd = path_open_in(rootfd, dir, O_PATH | O_DIRECTORY, 0);
	if (fd >= 0)
		*leaf = mem_strndup(name, end - from);
	return fd;
}

static int path_mkdirs_err(int error, const char *path, struct err *e)
{
	if (error == ENOTDIR)
		return err_set(e, ERR_INPUT, "cannot make the directory %s: something on the way is not a directory",
			       path);
	if (error == EINVAL) {
		/* chown(2) to an id that the user namespace has not */
		err_set(e, ERR_HOST, "cannot make the directory %s: its owner is outside this user's id range", path);
		return err_hint(e, "give this user a larger range in /etc/subuid and /etc/subgid");
	}
	return err_sys(e, error == ELOOP || error == ENAMETOOLONG ? ERR_INPUT : ERR_HOST, error,
		       "cannot make the directory %s", path);
}

int path_mkdirs_in(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *e)
{
	return path_mkdirs_as(rootfd, path, mode, uid, gid, NULL, e);
}

int path_mkdirs_as(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid, const struct ownview *view,
		   struct err *e)
{
	const struct path_walk_how how = {
		.follow = true, .make = true, .mode = mode, .uid = uid, .gid = gid, .view = view};
	const char *p = *path ? path : ".";
	AUTO_FREE char *leaf = NULL;
	bool must_dir;
	int fd = path_open_in(rootfd, p, O_PATH | O_DIRECTORY, 0);

	/* Only the walk can tell a missing component from a dangling link, and make what it lacks. */
	if (fd < 0 && errno == ENOENT)
		fd = path_walk_parent(rootfd, p, &how, &leaf, &must_dir);
	return fd < 0 ? path_mkdirs_err(errno, path, e) : fd;
}

char *path_readlink_at(int dirfd, const char *name)
{
	for (size_t cap = 256; cap <= PATH_LINK_MAX_BYTES; cap *= 4) {
		AUTO_FREE char *target = mem_alloc(cap);
		ssize_t n = readlinkat(dirfd, name, target, cap);

		if (n < 0)
			return NULL;
		if ((size_t)n < cap) {
			target[n] = '\0';
			return STEAL_PTR(target);
		}
	}
	errno = ENAMETOOLONG;
	return NULL;
}
