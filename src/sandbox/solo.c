/* The supervisor: set-up and loop. */
#include "src/sandbox/solo.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/caps.h"
#include "src/sandbox/mounts_child.h"
#include "src/sandbox/solo_filter.h"
#include "src/sandbox/solo_loop.h"
#include "src/sandbox/solo_names.h"
#include "src/sandbox/solo_req.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL /* Linux 6.6 */
#endif

uint64_t solo_caps(void)
{
	return caps_of_tier(TIER_SOLO) | UINT64_C(1) << CAP_SYS_PTRACE;
}

/* A soft limit above the hard one cannot be set, and raising that needs a privilege. */
static int check_limit(struct rlimit *l, struct err *e)
{
	if (getrlimit(SOLO_FILTER_RLIMIT, l) < 0)
		return err_sys(e, ERR_HOST, errno, "getrlimit");
	if (l->rlim_max == RLIM_INFINITY)
		return 0;
	err_set(e, ERR_HOST, "isolation \"solo\" needs an unlimited number of file locks (ulimit -x)");
	return err_hint(e, "leave out --ulimit locks; remove the `locks` line for this user from "
			   "/etc/security/limits.conf");
}

struct solo *solo_new(const struct sandbox_spec *spec, struct err *e)
{
	struct solo *s = mem_new(struct solo);

	s->notify = -1;
	s->ids = solo_id_tab_new();
	s->owners = spec->owners;
	s->made = owntab_new();
	s->seen = owntab_new();
	solo_names_init(s, spec);
	if (check_limit(&s->unused, e) < 0)
		return NULL;
	s->upper = openat(spec->root.dirfd, spec->root.tree ? spec->root.tree : spec->root.upper,
			  O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->upper < 0) {
		err_sys(e, ERR_HOST, errno, "the directory that the step writes to");
		return NULL;
	}
	s->proc = mounts_child_fs("proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (s->proc < 0) {
		err_sys(e, ERR_HOST, errno, "a /proc for the supervisor of isolation \"solo\"");
		err_hint(e, "parts of /proc are masked here, as in a container: run it with --security-opt "
			    "systempaths=unconfined (podman: unmask=ALL)");
		return NULL;
	}
	return s;
}

int solo_enter(struct solo *s, struct err *e)
{
	AUTO_CLOSE int fds = openat(s->proc, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statx x;
	sigset_t set;

	if (fds < 0 || statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &x) < 0 || fchdir(fds) < 0)
		return err_sys(e, ERR_HOST, errno, "the supervisor's /proc/self/fd");
	s->root_dev = makedev(x.stx_dev_major, x.stx_dev_minor);
	s->root_ino = x.stx_ino;
	s->root_mnt = x.stx_mnt_id;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, ERR_HOST, errno, "sigprocmask");
	return 0;
}

/* By sendmmsg(2): sendmsg(2) is one of the calls that only who has the listener can answer. */
static int hand_over(int sock, int listener, struct err *e)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c = {.h = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof listener)}};
	char byte = 'n';
	struct iovec io = {&byte, 1};
	struct mmsghdr m = {
		.msg_hdr = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c}};

	memcpy(CMSG_DATA(&c.h), &listener, sizeof listener);
	return sendmmsg(sock, &m, 1, MSG_NOSIGNAL) == 1 ? 0 : err_sys(e, ERR_HOST, errno, "handing the listener over");
}

int solo_confine(const struct sandbox_spec *spec, int sock, struct err *e)
{
	/* RUN --security=insecure: owners are recorded all the same. */
	static const struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	AUTO_FREE void *prog = NULL;
	AUTO_CLOSE int listener = -1;
	unsigned also = (owntab_len(spec->owners) > 0 ? SOLO_FILTER_ROWS : 0) |
			(solo_names_wanted(spec) ? SOLO_FILTER_NAMES : 0);
	struct rlimit l;
	size_t len;

	if (check_limit(&l, e) < 0)
		return -1;
	if (solo_filter_program(spec->insecure ? &all : spec->seccomp_prog,
				spec->insecure ? sizeof all : spec->seccomp_len, also, &prog, &len, e) < 0)
		return -1;
	/* Process 1 reads the arguments of calls that are made before exec. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "PR_SET_DUMPABLE");
	listener = solo_filter_enter(prog, len, e);
	if (listener < 0)
		return -1;
	return hand_over(sock, listener, e);
}

/* The listener, or -1 with no error where the child has ended without one: it has told why. */
static int take_listener(const int pair[2], struct err *e)
{
	AUTO_CLOSE int sock = pair[0];
	int fd = -1;
	char c;

	close(pair[1]);
	if (io_recv_msg(sock, &c, 1, &fd, e) < 0)
		return -1;
	/* Both sides run on one processor: the hand-over is faster. Before Linux 6.6 it is not. */
	if (fd >= 0)
		ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return fd;
}

int solo_serve(struct solo *s, const int pair[2], pid_t command, int *status, struct err *e)
{
	s->notify = take_listener(pair, e);
	return err_is_set(e) ? -1 : solo_loop(s, command, status, e);
}
