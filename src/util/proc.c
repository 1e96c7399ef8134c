/* Child processes: programs to run, pidfds. */
#include "src/util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/clock.h"
#include "src/util/io.h"

#define PROC_READ_BYTES 4096
/* How often a child is looked at where there are no pidfds. */
#define PROC_POLL_MS 10

int proc_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

void proc_die_with_parent(pid_t parent)
{
	/* The parent may have gone before prctl; then nobody will send the signal. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(127);
}

/* A running child with the ends of its pipes that are ours. */
struct proc_child {
	pid_t pid;
	int pidfd;  /* -1: none to be had */
	int fds[2]; /* its standard output and error; -1 when closed */
	struct buf *bufs[2];
	const char *name;
};

/* What the child's standard descriptors are to be, and the pipe that tells why it could not start. */
struct proc_ends {
	int std[3];
	int report;
};

static int proc_input(const struct proc_io *io, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (!io->in) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? err_sys(e, ERR_HOST, errno, "cannot open /dev/null") : STEAL_FD(fd);
	}
	/* Not a pipe: nothing to feed while the child writes, no SIGPIPE if it does not read. */
	fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "cannot make a file in memory");
	if (io_write_all(fd, io->in, io->in_len, "a file in memory", e) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot rewind a file in memory");
	return STEAL_FD(fd);
}

/* *ours is -1 if the child's end is not a pipe. */
static int proc_output(bool pipe_wanted, const char *else_open, int *ours, int *theirs, struct err *e)
{
	int p[2];

	*ours = *theirs = -1;
	if (!pipe_wanted && !else_open)
		return 0; /* inherited */
	if (!pipe_wanted) {
		*theirs = open(else_open, O_WRONLY | O_CLOEXEC);
		return *theirs < 0 ? err_sys(e, ERR_HOST, errno, "cannot open %s", else_open) : 0;
	}
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot make a pipe");
	*ours = p[0];
	*theirs = p[1];
	return fcntl(p[0], F_SETFL, O_NONBLOCK) < 0 ? err_sys(e, ERR_HOST, errno, "cannot set up a pipe") : 0;
}

static void proc_child_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
}

static void proc_exec(char *const argv[], const struct proc_io *io, struct proc_ends *ends, pid_t parent) ATTR_NORETURN;

static void proc_exec(char *const argv[], const struct proc_io *io, struct proc_ends *ends, pid_t parent)
{
	int error;

	proc_die_with_parent(parent);
	proc_child_signals();
	/* Out of the way of 0 to 2 first, should the parent have been started without them. */
	ends->report = fcntl(ends->report, F_DUPFD_CLOEXEC, 3);
	for (int i = 0; i < 3; i++)
		if (ends->std[i] >= 0)
			ends->std[i] = fcntl(ends->std[i], F_DUPFD_CLOEXEC, 3);
	for (int i = 0; i < 3; i++)
		if (ends->std[i] >= 0 && dup2(ends->std[i], i) < 0)
			goto failed;
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); /* Linux 5.11; ours have the flag anyway */
	if (io->cwd && chdir(io->cwd) < 0)
		goto failed;
	if (!io->setid && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		goto failed;
	execvpe(argv[0], argv, io->envp ? io->envp : environ);
failed:
	error = errno;
	if (write(ends->report, &error, sizeof(error)) != (ssize_t)sizeof(error))
		_exit(126);
	_exit(127);
}

static void proc_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Fork, exec; waits until exec has worked or not. */
static int proc_start(char *const argv[], const struct proc_io *io, struct proc_ends *ends, struct proc_child *c,
		      struct err *e)
{
	pid_t parent = getpid();
	AUTO_CLOSE int from = -1;
	int p[2], error = 0;
	ssize_t n;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot make a pipe");
	from = p[0];
	ends->report = p[1];
	c->pid = fork();
	if (c->pid == 0)
		proc_exec(argv, io, ends, parent);
	close(p[1]);
	if (c->pid < 0)
		return err_sys(e, ERR_HOST, errno, "cannot start %s", argv[0]);
	n = io_read_full(from, &error, sizeof(error), "the start of a program", e);
	if (n == 0)
		return 0;
	waitpid(c->pid, NULL, 0);
	c->pid = -1;
	return n < 0 ? -1 : err_sys(e, error == ENOENT ? ERR_NOT_FOUND : ERR_HOST, error, "cannot run %s", argv[0]);
}

