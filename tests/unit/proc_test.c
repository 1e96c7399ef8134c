/* Programs to run. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sys/wait.h>

#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/proc.h"
#include "tests/unit/unit.h"

static char *sh_argv[4];

/* The arguments of execve are not const for history's sake. */
static char *const *sh(char *script)
{
	static char name[] = "sh", option[] = "-c";

	sh_argv[0] = name;
	sh_argv[1] = option;
	sh_argv[2] = script;
	return sh_argv;
}

#define SH(script) sh((char[]){script})

START_TEST(test_output)
{
	struct buf out AUTO_BUF = BUF_INIT(BUF_TEXT_MAX), errout AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);
	char *env[] = {(char[]){"X=y"}, (char[]){"PATH=/usr/bin:/bin"}, NULL};
	struct proc_io io = {.in = "input", .in_len = 5, .out = &out, .errout = &errout, .envp = env, .cwd = "/usr"};
	struct err e = ERR_INIT;
	int status = 0;

	unit_ok(proc_run(SH("cat; echo \" $X $(pwd)\"; echo bad >&2; exit 7"), &io, &status, &e), e);
	ck_assert_str_eq(buf_str(&out), "input y /usr\n");
	ck_assert_str_eq(buf_str(&errout), "bad\n");
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	unit_ok(proc_run(SH("kill -TERM $$"), &io, &status, &e), e);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}
END_TEST

/* More in and out than pipes hold, none of it read in step. */
START_TEST(test_much)
{
	size_t n = (size_t)1 << 20;
	AUTO_FREE char *text = mem_zalloc(n);
	struct buf out AUTO_BUF = BUF_INIT(n), errout AUTO_BUF = BUF_INIT(n);
	struct proc_io io = {.in = text, .in_len = n, .out = &out, .errout = &errout};
	struct err e = ERR_INIT;
	int status = 0;

	memset(text, 'x', n);
	unit_ok(proc_run(SH("tee /dev/stderr"), &io, &status, &e), e);
	ck_assert_uint_eq(out.n, n);
	ck_assert_uint_eq(errout.n, n);
	out.max = n - 1;
	buf_clear(&out);
	buf_clear(&errout);
	ck_assert_int_eq(proc_run(SH("tee /dev/stderr; sleep 50"), &io, &status, &e), -1);
	unit_failed(e, ERR_HOST, "wrote more than");
	/* Input that nobody reads. */
	unit_ok(proc_run(SH("exit 0"), &io, &status, &e), e);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(test_failures)
{
	struct buf out AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);
	struct proc_io io = {.out = &out};
	char *none[] = {(char[]){"slct-no-such-program"}, NULL}, *dir[] = {(char[]){"/usr"}, NULL};
	struct err e = ERR_INIT;
	int64_t start = clock_mono();
	int status = 0;

	ck_assert_int_eq(proc_run(none, &io, &status, &e), -1);
	ck_assert_int_eq(e.sys, ENOENT);
	unit_failed(e, ERR_NOT_FOUND, "cannot run slct-no-such-program");
	ck_assert_int_eq(proc_run(dir, &io, &status, &e), -1);
	unit_failed(e, ERR_HOST, "cannot run /usr");
	io.cwd = "/no/such/directory";
	ck_assert_int_eq(proc_run(SH("true"), &io, &status, &e), -1);
	unit_failed(e, ERR_NOT_FOUND, "cannot run sh");
	io.cwd = NULL;
	io.timeout_ns = 20000000;
	ck_assert_int_eq(proc_run(SH("echo begun; exec sleep 50"), &io, &status, &e), -1);
	ck_assert(e.retryable);
	unit_failed(e, ERR_TEMP, "did not end within 20 ms");
	ck_assert_int_lt(clock_mono() - start, 40 * CLOCK_NS_PER_S);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* A grandchild that keeps the pipe open does not keep us. */
START_TEST(test_lingering_grandchild)
{
	struct buf out AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);
	struct proc_io io = {.out = &out, .timeout_ns = 40 * CLOCK_NS_PER_S};
	struct err e = ERR_INIT;
	int status = 0;

	unit_ok(proc_run(SH("sleep 45 & echo $!"), &io, &status, &e), e);
	ck_assert_uint_gt(out.n, 1);
	kill((pid_t)strtol(buf_str(&out), NULL, 10), SIGKILL);
}
END_TEST

START_TEST(test_signals_and_descriptors)
{
	struct buf out AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);
	struct proc_io io = {.out = &out};
	char *grep[] = {(char[]){"grep"}, (char[]){"SigBlk"}, (char[]){"/proc/self/status"}, NULL};
	struct err e = ERR_INIT;
	sigset_t all;
	int status = 0;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(dup2(1, 77), 77); /* not close-on-exec */
	/* Not by a shell: some unblock signals themselves. */
	unit_ok(proc_run(grep, &io, &status, &e), e);
	ck_assert_str_eq(buf_str(&out), "SigBlk:\t0000000000000000\n");
	buf_clear(&out);
	unit_ok(proc_run(SH("test -e /proc/self/fd/77 && echo open; kill -PIPE $$"), &io, &status, &e), e);
	ck_assert_str_eq(buf_str(&out), "");
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}
END_TEST

START_TEST(test_pidfd)
{
	pid_t pid = fork();
	struct pollfd p = {.events = POLLIN};
	int status = 0;

	if (pid == 0) {
		for (;;)
			pause();
	}
	p.fd = proc_pidfd(pid);
	ck_assert_int_ge(p.fd, 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(poll(&p, 1, 30000), 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(p.fd);
}
END_TEST

START_TEST(test_die_with_parent)
{
	int p[2], status = 0;
	pid_t pid;
	char c;

	/* The middle process ends; its child, which holds the pipe's last writing end, ends with it. */
	ck_assert_int_eq(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		pid_t self = getpid();

		if (fork() == 0) {
			proc_die_with_parent(self);
			if (write(p[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		close(p[1]);
		_exit(read(p[0], &c, 1) == 1 ? 0 : 1);
	}
	close(p[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(p[0], &c, 1), 0);
	close(p[0]);
	/* Not our parent any more. */
	pid = fork();
	if (pid == 0)
		proc_die_with_parent(1 + getppid());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 127);
}
END_TEST

/* Helpers gain nothing by exec; newuidmap must. */
START_TEST(test_no_new_privs)
{
	struct buf out AUTO_BUF = BUF_INIT(BUF_TEXT_MAX);
	struct proc_io io = {.out = &out};
	struct err e = ERR_INIT;
	int status = 0;

	unit_ok(proc_run(SH("grep NoNewPrivs /proc/self/status"), &io, &status, &e), e);
	io.setid = true;
	unit_ok(proc_run(SH("grep NoNewPrivs /proc/self/status"), &io, &status, &e), e);
	ck_assert_str_eq(buf_str(&out), "NoNewPrivs:\t1\nNoNewPrivs:\t0\n");
}
END_TEST

UNIT_MAIN("proc", test_no_new_privs, test_output, test_much, test_failures, test_lingering_grandchild,
	  test_signals_and_descriptors, test_pidfd, test_die_with_parent)
