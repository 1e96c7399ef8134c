/* What a task makes belongs to it, or to the group of a set-group-id directory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/sandbox/solo_acl.h"
#include "src/sandbox/solo_calls.h"
#include "src/sandbox/solo_rec.h"
#include "src/util/cleanup.h"

#define PERMISSIONS 07777
#define SET_IDS	    (S_ISUID | S_ISGID)

/* The place of what is to be made. */
struct making {
	struct solo_where w; /* path: the name in parent */
	int parent;
	struct ownrec owner; /* mode: of what is to be made */
	bool setgid;	     /* the parent has the bit */
	bool denied;	     /* the parent is not the task's to write to */
	bool acl;	     /* the parent has a default list that is recorded in part */
};

static void making_release(struct making *m)
{
	if (m->parent >= 0)
		close(m->parent);
}
#define AUTO_MAKING AUTO(making_release)

/* The owner of what is made in the directory by the task. */
static void find_owner(const struct solo_req *r, int dir, struct making *m)
{
	struct ownrec rec = {0};
	struct stat st;

	m->owner.uid = r->who->fsuid;
	m->owner.gid = r->who->fsgid;
	m->setgid = m->denied = m->acl = false;
	if (fstat(dir, &st) < 0)
		return;
	m->denied = !solo_rec_may(r, dir, &st, W_OK | X_OK);
	m->acl = solo_acl_inherits(dir);
	solo_rec_get(r->s, dir, &st, &rec);
	m->setgid = solo_rec_mode(&rec, st.st_mode) & S_ISGID;
	if (m->setgid)
		m->owner.gid = rec.gid;
}

/* Whether the kernel makes it just as well: 0:0, and no row of an inode before may be taken for the new one's. */
static bool is_native(const struct solo_req *r, const struct making *m, bool row)
{
	return m->owner.uid == 0 && m->owner.gid == 0 && !(m->owner.mode & SET_IDS) && !m->acl &&
	       !(row && solo_rec_rows(r->s));
}

