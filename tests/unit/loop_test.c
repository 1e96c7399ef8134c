/* The event loop. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "src/util/cleanup.h"
#include "src/util/loop.h"
#include "tests/unit/unit.h"

#define MS INT64_C(1000000)

struct state {
	struct loop *l;
	struct loop_src *src[4];
	int fds[4];
	int calls[4];
	int last;
};

static struct loop *new_loop(void)
{
	struct err e = ERR_INIT;
	struct loop *l = loop_new(&e);

	ck_assert_msg(l != NULL, "%s", e.msg);
	return l;
}

static void run(struct loop *l)
{
	struct err e = ERR_INIT;

	unit_ok(loop_run(l, &e), e);
}

static void on_child(void *arg, int status)
{
	struct state *s = arg;

	s->last = status;
	if (++s->calls[0] == 3)
		loop_stop(s->l);
}

START_TEST(test_children)
{
	struct state s = {.l = new_loop()};
	struct err e = ERR_INIT;

	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(5);
		ck_assert_ptr_nonnull(loop_add_child(s.l, pid, on_child, &s, &e));
	}
	run(s.l);
	ck_assert_int_eq(s.calls[0], 3);
	ck_assert(WIFEXITED(s.last) && WEXITSTATUS(s.last) == 5);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_ptr_null(loop_add_child(s.l, 0x3ffffff, on_child, &s, &e));
	unit_failed(e, ERR_HOST, "cannot watch process");
	loop_free(s.l);
}
END_TEST

static void on_signal(void *arg, int signo)
{
	struct state *s = arg;

	s->last = signo;
	s->calls[0]++;
	if (signo == SIGUSR1)
		raise(SIGUSR2);
	else
		loop_stop(s->l);
}

START_TEST(test_signals)
{
	static const int signos[] = {SIGUSR1, SIGUSR2};
	struct state s = {.l = new_loop()};
	struct err e = ERR_INIT;
	sigset_t now;

	ck_assert_ptr_nonnull(loop_add_signals(s.l, signos, 2, on_signal, &s, &e));
	raise(SIGUSR1);
	run(s.l);
	ck_assert_int_eq(s.calls[0], 2);
	ck_assert_int_eq(s.last, SIGUSR2);
	loop_free(s.l);
	sigprocmask(SIG_BLOCK, NULL, &now);
	ck_assert(!sigismember(&now, SIGUSR1));
}
END_TEST

static void on_tick(void *arg)
{
	struct state *s = arg;

	if (++s->calls[0] == 3) {
		loop_remove(s->l, s->src[0]); /* itself */
		loop_stop(s->l);
	}
}

static void on_once(void *arg)
{
	((struct state *)arg)->calls[1]++;
}

START_TEST(test_timers)
{
	struct state s = {.l = new_loop()};
	struct err e = ERR_INIT;

	s.src[0] = loop_add_timer(s.l, 0, 2 * MS, on_tick, &s, &e);
	ck_assert_ptr_nonnull(loop_add_timer(s.l, 0, 0, on_once, &s, &e));
	run(s.l);
	ck_assert_int_eq(s.calls[0], 3);
	ck_assert_int_eq(s.calls[1], 1);
	loop_free(s.l);
}
END_TEST

/* All pipes are readable at once: whichever comes first removes all, so the others' events are stale. */
static void on_any(void *arg, uint32_t events)
{
	struct state *s = arg;

	ck_assert_uint_eq(events & EPOLLIN, EPOLLIN);
	s->calls[0]++;
	for (int i = 0; i < 4; i++) {
		loop_remove(s->l, s->src[i]);
		close(s->fds[i]);
	}
	loop_stop(s->l);
}

