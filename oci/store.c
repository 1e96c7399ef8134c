/* The local store: the handle, the sign of life of its owner, work in progress and trash. store_open.c opens it. */
#include "oci/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "oci/store_priv.h"
#include "src/util/lock.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/tmp.h"

static char *store_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw = home && home[0] == '/' ? NULL : getpwuid(geteuid());

	if (home && home[0] == '/')
		return mem_strdup(home);
	return pw && pw->pw_dir && pw->pw_dir[0] == '/' ? mem_strdup(pw->pw_dir) : NULL;
}

char *store_default_root(void)
{
	const char *set = getenv("SLCT_ROOT"), *data = getenv("XDG_DATA_HOME");
	AUTO_FREE char *home = NULL;

	if (set && set[0])
		return mem_strdup(set);
	/* root never uses XDG_DATA_HOME: sudo may leave the caller's, and the caller could not remove root's files */
	if (geteuid() == 0)
		return mem_strdup("/var/lib/slct");
	if (data && data[0] == '/')
		return mem_printf("%s/slct", data);
	home = store_home();
	return home ? mem_printf("%s/.local/share/slct", home) : mem_printf("/var/tmp/slct-%u", (unsigned)geteuid());
}

DIR *store_opendir(struct store *s, const char *rel, struct err *e)
{
	int fd = openat(s->fd, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (d)
		return d;
	err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_HOST, errno, "cannot read %s/%s", s->root, rel);
	if (fd >= 0)
		close(fd);
	return NULL;
}

int store_readdir(DIR *d, const char **name, struct err *e)
{
	const struct dirent *ent;

	do {
		errno = 0;
		ent = readdir(d);
	} while (ent && (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0));
	if (!ent && errno)
		return err_sys(e, ERR_HOST, errno, "cannot read a directory of the store");
	*name = ent ? ent->d_name : NULL;
	return ent ? 1 : 0;
}

/* --- leases --- */

static char *store_random(const char *prefix)
{
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		abort(); /* cannot be for 8 bytes on Linux */
	return mem_printf("%s.%016llx", prefix, (unsigned long long)r);
}

/* An entry of tmp/ whose lease nobody holds goes to the trash; removing it may need another user namespace. */
static void store_sweep_one(struct store *s, const char *name)
{
	AUTO_FREE char *from = mem_printf("tmp/%s", name), *to = store_random("trash/s");
	AUTO_CLOSE int fd = openat(s->fd, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOTDIR)
		unlinkat(s->fd, from, 0);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	if (unlinkat(s->fd, from, AT_REMOVEDIR) < 0)
		renameat(s->fd, from, s->fd, to);
}

static void store_sweep(struct store *s)
{
	struct err e = ERR_INIT;
	AUTO_CLOSEDIR DIR *d = store_opendir(s, "tmp", &e);
	const char *name;

	while (d && store_readdir(d, &name, &e) > 0)
		store_sweep_one(s, name);
	err_release(&e);
}

static int store_make_session(struct store *s, struct err *e)
{
	AUTO_FREE char *name = NULL;
	AUTO_CLOSE int fd = -1;

	if (tmp_dir(s->fd, "tmp/s", &name, e) < 0)
		return -1;
	fd = openat(s->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot lock %s/%s", s->root, name);
	s->session = STEAL_PTR(name);
	s->lease = STEAL_FD(fd);
	return 0;
}

/* Under lock/tmp, so that nobody sweeps a session between its creation and its lease. */
static int store_begin_session(struct store *s, struct err *e)
{
	int lock = lock_take(s->fd, "lock/tmp", LOCK_EXCLUSIVE, STORE_LOCK_WAIT_NS, e);
	int r;

	if (lock < 0)
		return -1;
	store_sweep(s);
	r = store_make_session(s, e);
	lock_drop(lock);
	return r;
}

const char *store_session(struct store *s, struct err *e)
{
	if (!s->session && store_begin_session(s, e) < 0) {
		err_wrap(e, "the store %s", s->root);
		return NULL;
	}
	return s->session;
}

void store_forget_lock(struct store *s)
{
	/* closing a copy does not unlock: the opener's descriptors share the lock */
	lock_drop(s->lock);
	lock_drop(s->lease);
	s->lock = s->lease = -1;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->session && s->owner == getpid() && unlinkat(s->fd, s->session, AT_REMOVEDIR) < 0) {
		AUTO_FREE char *to = store_random("trash/s");

		renameat(s->fd, s->session, s->fd, to);
	}
	store_forget_lock(s);
	if (s->fd >= 0)
		close(s->fd);
	free(s->session);
	free(s->root);
	free(s);
}

const char *store_root(const struct store *s)
{
	return s->root;
}

int store_fd(const struct store *s)
{
	return s->fd;
}

int store_sync(struct store *s, struct err *e)
{
	AUTO_CLOSE int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot write the store %s to the disk", s->root);
	return 0;
}

/* --- work in progress --- */

int store_tmp_file(struct store *s, const char *prefix, char **rel, struct err *e)
{
	const char *session = store_session(s, e);
	AUTO_FREE char *full = session ? mem_printf("%s/%s", session, prefix) : NULL;

	return full ? tmp_file(s->fd, full, rel, e) : -1;
}

int store_tmp_dir(struct store *s, const char *prefix, char **rel, struct err *e)
{
	const char *session = store_session(s, e);
	AUTO_FREE char *full = session ? mem_printf("%s/%s", session, prefix) : NULL;

	return full ? tmp_dir(s->fd, full, rel, e) : -1;
}

int store_trash(struct store *s, const char *rel, struct err *e)
{
	AUTO_FREE char *to = store_random("trash/t");

	if (renameat(s->fd, rel, s->fd, to) == 0 || errno == ENOENT)
		return 0;
	return err_sys(e, ERR_HOST, errno, "cannot move %s/%s to the trash", s->root, rel);
}

static int store_empty_one(DIR *d, const char *name)
{
	struct err e = ERR_INIT;

	if (path_remove_tree(dirfd(d), name, &e) == 0)
		return 0;
	log_msg(LOG_INFO, "trash: %s", e.msg);
	err_release(&e);
	return 1;
}

int store_empty_trash(struct store *s)
{
	struct err e = ERR_INIT;
	/* somebody who is at it already will finish it */
	int lock = lock_take(s->fd, "lock/trash", LOCK_EXCLUSIVE, 0, &e), left = 0;
	AUTO_CLOSEDIR DIR *d = lock >= 0 ? store_opendir(s, "trash", &e) : NULL;
	const char *name;

	while (d && store_readdir(d, &name, &e) > 0)
		left += store_empty_one(d, name);
	err_release(&e);
	lock_drop(lock);
	return left;
}
