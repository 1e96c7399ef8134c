/* Event loop. A source that is removed while its batch of events is dispatched keeps its memory until the batch ends,
 * since events of the batch may point to it. */
#include "src/util/loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/proc.h"

#define LOOP_BATCH 64

enum loop_kind { LOOP_FD, LOOP_SIGNALS, LOOP_CHILD, LOOP_TIMER };

struct loop_src {
	struct loop_src *prev, *next;
	enum loop_kind kind;
	int fd;
	bool dead;
	pid_t pid;
	void *arg;
	union {
		loop_fd_fn *fd;
		loop_signal_fn *signal;
		loop_child_fn *child;
		loop_timer_fn *timer;
	} fn;
};

struct loop {
	int epfd;
	bool stop;
	unsigned depth;	       /* of loop_run */
	struct loop_src *live; /* doubly linked */
	struct loop_src *dead; /* linked by next */
	sigset_t mask;	       /* when the loop was made */
};

struct loop *loop_new(struct err *e)
{
	struct loop *l = mem_new(struct loop);

	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		err_sys(e, ERR_HOST, errno, "cannot make an epoll descriptor");
		free(l);
		return NULL;
	}
	sigprocmask(SIG_BLOCK, NULL, &l->mask);
	return l;
}

static void loop_close_src(struct loop_src *s)
{
	if (s->kind != LOOP_FD && s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void loop_sweep(struct loop *l)
{
	while (l->dead) {
		struct loop_src *s = l->dead;

		l->dead = s->next;
		free(s);
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->live)
		loop_remove(l, l->live);
	loop_sweep(l);
	if (l->epfd >= 0) {
		sigprocmask(SIG_SETMASK, &l->mask, NULL);
		close(l->epfd);
	}
	free(l);
}

/* A new live source on fd. On failure an fd that the source would own is closed. */
static struct loop_src *loop_add(struct loop *l, enum loop_kind kind, int fd, uint32_t events, void *arg, struct err *e)
{
	struct loop_src *s = mem_new(struct loop_src);
	struct epoll_event ev = {.events = events, .data.ptr = s};

	s->kind = kind;
	s->fd = fd;
	s->arg = arg;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		err_sys(e, ERR_HOST, errno, "cannot watch a descriptor");
		loop_close_src(s);
		free(s);
		return NULL;
	}
	s->next = l->live;
	if (s->next)
		s->next->prev = s;
	l->live = s;
	return s;
}

struct loop_src *loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg, struct err *e)
{
	struct loop_src *s = loop_add(l, LOOP_FD, fd, events, arg, e);

	if (s)
		s->fn.fd = fn;
	return s;
}

struct loop_src *loop_add_signals(struct loop *l, const int *signos, size_t n, loop_signal_fn *fn, void *arg,
				  struct err *e)
{
	struct loop_src *s;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < n; i++)
		sigaddset(&set, signos[i]);
	/* Before they are blocked a signal takes its usual way, after that it is in the descriptor: none is lost. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0) {
		err_sys(e, ERR_HOST, errno, "cannot make a signal descriptor");
		return NULL;
	}
	s = loop_add(l, LOOP_SIGNALS, fd, EPOLLIN, arg, e);
	if (s)
		s->fn.signal = fn;
	return s;
}

struct loop_src *loop_add_child(struct loop *l, pid_t pid, loop_child_fn *fn, void *arg, struct err *e)
{
	struct loop_src *s;
	int fd = proc_pidfd(pid);

	if (fd < 0) {
		err_sys(e, ERR_HOST, errno, "cannot watch process %d", (int)pid);
		return NULL;
	}
	s = loop_add(l, LOOP_CHILD, fd, EPOLLIN, arg, e);
	if (s) {
		s->fn.child = fn;
		s->pid = pid;
	}
	return s;
}

static struct timespec loop_timespec(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / CLOCK_NS_PER_S, .tv_nsec = ns % CLOCK_NS_PER_S};
}

struct loop_src *loop_add_timer(struct loop *l, int64_t delay_ns, int64_t interval_ns, loop_timer_fn *fn, void *arg,
				struct err *e)
{
	/* 0 would disarm it. */
	struct itimerspec when = {.it_value = loop_timespec(delay_ns > 0 ? delay_ns : 1),
				  .it_interval = loop_timespec(interval_ns > 0 ? interval_ns : 0)};
	AUTO_CLOSE int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct loop_src *s;

	if (fd < 0 || timerfd_settime(fd, 0, &when, NULL) < 0) {
		err_sys(e, ERR_HOST, errno, "cannot make a timer");
		return NULL;
	}
	s = loop_add(l, LOOP_TIMER, STEAL_FD(fd), EPOLLIN, arg, e);
	if (s)
		s->fn.timer = fn;
	return s;
}

void loop_remove(struct loop *l, struct loop_src *s)
{
	if (!s || s->dead)
		return;
	if (l->epfd >= 0 && s->fd >= 0)
		epoll_ctl(l->epfd, EPOLL_CTL_DEL, s->fd, NULL);
	loop_close_src(s);
	s->dead = true;
	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		l->live = s->next;
	s->next = l->dead;
	l->dead = s;
	if (l->depth == 0)
		loop_sweep(l);
}

static void loop_on_signals(struct loop_src *s)
{
	struct signalfd_siginfo si;

	/* Still alive: the callback may have removed the source. */
	while (!s->dead && read(s->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		s->fn.signal(s->arg, (int)si.ssi_signo);
}

static void loop_on_child(struct loop *l, struct loop_src *s)
{
	int status = 0;
	pid_t r = waitpid(s->pid, &status, WNOHANG);

	if (r == 0)
		return;
	loop_remove(l, s);
	/* Somebody else reaped it: whatever it was, it must not look like success. */
	s->fn.child(s->arg, r < 0 ? W_EXITCODE(127, 0) : status);
}

static void loop_on_timer(struct loop_src *s)
{
	uint64_t times;

	if (read(s->fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
		s->fn.timer(s->arg);
}

static void loop_dispatch(struct loop *l, struct loop_src *s, uint32_t events)
{
	switch (s->kind) {
	case LOOP_FD:
		s->fn.fd(s->arg, events);
		break;
	case LOOP_SIGNALS:
		loop_on_signals(s);
		break;
	case LOOP_CHILD:
		loop_on_child(l, s);
		break;
	case LOOP_TIMER:
		loop_on_timer(s);
		break;
	}
}

int loop_run(struct loop *l, struct err *e)
{
	struct epoll_event batch[LOOP_BATCH];

	l->depth++;
	while (!l->stop) {
		int n = epoll_wait(l->epfd, batch, LOOP_BATCH, -1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			l->depth--;
			return err_sys(e, ERR_INTERNAL, errno, "cannot wait for events");
		}
		for (int i = 0; i < n; i++) {
			struct loop_src *s = batch[i].data.ptr;

			if (!s->dead)
				loop_dispatch(l, s, batch[i].events);
		}
		if (l->depth == 1)
			loop_sweep(l);
	}
	l->stop = false;
	l->depth--;
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}

void loop_forget(struct loop *l)
{
	for (struct loop_src *s = l->live; s; s = s->next)
		loop_close_src(s);
	close(l->epfd);
	l->epfd = -1;
	sigprocmask(SIG_SETMASK, &l->mask, NULL);
}