START_TEST(test_remove_in_callback)
{
	struct state s = {.l = new_loop()};
	struct err e = ERR_INIT;

	for (int i = 0; i < 4; i++) {
		int p[2];

		ck_assert_int_eq(pipe(p), 0);
		ck_assert_int_eq(write(p[1], "x", 1), 1);
		s.fds[i] = p[0];
		s.src[i] = loop_add_fd(s.l, p[0], EPOLLIN, on_any, &s, &e);
		ck_assert_ptr_nonnull(s.src[i]);
	}
	run(s.l);
	ck_assert_int_eq(s.calls[0], 1);
	loop_remove(s.l, NULL);
	loop_free(s.l);
	loop_free(NULL);
}
END_TEST

static void on_write(void *arg, uint32_t events)
{
	struct state *s = arg;

	s->last = (int)events;
	loop_stop(s->l);
}

START_TEST(test_errors)
{
	UNIT_DIR(d);
	struct state s = {.l = new_loop()};
	struct err e = ERR_INIT;
	int p[2];

	ck_assert_int_eq(pipe(p), 0);
	s.src[0] = loop_add_fd(s.l, p[1], EPOLLOUT, on_write, &s, &e);
	ck_assert_ptr_null(loop_add_fd(s.l, p[1], EPOLLOUT, on_write, &s, &e));
	unit_failed(e, ERR_HOST, "cannot watch");
	ck_assert_ptr_null(loop_add_fd(s.l, d.fd, EPOLLIN, on_write, &s, &e));
	unit_failed(e, ERR_HOST, "cannot watch");
	run(s.l);
	ck_assert_int_eq(s.last, EPOLLOUT);
	loop_free(s.l);
	ck_assert_int_ge(fcntl(p[1], F_GETFD), 0);
}
END_TEST

static void on_time(void *arg)
{
	struct state *s = arg;

	loop_stop(s->l);
}

static void on_alarm(int signo ATTR_UNUSED)
{
}

/* A signal with a handler, which interrupts the waiting, is no failure of it. */
START_TEST(test_interrupted)
{
	struct state s = {.l = new_loop()};
	struct itimerval often = {{0, 1000}, {0, 1000}}, never = {0};
	struct sigaction act = {.sa_handler = on_alarm};
	struct err e = ERR_INIT;

	ck_assert_int_eq(sigaction(SIGALRM, &act, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	ck_assert_ptr_nonnull(loop_add_timer(s.l, 20 * MS, 0, on_time, &s, &e));
	run(s.l);
	setitimer(ITIMER_REAL, &never, NULL);
	loop_free(s.l);
}
END_TEST

START_TEST(test_stop_before_run)
{
	struct loop *l = new_loop();

	loop_stop(l);
	run(l);
	loop_free(l);
}
END_TEST

/* A child that forgets the loop has no descriptor of it and the old mask, and the parent's loop still works. */
START_TEST(test_forget)
{
	static const int signos[] = {SIGUSR1};
	int status = 0, first = dup(0);
	struct state s;
	struct err e = ERR_INIT;
	pid_t pid;

	/* The loop's descriptors will be this one and the next two. */
	close(first);
	s = (struct state){.l = new_loop()};
	ck_assert_ptr_nonnull(loop_add_signals(s.l, signos, 1, on_signal, &s, &e));
	ck_assert_ptr_nonnull(loop_add_timer(s.l, MS, 0, on_time, &s, &e));
	for (int fd = first; fd < first + 3; fd++)
		ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	pid = fork();
	if (pid == 0) {
		sigset_t now;

		loop_forget(s.l);
		for (int fd = first; fd < first + 3; fd++)
			if (fcntl(fd, F_GETFD) >= 0)
				_exit(1);
		sigprocmask(SIG_BLOCK, NULL, &now);
		loop_free(s.l);
		_exit(sigismember(&now, SIGUSR1) ? 2 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	run(s.l);
	loop_free(s.l);
}
END_TEST

UNIT_MAIN("loop", test_children, test_signals, test_timers, test_remove_in_callback, test_errors, test_interrupted,
	  test_stop_before_run, test_forget)