/* As the kernel: what is there already is said before what is forbidden. */
static bool forbidden(const struct making *m)
{
	struct stat st;

	return m->denied && fstatat(m->parent, m->w.path, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

/* Parent and owner; 0 if there is something to do for us, else SOLO_NATIVE or -EACCES. */
static int64_t prepare(const struct solo_req *r, struct making *m, bool row)
{
	int64_t n = solo_req_where(r, 0, &m->w);

	m->parent = -1;
	if (n == 0)
		n = solo_path_parent(r, &m->w);
	if (n < 0)
		return n;
	m->parent = (int)n;
	find_owner(r, m->parent, m);
	if (is_native(r, m, row))
		return SOLO_NATIVE;
	return forbidden(m) ? -EACCES : 0;
}

/* The kernel takes the task's umask from the mode, or a default ACL: so it must be ours while we do it. */
static void take_umask(const struct solo_req *r)
{
	umask((mode_t)solo_req_status(r, "Umask:", 8, 022));
}

static int record_made(const struct solo_req *r, const struct making *m, int fd, const struct stat *st)
{
	int n = solo_rec_set(r->s, fd, st, &m->owner);

	return n == 0 && m->acl ? solo_acl_inherit(m->parent, fd, st->st_mode) : n;
}

static int record_new(const struct solo_req *r, const struct making *m, bool dir)
{
	AUTO_CLOSE int fd = openat(m->parent, m->w.path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct solo_name name;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	solo_path_of_fd(fd, &name);
	if (dir && m->setgid && !(st.st_mode & S_ISGID) && chmod(name.text, (st.st_mode & PERMISSIONS) | S_ISGID) < 0)
		return -errno;
	return record_made(r, m, fd, &st);
}

/* 0, or undone. */
static int64_t recorded(const struct solo_req *r, const struct making *m, bool dir)
{
	int n = record_new(r, m, dir);

	if (n < 0)
		unlinkat(m->parent, m->w.path, dir ? AT_REMOVEDIR : 0);
	return n;
}

static void cut_slashes(char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
}

int64_t solo_make_mkdir(struct solo_req *r)
{
	AUTO_MAKING struct making m = {.parent = -1};
	int64_t n = solo_req_where(r, 0, &m.w);

	if (n != 0)
		return n;
	cut_slashes(m.w.path);
	n = solo_path_parent(r, &m.w);
	if (n < 0)
		return n;
	m.parent = (int)n;
	find_owner(r, m.parent, &m);
	if (is_native(r, &m, false) && !m.setgid)
		return SOLO_NATIVE;
	if (forbidden(&m))
		return -EACCES;
	take_umask(r);
	if (!solo_req_alive(r))
		return -ESRCH;
	if (mkdirat(m.parent, m.w.path, (mode_t)solo_req_arg(r, 0) & PERMISSIONS) < 0)
		return -errno;
	return recorded(r, &m, true);
}

int64_t solo_make_symlink(struct solo_req *r)
{
	AUTO_MAKING struct making m = {.parent = -1};
	char target[PATH_MAX];
	int64_t n = prepare(r, &m, true);

	if (n != 0)
		return n;
	if (solo_req_string(r, r->args[0], target, sizeof target) < 0 || !solo_req_alive(r))
		return SOLO_NATIVE;
	if (symlinkat(target, m.parent, m.w.path) < 0)
		return -errno;
	return recorded(r, &m, false);
}

/* --- mknod --- */

/* As the kernel reads the argument. */
static void set_device(struct ownrec *rec, mode_t mode, uint32_t dev)
{
	rec->mode = mode;
	rec->major = dev >> 8 & 0xfff;
	rec->minor = (dev & 0xff) | (dev >> 12 & 0xfff00);
}

static int64_t make_device(struct solo_req *r, struct making *m, mode_t mode, uint32_t dev)
{
	mode_t mask;

	if (!r->who->effective)
		return -EPERM;
	take_umask(r);
	mask = umask(0);
	set_device(&m->owner, mode & ~mask, dev);
	/* A whiteout is none of a step's business. */
	if (S_ISCHR(mode) && m->owner.major == 0 && m->owner.minor == 0)
		return -EPERM;
	if (!solo_req_alive(r))
		return -ESRCH;
	if (mknodat(m->parent, m->w.path, S_IFSOCK | (m->owner.mode & 0777), 0) < 0)
		return -errno;
	return recorded(r, m, false);
}

int64_t solo_make_mknod(struct solo_req *r)
{
	AUTO_MAKING struct making m = {.parent = -1};
	mode_t mode = (mode_t)solo_req_arg(r, 0);
	bool device = S_ISCHR(mode) || S_ISBLK(mode);
	int64_t n = prepare(r, &m, S_ISFIFO(mode) || S_ISSOCK(mode));

	if (m.parent < 0 || (n != 0 && !device) || n == -EACCES)
		return n;
	if (device)
		return make_device(r, &m, mode & (S_IFMT | PERMISSIONS), (uint32_t)solo_req_arg(r, 1));
	take_umask(r);
	if (!solo_req_alive(r))
		return -ESRCH;
	if (mknodat(m.parent, m.w.path, mode, 0) < 0)
		return -errno;
	return recorded(r, &m, false);
}

/* --- open --- */

static int64_t give_fd(const struct solo_req *r, int fd, int flags)
{
	struct seccomp_notif_addfd a = {
		.id = r->cookie,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = (uint32_t)flags & O_CLOEXEC,
	};

	return solo_req_ioctl(r->s, SECCOMP_IOCTL_NOTIF_ADDFD, &a) < 0 ? -errno : SOLO_SENT;
}

/* Set-id bits are kept in the record (solo_own.c says why). */
static int record_open(const struct solo_req *r, struct making *m, int fd, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	m->owner.mode = mode & SET_IDS ? st.st_mode | (mode & SET_IDS) : 0;
	return record_made(r, m, fd, &st);
}

static int64_t open_tmpfile(const struct solo_req *r, struct making *m, int flags, mode_t mode)
{
	int64_t dir = solo_path_open(r, &m->w, O_DIRECTORY), n;
	AUTO_CLOSE int fd = -1;

	if (dir < 0)
		return dir;
	m->parent = (int)dir;
	find_owner(r, m->parent, m);
	if (is_native(r, m, false))
		return SOLO_NATIVE;
	if (m->denied)
		return -EACCES;
	take_umask(r);
	fd = openat(m->parent, ".", flags | O_CLOEXEC, mode & ~(mode_t)SET_IDS);
	if (fd < 0)
		return -errno;
	n = record_open(r, m, fd, mode);
	return n < 0 ? n : give_fd(r, fd, flags);
}

static int wanted(int flags)
{
	static const int by_mode[] = {
		[O_RDONLY] = R_OK, [O_WRONLY] = W_OK, [O_RDWR] = R_OK | W_OK, [O_ACCMODE] = R_OK | W_OK};

	return by_mode[flags & O_ACCMODE] | (flags & O_TRUNC ? W_OK : 0);
}

/* The kernel opens it, if the user may. */
static int64_t open_old(const struct solo_req *r, const struct making *m, int flags)
{
	AUTO_CLOSE int fd = openat(m->parent, m->w.path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (flags & O_EXCL || fd < 0 || fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))
		return SOLO_NATIVE;
	return solo_rec_may(r, fd, &st, wanted(flags)) ? SOLO_NATIVE : -EACCES;
}

/* 0 if the name is free, in m after links that lead nowhere; else SOLO_NATIVE or -EACCES. */
static int64_t find_free(const struct solo_req *r, struct making *m, int flags)
{
	struct stat st;

	if (fstatat(m->parent, m->w.path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : SOLO_NATIVE;
	if (!S_ISLNK(st.st_mode) || (flags & (O_EXCL | O_NOFOLLOW)))
		return open_old(r, m, flags);
	if (solo_path_dangling(r, &m->parent, &m->w) != 0)
		return SOLO_NATIVE;
	find_owner(r, m->parent, m);
	if (is_native(r, m, false))
		return SOLO_NATIVE;
	return m->denied ? -EACCES : 0;
}

/* Exclusively, so that what is recorded is what we made. */
static int64_t open_new(const struct solo_req *r, struct making *m, int flags, mode_t mode)
{
	AUTO_CLOSE int fd = -1;
	int64_t n;

	take_umask(r);
	if (!solo_req_alive(r))
		return -ESRCH;
	fd = openat(m->parent, m->w.path, flags | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & ~(mode_t)SET_IDS);
	if (fd < 0)
		return errno == EEXIST ? SOLO_NATIVE : -errno;
	n = record_open(r, m, fd, mode);
	if (n == 0)
		n = give_fd(r, fd, flags);
	if (n != SOLO_SENT)
		unlinkat(m->parent, m->w.path, 0);
	return n;
}

int64_t solo_make_open(struct solo_req *r)
{
	bool creat = r->call->what;
	int flags = creat ? O_CREAT | O_WRONLY | O_TRUNC : (int)solo_req_arg(r, 0);
	mode_t mode = (mode_t)(creat ? solo_req_arg(r, 0) : solo_req_arg(r, 1)) & PERMISSIONS;
	AUTO_MAKING struct making m = {.parent = -1};
	int64_t n;

	if (flags & O_PATH)
		return SOLO_NATIVE;
	m.owner.mode = mode;
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		n = solo_req_where(r, 0, &m.w);
		return n ? n : open_tmpfile(r, &m, flags, mode);
	}
	if (flags & O_DIRECTORY)
		return SOLO_NATIVE;
	n = prepare(r, &m, false);
	if (n == 0)
		n = find_free(r, &m, flags);
	return n ? n : open_new(r, &m, flags, mode);
}

/* --- bind of a UNIX socket --- */

/* With the task's directory as ours, so that the socket's name is the one that the task gave. */
static int64_t bind_there(const struct solo_req *r, const struct making *m, const struct sockaddr_un *a, socklen_t n)
{
	AUTO_CLOSE int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), cwd = -1;
	AUTO_CLOSE int sock = solo_req_getfd(r, (int)r->args[0]);
	char name[32];
	int64_t result = SOLO_NATIVE;

	snprintf(name, sizeof name, "%d/cwd", (int)r->tid);
	cwd = openat(r->s->proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (sock < 0 || back < 0 || cwd < 0 || fchdir(cwd) < 0)
		return SOLO_NATIVE;
	take_umask(r);
	result = bind(sock, (const struct sockaddr *)a, n) < 0 ? -errno : 0;
	if (fchdir(back) < 0)
		abort(); /* no name of ours would be right any more */
	return result < 0 ? result : recorded(r, m, false);
}

int64_t solo_make_bind(struct solo_req *r)
{
	AUTO_MAKING struct making m = {.parent = -1};
	struct sockaddr_un a = {0};
	size_t n = (size_t)r->args[2];
	int64_t p;

	if (n <= offsetof(struct sockaddr_un, sun_path) || n > sizeof a || r->s->chrooted ||
	    solo_req_read(r, r->args[1], &a, n) < 0 || a.sun_family != AF_UNIX || !a.sun_path[0])
		return SOLO_NATIVE;
	m.w.dirfd = AT_FDCWD;
	snprintf(m.w.path, sizeof m.w.path, "%.*s", (int)(n - offsetof(struct sockaddr_un, sun_path)), a.sun_path);
	p = solo_path_parent(r, &m.w);
	if (p < 0)
		return p;
	m.parent = (int)p;
	find_owner(r, m.parent, &m);
	if (is_native(r, &m, true) || !solo_req_alive(r))
		return SOLO_NATIVE;
	if (forbidden(&m))
		return -EACCES;
	return bind_there(r, &m, &a, (socklen_t)n);
}
