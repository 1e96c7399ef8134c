/* Taking calls and answering them, by one thread: several would change processors with every call.
 *
 * A call that has not been taken yet is given up if its task gets a signal: with a handler that has no SA_RESTART it
 * fails with EINTR, which chown(2) and the like never do. Once taken it is safe from all signals but those that kill
 * (WAIT_KILLABLE_RECV). So where many tasks ask at once, all their calls are taken before the first is answered. */
#include "src/sandbox/solo_loop.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"

#define LOOP_REMIND_US 2000
#define LOOP_REST_US   1000
/* Calls that are taken before they are answered. */
#define LOOP_AHEAD 64
/* As long as calls come one by one, whether another one waits is looked at only now and then: poll(2) costs. */
#define LOOP_LOOK 8

/* --- one call --- */

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

static void serve(struct solo *s, const struct notif *n)
{
	uint64_t args[6];

	for (size_t i = 0; i < ARRAY_LEN(args); i++)
		args[i] = n->req->data.args[i];
	answer(s, n, solo_req_serve(s, n->req->data.nr, (pid_t)n->req->pid, n->req->id, args));
}

/* --- those that wait --- */

struct queue {
	struct notif v[LOOP_AHEAD];
	unsigned since; /* calls since the last look */
};

static void queue_release(struct queue *q)
{
	for (size_t i = 0; i < ARRAY_LEN(q->v); i++)
		notif_release(&q->v[i]);
	free(q);
}

static struct queue *queue_new(struct err *e)
{
	struct queue *q = mem_new(struct queue);

	for (size_t i = 0; i < ARRAY_LEN(q->v); i++)
		if (notif_init(&q->v[i], e) < 0) {
			queue_release(q);
			return NULL;
		}
	return q;
}

static bool take(const struct solo *s, const struct notif *n)
{
	memset(n->req, 0, n->req_size);
	return ioctl(s->notify, SECCOMP_IOCTL_NOTIF_RECV, n->req) == 0;
}

static bool another_waits(const struct solo *s)
{
	struct pollfd p = {.fd = s->notify, .events = POLLIN};

	return poll(&p, 1, 0) > 0 && (p.revents & POLLIN);
}

/* Beside the first, which is there. */
static size_t take_others(const struct solo *s, struct queue *q)
{
	size_t n = 1;

	if (q->since++ % LOOP_LOOK != 0)
		return n;
	while (n < LOOP_AHEAD && another_waits(s) && take(s, &q->v[n]))
		n++;
	if (n > 1)
		q->since = 0;
	return n;
}

/* A blocking call, for speed. */
static void serve_some(struct solo *s, struct queue *q)
{
	size_t n;

	if (!take(s, &q->v[0])) {
		/* ENOENT: one task was killed, or the last has gone, which is said without end. */
		if (errno != EINTR)
			usleep(LOOP_REST_US);
		return;
	}
	n = take_others(s, q);
	for (size_t i = 0; i < n; i++)
		serve(s, &q->v[i]);
}

/* --- the end of the command --- */

/* Set by signals, of which one may come just before the blocking call and not interrupt it: so they are repeated until
 * they have been seen. */
static volatile sig_atomic_t children_ended;

static void remind(bool on)
{
	const struct itimerval t = {{0, on ? LOOP_REMIND_US : 0}, {0, on ? LOOP_REMIND_US : 0}};

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

int solo_loop(struct solo *s, pid_t command, int *status, struct err *e)
{
	struct queue *q = queue_new(e);

	if (!q)
		return -1;
	hear_signals();
	children_ended = 1; /* what ended before */
	while (!children_ended || !reap(command, status))
		if (s->notify >= 0)
			serve_some(s, q);
		else
			usleep(LOOP_REST_US); /* a command that has failed before it had a filter */
	queue_release(q);
	return 0;
}
