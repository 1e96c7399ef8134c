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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/caps.h"
#include "src/sandbox/mounts_child.h"
#include "src/sandbox/solo_filter.h"
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

#define SOLO_REMIND_US 2000
#define SOLO_REST_US   1000

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
	struct stat st;
	sigset_t set;

	if (fds < 0 || stat("/", &st) < 0 || fchdir(fds) < 0)
		return err_sys(e, ERR_HOST, errno, "the supervisor's /proc/self/fd");
	s->root_dev = st.st_dev;
	s->root_ino = st.st_ino;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, ERR_HOST, errno, "sigprocmask");
	return 0;
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
	return io_send_msg(sock, "n", 1, listener, e);
}

/* --- the loop --- */

struct notif {
	struct seccomp_notif *req;
	struct seccomp_notif_resp *resp;
	size_t req_size, resp_size;
};

static void notif_release(struct notif *n)
{
	free(n->req);
	free(n->resp);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* A newer kernel's may be longer than ours. */
static int notif_init(struct notif *n, struct err *e)
{
	struct seccomp_notif_sizes z;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &z) < 0)
		return err_sys(e, ERR_HOST, errno, "SECCOMP_GET_NOTIF_SIZES");
	n->req_size = larger(z.seccomp_notif, sizeof *n->req);
	n->resp_size = larger(z.seccomp_notif_resp, sizeof *n->resp);
	n->req = mem_zalloc(n->req_size);
	n->resp = mem_zalloc(n->resp_size);
	return 0;
}

static void answer(const struct solo *s, const struct notif *n, int64_t result)
{
	if (result == SOLO_SENT)
		return;
	memset(n->resp, 0, n->resp_size);
	n->resp->id = n->req->id;
	if (result == SOLO_NATIVE)
		n->resp->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (result < 0)
		n->resp->error = (int)result;
	else
		n->resp->val = result;
	/* Fails where the task was killed meanwhile. */
	solo_req_ioctl(s, SECCOMP_IOCTL_NOTIF_SEND, n->resp);
}

/* A blocking call, for speed: with poll(2) before it each answer would cost a tenth more. */
static void serve_one(struct solo *s, const struct notif *n)
{
	uint64_t args[6];

	memset(n->req, 0, n->req_size);
	if (ioctl(s->notify, SECCOMP_IOCTL_NOTIF_RECV, n->req) < 0) {
		/* ENOENT: one task was killed, or the last has gone, which is said without end. */
		if (errno != EINTR)
			usleep(SOLO_REST_US);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(args); i++)
		args[i] = n->req->data.args[i];
	answer(s, n, solo_req_serve(s, n->req->data.nr, (pid_t)n->req->pid, n->req->id, args));
}

/* Set by signals, of which one may come just before the blocking call and not interrupt it: so they are repeated until
 * they have been seen. */
static volatile sig_atomic_t children_ended;

static void remind(bool on)
{
	const struct itimerval t = {{0, on ? SOLO_REMIND_US : 0}, {0, on ? SOLO_REMIND_US : 0}};

	setitimer(ITIMER_REAL, &t, NULL);
}

static void on_signal(int sig)
{
	int saved = errno;

	children_ended = 1;
	if (sig == SIGCHLD)
		remind(true);
	errno = saved;
}

static void hear_signals(void)
{
	const struct sigaction a = {.sa_handler = on_signal}; /* without SA_RESTART */
	sigset_t set;

	sigaction(SIGCHLD, &a, NULL);
	sigaction(SIGALRM, &a, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Whether the command is among what has ended. */
static bool reap(pid_t command, int *status)
{
	bool ended = false;
	int st;
	pid_t pid;

	children_ended = 0;
	remind(false);
	while ((pid = waitpid(-1, &st, WNOHANG)) > 0)
		if (pid == command) {
			*status = st;
			ended = true;
		}
	return ended;
}

static void loop(struct solo *s, const struct notif *n, pid_t command, int *status)
{
	hear_signals();
	children_ended = 1; /* what ended before */
	while (!children_ended || !reap(command, status))
		if (s->notify >= 0)
			serve_one(s, n);
		else
			usleep(SOLO_REST_US); /* a command that has failed before it had a filter */
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
	AUTO(notif_release) struct notif n = {0};

	s->notify = take_listener(pair, e);
	if (err_is_set(e) || notif_init(&n, e) < 0)
		return -1;
	loop(s, &n, command, status);
	return 0;
}
