/* A step in tier chroot. Between the worker and the command there is a keeper, which adopts what the command leaves
 * behind, kills all of it at the end (also when the worker was killed), and moves caches back to their place. */
#include "src/sandbox/chrootrun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/chrootfill.h"
#include "src/sandbox/chrootout.h"
#include "src/sandbox/childmsg.h"
#include "src/sandbox/exec_child.h"
#include "src/sandbox/passwd.h"
#include "src/sandbox/reap.h"
#include "src/util/clock.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/proc.h"

#define KEEPER_NAME "slct-keeper"
#define NS_PER_MS   1000000

struct keeper {
	const struct sandbox_spec *s;
	int chan;
	int root; /* of the step */
	int64_t deadline;
	struct chrootout out; /* nothing in it: the step writes to the caller's descriptors */
	bool timed_out;
};

/* --- the command --- */

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int set_output(struct keeper *k, struct err *e)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(k->s->in_fd ? k->s->in_fd : null, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "standard input of the step");
	if (chrootout_wanted(k->s))
		return chrootout_open(&k->out, k->root, k->s, e);
	if (dup2(k->s->out_fd, 1) < 0 || dup2(k->s->err_fd ? k->s->err_fd : k->s->out_fd, 2) < 0)
		return err_sys(e, ERR_HOST, errno, "standard output of the step");
	return 0;
}

/* Nothing of ours is open in the step: chroot(2) bounds only what is found by name. */
static int close_others(const struct keeper *k, bool keeper, struct err *e)
{
	int keep[5 + 2 * CHROOTOUT_MAX + 1] = {k->chan};
	size_t n = 1;

	for (size_t i = 0; i < k->out.n && keeper; i++) {
		keep[n++] = k->out.relay[i].from;
		keep[n++] = k->out.relay[i].to;
	}
	if (keeper && k->out.notify >= 0)
		keep[n++] = k->out.notify;
	if (keeper) {
		keep[n++] = k->root;
		keep[n++] = k->s->root.dirfd;
		if (k->s->hold_fd > 2)
			keep[n++] = k->s->hold_fd;
	}
	if (k->s->cgroup && k->s->cgroup->procs >= 0)
		keep[n++] = k->s->cgroup->procs;
	qsort(keep, n, sizeof keep[0], compare_int);
	if (keep[0] < 3)
		return err_set(e, ERR_INTERNAL, "descriptors of a step below 3");
	io_close_from(3, keep, n);
	return 0;
}

static void own_output(const struct passwd_ids *ids)
{
	struct stat st;

	for (int fd = 0; fd <= 2; fd++)
		if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && fchown(fd, ids->uid, ids->gid) < 0)
			return; /* the step can still use its descriptors */
}

/* "/" and the working directory are the root's, no other descriptor of a directory is left: with CAP_SYS_CHROOT given
 * up there is no way back out by chroot(2). */
static int enter_root(const struct keeper *k, struct err *e)
{
	if (fchdir(k->root) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, ERR_HOST, errno, "chroot");
	return close_others(k, false, e);
}

static void ATTR_NORETURN command(const struct keeper *k, const struct passwd_ids *ids, pid_t keeper)
{
	struct err e = ERR_INIT;

	proc_die_with_parent(keeper);
	if (enter_root(k, &e) == 0)
		exec_child(k->s, ids, -1, &e);
	childmsg_error(k->chan, &e);
	_exit(1);
}

/* --- the keeper --- */