/* What the pipe holds now. */
static int proc_drain(struct proc_child *c, int i, struct err *e)
{
	char part[PROC_READ_BYTES];
	ssize_t n;

	while (c->fds[i] >= 0) {
		n = read(c->fds[i], part, sizeof(part));
		if (n > 0) {
			buf_add(c->bufs[i], part, (size_t)n);
			if (c->bufs[i]->over)
				return err_set(e, ERR_HOST, "%s wrote more than %zu bytes", c->name, c->bufs[i]->max);
		} else if (n < 0 && errno == EAGAIN) {
			return 0;
		} else if (n == 0 || errno != EINTR) {
			proc_close(&c->fds[i]);
		}
	}
	return 0;
}

static int proc_wait_ms(const struct proc_child *c, int64_t deadline)
{
	int64_t ms = 60000, left;

	if (deadline) {
		left = (deadline - clock_mono() + 999999) / 1000000;
		ms = left < 0 ? 0 : left < ms ? left : ms;
	}
	return c->pidfd < 0 && ms > PROC_POLL_MS ? PROC_POLL_MS : (int)ms;
}

static int proc_collect(struct proc_child *c, int64_t timeout_ns, int *status, struct err *e)
{
	int64_t deadline = timeout_ns > 0 ? clock_mono() + timeout_ns : 0;

	for (;;) {
		struct pollfd p[] = {{c->fds[0], POLLIN, 0}, {c->fds[1], POLLIN, 0}, {c->pidfd, POLLIN, 0}};
		pid_t ended;

		if (poll(p, ARRAY_LEN(p), proc_wait_ms(c, deadline)) < 0 && errno != EINTR)
			return err_sys(e, ERR_HOST, errno, "cannot wait for %s", c->name);
		/* Look for the end first: what it wrote before is in the pipes then. */
		ended = waitpid(c->pid, status, WNOHANG);
		if (ended < 0)
			return err_sys(e, ERR_INTERNAL, errno, "cannot wait for %s", c->name);
		if (ended > 0)
			c->pid = -1;
		if (proc_drain(c, 0, e) < 0 || proc_drain(c, 1, e) < 0)
			return -1;
		if (ended > 0)
			return 0;
		if (deadline && clock_mono() >= deadline) {
			err_set(e, ERR_TEMP, "%s did not end within %lld ms", c->name,
				(long long)(timeout_ns / 1000000));
			e->retryable = true;
			return -1;
		}
	}
}

static void proc_child_release(struct proc_child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	proc_close(&c->pidfd);
	proc_close(&c->fds[0]);
	proc_close(&c->fds[1]);
}

static void proc_ends_close(struct proc_ends *ends)
{
	for (int i = 0; i < 3; i++)
		proc_close(&ends->std[i]);
}

int proc_run(char *const argv[], const struct proc_io *io, int *status, struct err *e)
{
	struct proc_child c AUTO(proc_child_release) = {
		.pid = -1, .pidfd = -1, .fds = {-1, -1}, .bufs = {io->out, io->errout}, .name = argv[0]};
	struct proc_ends ends AUTO(proc_ends_close) = {.std = {-1, -1, -1}};

	ends.std[0] = proc_input(io, e);
	if (ends.std[0] < 0 || proc_output(io->out != NULL, "/dev/null", &c.fds[0], &ends.std[1], e) < 0 ||
	    proc_output(io->errout != NULL, NULL, &c.fds[1], &ends.std[2], e) < 0)
		return -1;
	if (proc_start(argv, io, &ends, &c, e) < 0)
		return -1;
	proc_ends_close(&ends);
	c.pidfd = proc_pidfd(c.pid);
	return proc_collect(&c, io->timeout_ns, status, e);
}
