#include "src/run/runserv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/proc.h"

/* Between two tries of a service's readiness command. */
#define READY_PAUSE_NS	 (CLOCK_NS_PER_S / 5)
#define READY_TIMEOUT_NS (60 * CLOCK_NS_PER_S)

static void say(int fd, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void say(int fd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(fd, fmt, ap);
	va_end(ap);
}

pid_t runserv_start(struct runcmd *p, bool joined, const volatile bool *stopping, struct err *e)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return err_sys(e, ERR_HOST, errno, "fork");
	if (pid > 0)
		return pid;
	struct runimg_result r = {0};

	proc_die_with_parent(parent);
	p->step.b->s->loop = NULL;
	if (runcmd_run(p, joined, false, &r, e) < 0)
		say(p->cmd->out_fd, "slct: service %s: %s\n", p->cmd->name, e->msg);
	else if (!*stopping)
		say(p->cmd->out_fd, "slct: service %s ended: %s %d\n", p->cmd->name, r.signo ? "signal" : "status",
		    r.signo ? r.signo : r.status);
	_exit(1);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid;
}

/* An overlay that was mounted as volatile is not mounted again: each try has directories of its own. */
static int renew_dirs(struct runcmd *p, unsigned number, struct err *e)
{
	if (p->step.memory) /* the try has a tmpfs of its own */
		return 0;
	p->upper = mem_printf("%s/upper.%u", p->step.dir, number);
	p->work = mem_printf("%s/work.%u", p->step.dir, number);
	if (mkdirat(store_fd(p->job->b->s->store), p->upper, 0755) < 0 ||
	    mkdirat(store_fd(p->job->b->s->store), p->work, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", p->upper);
	return 0;
}

/* A try in a child: its namespaces, mounts and descriptors end with it. */
static bool try_ready(struct runcmd *p, bool joined, int64_t left, unsigned number, struct err *e)
{
	struct runimg_cmd probe = *p->cmd;
	struct runcmd own = *p;
	pid_t parent = getpid(), pid;
	int status = 0;

	probe.argv = p->cmd->ready;
	probe.timeout_ns = left;
	own.cmd = &probe;
	pid = fork();
	if (pid < 0) {
		err_sys(e, ERR_HOST, errno, "fork");
		return false;
	}
	if (pid == 0) {
		struct runimg_result r = {0};

		proc_die_with_parent(parent);
		if (renew_dirs(&own, number, e) < 0 || runcmd_run(&own, joined, false, &r, e) < 0)
			say(probe.out_fd, "slct: readiness of service %s: %s\n", probe.name, e->msg);
		else
			_exit(r.status || r.signo || r.timed_out);
		_exit(1);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int not_ready(const struct runimg_cmd *c, const char *why, struct err *e)
{
	err_set(e, ERR_STEP, "service %s %s", c->name, why);
	return err_hint(e, "its output is in the test's log");
}

int runserv_await(struct runcmd *probe, pid_t pid, bool joined, struct err *e)
{
	const struct runimg_cmd *c = probe->cmd;
	int64_t end = clock_mono() + (c->timeout_ns ? c->timeout_ns : READY_TIMEOUT_NS);
	const struct timespec pause = {.tv_nsec = READY_PAUSE_NS};

	for (unsigned number = 0; c->ready.n; number++) {
		int64_t left = end - clock_mono();

		if (has_ended(pid))
			return not_ready(c, "ended before it was ready", e);
		if (left <= 0)
			return not_ready(c, "was not ready in time", e);
		if (try_ready(probe, joined, left, number, e))
			return 0;
		if (err_is_set(e))
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}
