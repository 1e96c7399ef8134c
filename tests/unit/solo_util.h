/* For tests of the supervisor: a task under it, in a user namespace of one id and a root of its own. */
#ifndef SLCT_TEST_SOLO_UTIL_H
#define SLCT_TEST_SOLO_UTIL_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/sandbox/childmsg.h"
#include "src/sandbox/mntns.h"
#include "src/sandbox/mounts_child.h"
#include "src/sandbox/solo.h"
#include "src/sandbox/userns.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/owntab.h"
#include "tests/unit/unit.h"

/* In the task under the supervisor there is no Check: a failure is told on standard error and by its status. */
#define must(x)                                                                                                        \
	do {                                                                                                           \
		if (!(x)) {                                                                                            \
			fprintf(stderr, "%s:%d: %s (errno %d %s)\n", __FILE__, __LINE__, #x, errno, strerror(errno));  \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)
/* The id of a chown that is left alone. */
#define KEEP		 ((uid_t)-1)
#define fails(call, err) must((call) == -1 && errno == (err))

static const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

struct step {
	void (*fn)(void);
	int dir;
	struct owntab *owners;
	int owners_fd;
	struct nameset *names;
};

static inline void ATTR_NORETURN bad(const char *what, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", what, e->msg ? e->msg : strerror(errno));
	_exit(2);
}

static inline void ATTR_NORETURN command(const struct step *t, const struct sandbox_spec *spec, int sock)
{
	struct err e = ERR_INIT;

	if (solo_confine(spec, sock, &e) < 0)
		bad("solo_confine", &e);
	if (chdir("/") < 0)
		_exit(2);
	umask(022);
	t->fn();
	_exit(0);
}

/* Process 1, with t->dir as root and as upper directory. */
static inline void ATTR_NORETURN first(const struct step *t)
{
	const struct sandbox_spec spec = {.root = {.dirfd = t->dir, .upper = "root"},
					  .owners = t->owners,
					  .owners_fd = t->owners_fd,
					  .names = t->names,
					  .seccomp_prog = &allow,
					  .seccomp_len = sizeof allow};
	struct err e = ERR_INIT;
	struct solo *s = solo_new(&spec, &e);
	int pair[2], status = 0, proc, dir = overlay_reopen(t->dir);
	pid_t pid;

	if (!s)
		bad("solo_new", &e);
	proc = mounts_child_fs("proc", NULL, 0);
	if (proc < 0 || fchdir(dir) < 0 || move_mount(proc, "", dir, "root/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    chroot("root") < 0)
		bad("root", &e);
	if (solo_enter(s, &e) < 0 || childmsg_pair(pair, &e) < 0)
		bad("solo_enter", &e);
	pid = fork();
	if (pid == 0)
		command(t, &spec, pair[1]);
	if (solo_serve(s, pair, pid, &status, &e) < 0 || solo_end(s, &spec, &e) < 0)
		bad("solo_serve", &e);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
}

static inline void ATTR_NORETURN worker(const struct step *t, int ns)
{
	struct err e = ERR_INIT;
	int status;
	pid_t pid;

	if (userns_join(ns, &e) < 0)
		bad("userns_join", &e);
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		if (mntns_private(&e) < 0)
			bad("mntns", &e);
		first(t);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		bad("clone", &e);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 4);
}

static inline int run_step(struct step *t)
{
	/* One id, the caller's own. */
	struct tier_info tier = {.tier = TIER_SOLO};
	struct err e = ERR_INIT;
	int ns, status;
	pid_t pid;

	tier.uid[0] = (struct tier_map){0, geteuid(), 1};
	tier.gid[0] = (struct tier_map){0, getegid(), 1};
	tier.nuid = tier.ngid = 1;
	ns = userns_open(&tier, &e);
	ck_assert_msg(ns >= 0, "%s", e.msg ? e.msg : "no namespace");
	pid = fork();
	if (pid == 0)
		worker(t, ns);
	close(ns);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static inline void in_step_with(void (*fn)(void), struct nameset *names)
{
	UNIT_DIR(d);
	struct step t = {.fn = fn, .dir = d.fd, .owners_fd = -1, .names = names};

	ck_assert_int_eq(mkdirat(d.fd, "root", 0755), 0);
	ck_assert_int_eq(mkdirat(d.fd, "root/proc", 0755), 0);
	ck_assert_int_eq(run_step(&t), 0);
}

/* Every object looked at, and by names. */
static inline void in_step(void (*fn)(void))
{
	AUTO_NAMESET struct nameset *names = nameset_new();

	in_step_with(fn, NULL);
	in_step_with(fn, names);
}

#define STEP(name)                                                                                                     \
	static void do_##name(void);                                                                                   \
	START_TEST(name)                                                                                               \
	{                                                                                                              \
		in_step(do_##name);                                                                                    \
	}                                                                                                              \
	END_TEST                                                                                                       \
	static void do_##name(void)

/* --- helpers of tasks --- */

static inline void put(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	must(fd >= 0 && fchmod(fd, mode) == 0 && close(fd) == 0);
}

static inline void owned(const char *path, uid_t uid, gid_t gid)
{
	struct statx x;
	struct stat st;

	must(lstat(path, &st) == 0);
	if (st.st_uid != uid || st.st_gid != gid)
		fprintf(stderr, "%s is %u:%u, not %u:%u\n", path, st.st_uid, st.st_gid, uid, gid);
	must(st.st_uid == uid && st.st_gid == gid);
	must(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x) == 0 && x.stx_uid == uid &&
	     x.stx_gid == gid && x.stx_mode == st.st_mode);
}

static inline mode_t mode_of(const char *path)
{
	struct stat st;

	must(lstat(path, &st) == 0);
	return st.st_mode;
}

static inline void become(uid_t uid, gid_t gid)
{
	must(setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0);
}

/* fn in a child; its own must() make it fail. */
static inline void in_child(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	must(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

#endif
