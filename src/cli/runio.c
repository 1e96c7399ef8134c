#include "src/cli/runio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/proc.h"

#define RUNIO_CHUNK 65536

/* What comes from `from` goes to `to`; a block waits while `to` takes nothing. */
struct runio_way {
	int from, to; /* from -1: it has ended */
	bool to_sandbox;
	char data[RUNIO_CHUNK];
	size_t n, at;
};

static volatile sig_atomic_t runio_resized;

static void runio_on_resize(int signo ATTR_UNUSED)
{
	runio_resized = 1;
}

static void runio_copy_size(int terminal)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(terminal, TIOCSWINSZ, &size);
}

/* --- the relay --- */

static void runio_end(struct runio_way *w, bool terminal)
{
	/* End of file for a program that reads a pipe; for one that reads a terminal it is a key. */
	if (w->to_sandbox && terminal && write(w->to, "\004", 1) < 0)
		w->n = 0;
	if (w->to_sandbox && !terminal && w->to >= 0) {
		close(w->to);
		w->to = -1;
	}
	w->from = -1;
}

static void runio_read(struct runio_way *w, bool terminal)
{
	ssize_t n = read(w->from, w->data, sizeof w->data);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		runio_end(w, terminal);
		return;
	}
	w->n = (size_t)n;
	w->at = 0;
}

static void runio_write(struct runio_way *w, bool terminal)
{
	ssize_t n = write(w->to, w->data + w->at, w->n - w->at);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		w->n = w->at = 0;
		/* Nobody reads any more: the writer is told as by a pipe without us (head -1). */
		if (!w->to_sandbox)
			close(w->from);
		runio_end(w, terminal && w->to_sandbox);
		return;
	}
	w->at += (size_t)n;
	if (w->at == w->n)
		w->n = w->at = 0;
}

static bool runio_output_left(const struct runio_way *ways, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!ways[i].to_sandbox && (ways[i].from >= 0 || ways[i].n))
			return true;
	return false;
}

static void runio_pump(struct runio_way *ways, size_t n, int terminal)
{
	while (runio_output_left(ways, n)) {
		struct pollfd p[3];

		for (size_t i = 0; i < n; i++)
			p[i] = ways[i].n ? (struct pollfd){.fd = ways[i].to, .events = POLLOUT}
					 : (struct pollfd){.fd = ways[i].from, .events = POLLIN};
		if (runio_resized && terminal >= 0) {
			runio_resized = 0;
			runio_copy_size(terminal);
		}
		if (poll(p, n, -1) < 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (!p[i].revents)
				continue;
			if (ways[i].n)
				runio_write(&ways[i], terminal >= 0);
			else
				runio_read(&ways[i], terminal >= 0);
		}
	}
}

static void ATTR_NORETURN runio_relay(struct runio_way *ways, size_t n, int terminal, pid_t parent)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE};
	struct sigaction resize = {.sa_handler = runio_on_resize};
	int keep[6];
	size_t kept = 0;

	proc_die_with_parent(parent);
	/* What the command has written last is passed on, whoever was told to end. */
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigaction(SIGWINCH, &resize, NULL);
	for (int fd = 3; fd < 1024; fd++) {
		bool used = false;

		for (size_t i = 0; i < n; i++)
			used |= ways[i].from == fd || ways[i].to == fd;
		if (used && kept < ARRAY_LEN(keep))
			keep[kept++] = fd;
	}
	io_close_from(3, keep, kept);
	for (size_t i = 0; i < n; i++)
		if (ways[i].to_sandbox)
			fcntl(ways[i].to, F_SETFL, fcntl(ways[i].to, F_GETFL) | O_NONBLOCK);
	runio_pump(ways, n, terminal);
	_exit(0);
}

/* --- the caller --- */

static int runio_start(struct runio *io, struct runio_way *ways, size_t n, int terminal, struct err *e)
{
	pid_t parent = getpid();

	io->relay = fork();
	if (io->relay == 0)
		runio_relay(ways, n, terminal, parent);
	if (io->relay < 0) {
		io->relay = 0;
		return err_sys(e, ERR_HOST, errno, "fork");
	}
	return 0;
}

static int runio_terminal(struct runio *io, bool interactive, struct err *e)
{
	AUTO_CLOSE int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	AUTO_FREE struct runio_way *ways = calloc(2, sizeof *ways);
	char name[64];
	struct termios raw;

	if (master < 0 || !ways || grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, name, sizeof name) != 0)
		return err_sys(e, ERR_HOST, errno, "a new terminal");
	io->out = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (io->out < 0)
		return err_sys(e, ERR_HOST, errno, "%s", name);
	io->err = io->out;
	io->in = io->out;
	runio_copy_size(master);
	if (interactive && tcgetattr(STDIN_FILENO, &io->saved) == 0) {
		raw = io->saved;
		cfmakeraw(&raw);
		io->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
	}
	ways[0].from = master;
	ways[0].to = STDOUT_FILENO;
	ways[1].from = interactive ? STDIN_FILENO : -1;
	ways[1].to = master;
	ways[1].to_sandbox = true;
	return runio_start(io, ways, 2, master, e);
}

static int runio_pipes(struct runio *io, bool interactive, struct err *e)
{
	AUTO_FREE struct runio_way *ways = calloc(3, sizeof *ways);
	int out[2], err[2], in[2] = {-1, -1}, rc;

	if (!ways || pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, ERR_HOST, errno, "pipe");
	io->out = out[1];
	if (pipe2(err, O_CLOEXEC) < 0) {
		close(out[0]);
		return err_sys(e, ERR_HOST, errno, "pipe");
	}
	io->err = err[1];
	io->in = 0;
	if (interactive && pipe2(in, O_CLOEXEC) == 0)
		io->in = in[0];
	ways[0].from = out[0];
	ways[0].to = STDOUT_FILENO;
	ways[1].from = err[0];
	ways[1].to = STDERR_FILENO;
	ways[2].from = interactive ? STDIN_FILENO : -1;
	ways[2].to = in[1];
	ways[2].to_sandbox = true;
	rc = runio_start(io, ways, interactive ? 3 : 2, -1, e);
	close(out[0]);
	close(err[0]);
	if (in[1] >= 0)
		close(in[1]);
	return rc;
}

int runio_open(struct runio *io, bool interactive, bool terminal, struct err *e)
{
	*io = RUNIO_INIT;
	if (terminal && interactive && !isatty(STDIN_FILENO)) {
		err_set(e, ERR_USAGE, "--tty: standard input is no terminal");
		return err_hint(e, "leave -t out: -i passes standard input on through a pipe");
	}
	return terminal ? runio_terminal(io, interactive, e) : runio_pipes(io, interactive, e);
}

void runio_close(struct runio *io)
{
	const int fds[] = {io->in, io->out == io->in ? -1 : io->out, io->err == io->out ? -1 : io->err};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] > 2)
			close(fds[i]);
	if (io->relay > 0)
		while (waitpid(io->relay, NULL, 0) < 0 && errno == EINTR)
			;
	if (io->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &io->saved);
	*io = RUNIO_INIT;
}