static int time_left(const struct keeper *k)
{
	int64_t left = k->deadline - clock_mono();

	if (!k->deadline)
		return -1;
	left = left <= 0 ? 0 : (left + NS_PER_MS - 1) / NS_PER_MS;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Until the command has ended, its time is over, or nobody waits for it any more. */
static void watch(struct keeper *k, int pidfd)
{
	struct pollfd p[2 + CHROOTOUT_MAX] = {{.fd = pidfd, .events = POLLIN}, {.fd = k->chan, .events = POLLIN}};

	for (;;) {
		int n = poll(p, 2 + chrootout_poll(&k->out, p + 2), time_left(k));

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			chrootout_serve(&k->out, p + 2);
		k->timed_out = n < 1 || (!p[0].revents && !p[1].revents);
		if (!k->timed_out || time_left(k) == 0)
			return;
	}
}

/* The command's status, if it has ended by itself. */
static bool take_status(pid_t pid, int *status)
{
	pid_t got;

	do
		got = waitpid(pid, status, WNOHANG);
	while (got < 0 && errno == EINTR);
	return got == pid;
}

static void move_back(const struct keeper *k)
{
	AUTO_CLOSE int list = k->s->points ? openat(k->s->root.dirfd, k->s->points, O_RDONLY | O_CLOEXEC) : -1;
	AUTO_POINTS struct points p = {.root = k->root, .held = -1, .store = k->s->root.dirfd};
	struct err ignored = ERR_INIT;

	if (list >= 0 && points_load(&p, list, &ignored) == 0)
		points_move_back(&p);
	err_release(&ignored);
}

static int keep(struct keeper *k, struct err *e)
{
	struct passwd_ids ids = {0};
	int status = 0;
	pid_t self = getpid(), pid;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || set_output(k, e) < 0 || close_others(k, true, e) < 0 ||
	    reap_adopt(e) < 0)
		return err_is_set(e) ? -1 : err_sys(e, ERR_HOST, errno, "prctl");
	signal(SIGPIPE, SIG_IGN);
	setsid();
	umask(0);
	prctl(PR_SET_NAME, KEEPER_NAME, 0, 0, 0);
	if (passwd_lookup(k->root, k->s->user ? k->s->user : "", &ids, e) < 0)
		return -1;
	own_output(&ids);
	pid = fork();
	if (pid == 0)
		command(k, &ids, self);
	if (pid < 0)
		return err_sys(e, ERR_HOST, errno, "fork");
	AUTO_CLOSE int pidfd = proc_pidfd(pid);

	if (pidfd < 0)
		return err_sys(e, ERR_HOST, errno, "pidfd_open");
	watch(k, pidfd);
	if (!take_status(pid, &status))
		status = W_EXITCODE(0, SIGKILL);
	if (reap_all(e) < 0)
		return -1;
	chrootout_drain(&k->out);
	if (chrootout_named(&k->out))
		childmsg_warn(
			k->chan,
			"the step used /dev/stdout or /dev/stderr: without /proc (isolation \"chroot\") they are the "
			"step's own output, also where a program's output was redirected");
	childmsg_done(k->chan, status);
	return 0;
}

static void ATTR_NORETURN keeper(struct keeper *k)
{
	struct err e = ERR_INIT;
	int rc = keep(k, &e);

	if (rc < 0) {
		struct err ignored = ERR_INIT;

		reap_all(&ignored);
		childmsg_error(k->chan, &e);
	}
	move_back(k);
	_exit(k->timed_out ? 2 : rc < 0);
}

/* --- the worker --- */

static void take(const struct childmsg *m, struct sandbox_result *r, bool *done, struct err *e)
{
	if (m->kind == CHILDMSG_ERROR && !err_is_set(e))
		childmsg_to_err(m, e);
	if (m->kind == CHILDMSG_WARN)
		log_msg(LOG_WARN, "%s", m->msg);
	if (m->kind != CHILDMSG_DONE)
		return;
	*done = true;
	if (WIFSIGNALED(m->status))
		r->signo = WTERMSIG(m->status);
	else
		r->exit_status = WEXITSTATUS(m->status);
}

static int wait_keeper(int chan, pid_t pid, struct sandbox_result *r, struct err *e)
{
	struct childmsg m;
	struct err ignored = ERR_INIT;
	struct rusage used;
	bool done = false;
	int n, status = 0;

	while ((n = childmsg_recv(chan, &m, e)) > 0)
		take(&m, r, &done, e);
	while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
		;
	r->cpu_ns = ((int64_t)used.ru_utime.tv_sec + used.ru_stime.tv_sec) * CLOCK_NS_PER_S +
		    ((int64_t)used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
	r->timed_out = WIFEXITED(status) && WEXITSTATUS(status) == 2;
	if (r->timed_out)
		r->signo = SIGKILL;
	if (done || err_is_set(e))
		return err_is_set(e) ? -1 : 0;
	/* A step with uid 0 can kill the keeper: what that leaves comes to us. */
	err_set(e, ERR_HOST, "the step's keeper was ended from outside");
	reap_all(&ignored);
	err_release(&ignored);
	return -1;
}

/* What of the tier's capabilities this root must not give away. */
static uint64_t forbidden(int dev)
{
	uint64_t caps = UINT64_C(1) << CAP_SYS_CHROOT;

	return chrootfill_devices_open(dev) ? caps | UINT64_C(1) << CAP_MKNOD : caps;
}

int chrootrun(const struct sandbox_spec *given, struct sandbox_result *r, struct err *e)
{
	struct sandbox_spec s = *given;
	AUTO_CLOSE int root = openat(s.root.dirfd, s.root.tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int dev = root < 0 ? -1 : openat(root, "dev", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct keeper k = {.s = &s, .root = root, .out = {.notify = -1}};
	int pair[2];
	pid_t pid;

	*r = (struct sandbox_result){0};
	if (dev < 0)
		return err_sys(e, ERR_HOST, errno, "%s", s.root.tree);
	if (reap_adopt(e) < 0 || childmsg_pair(pair, e) < 0)
		return -1;
	s.drop_caps = forbidden(dev);
	k.chan = pair[1];
	k.deadline = s.timeout_ns > 0 ? clock_mono() + s.timeout_ns : 0;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		keeper(&k);
	}
	close(pair[1]);
	int rc = pid < 0 ? err_sys(e, ERR_HOST, errno, "fork") : wait_keeper(pair[0], pid, r, e);

	close(pair[0]);
	return rc;
}
