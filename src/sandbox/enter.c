/* Start a step's init and wait for its end. */
#include "src/sandbox/enter.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/childmsg.h"
#include "src/sandbox/init_child.h"
#include "src/sandbox/nsdiag.h"
#include "src/util/clock.h"
#include "src/util/log.h"

#define NS_PER_MS 1000000

/* What is known of the step so far. */
struct watch {
	int chan;
	pid_t init;
	int64_t deadline; /* clock_mono(), 0: none */
	bool done, failed, timed_out;
	int status; /* if done */
	char lost[SANDBOX_LOST_MAX];
};

static int new_namespaces(const struct sandbox_spec *s)
{
	int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;

	return s->net == SANDBOX_NET_NONE ? flags | CLONE_NEWNET : flags;
}

/* As fork: no stack of its own. The C library's fork cannot make namespaces, and unshare would bind this process too.
 */
static pid_t start_init(const struct sandbox_spec *s, const struct plan_ops *ops, const int pair[2], struct err *e)
{
	pid_t pid = (pid_t)syscall(SYS_clone, new_namespaces(s) | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		close(pair[0]);
		init_child(s, ops, pair[1]);
	}
	if (pid < 0)
		nsdiag_refused(errno, "clone for the step", (unsigned)new_namespaces(s), e);
	return pid;
}

/* Milliseconds until the deadline, rounded up, for poll(2). */
static int time_left(const struct watch *w)
{
	int64_t left;

	if (w->deadline == 0)
		return -1;
	left = w->deadline - clock_mono();
	if (left <= 0)
		return 0;
	left = (left + NS_PER_MS - 1) / NS_PER_MS;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static void kill_late(struct watch *w)
{
	w->timed_out = true;
	w->deadline = 0;
	kill(w->init, SIGKILL);
}

static int take(struct watch *w, const struct childmsg *m, struct err *e)
{
	switch ((enum childmsg_kind)m->kind) {
	case CHILDMSG_ERROR:
		if (!w->failed)
			childmsg_to_err(m, e);
		w->failed = true;
		break;
	case CHILDMSG_WARN:
		log_msg(LOG_WARN, "%s", m->msg);
		break;
	case CHILDMSG_DONE:
		w->done = true;
		w->status = m->status;
		break;
	case CHILDMSG_LOST:
		snprintf(w->lost, sizeof w->lost, "%.*s", SANDBOX_LOST_MAX - 1, m->msg);
		break;
	case CHILDMSG_READY:
		break;
	}
	return 0;
}

/* Take messages until the channel's other end is closed, which is when init has ended. */
static int watch_init(struct watch *w, struct err *e)
{
	for (;;) {
		struct pollfd p = {.fd = w->chan, .events = POLLIN};
		struct childmsg m;
		int n = poll(&p, 1, time_left(w));

		if (n < 0 && errno != EINTR)
			return err_sys(e, ERR_HOST, errno, "poll");
		if (n == 0 && w->deadline != 0 && time_left(w) == 0)
			kill_late(w);
		if (n <= 0)
			continue;
		n = childmsg_recv(w->chan, &m, e);
		if (n <= 0)
			return n;
		if (take(w, &m, e) < 0)
			return -1;
	}
}

static int64_t cpu_time(const struct rusage *u)
{
	int64_t s = (int64_t)u->ru_utime.tv_sec + u->ru_stime.tv_sec;
	int64_t us = (int64_t)u->ru_utime.tv_usec + u->ru_stime.tv_usec;

	return s * CLOCK_NS_PER_S + us * 1000;
}

static int verdict(const struct watch *w, int init_status, struct sandbox_result *r, struct err *e)
{
	if (w->failed)
		return -1;
	r->timed_out = w->timed_out;
	memcpy(r->lost, w->lost, sizeof r->lost);
	if (w->timed_out) {
		r->signo = SIGKILL;
		return 0;
	}
	if (!w->done)
		return err_set(e, ERR_HOST, "the step's init was ended from outside (%s %d)",
			       WIFSIGNALED(init_status) ? "signal" : "status",
			       WIFSIGNALED(init_status) ? WTERMSIG(init_status) : WEXITSTATUS(init_status));
	if (WIFSIGNALED(w->status))
		r->signo = WTERMSIG(w->status);
	else
		r->exit_status = WEXITSTATUS(w->status);
	return 0;
}

int enter_run(const struct sandbox_spec *s, const struct plan_ops *ops, struct sandbox_result *r, struct err *e)
{
	struct watch w = {0};
	struct rusage used;
	int pair[2], status = 0, watched;

	*r = (struct sandbox_result){0};
	if (childmsg_pair(pair, e) < 0)
		return -1;
	w.chan = pair[0];
	w.deadline = s->timeout_ns > 0 ? clock_mono() + s->timeout_ns : 0;
	w.init = start_init(s, ops, pair, e);
	close(pair[1]);
	if (w.init < 0) {
		close(pair[0]);
		return -1;
	}
	watched = watch_init(&w, e);
	close(pair[0]);
	if (watched < 0)
		kill(w.init, SIGKILL);
	while (wait4(w.init, &status, 0, &used) < 0 && errno == EINTR)
		;
	r->cpu_ns = cpu_time(&used);
	return watched < 0 ? -1 : verdict(&w, status, r, e);
}
