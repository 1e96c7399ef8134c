/* Output of a step in tier chroot. */
#include "src/sandbox/chrootout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/cleanup.h"

#define RELAY_BYTES ((size_t)64 << 10)

static bool is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

bool chrootout_wanted(const struct sandbox_spec *s)
{
	return !s->terminal && is_pipe(s->out_fd) && (!s->err_fd || is_pipe(s->err_fd));
}

/* The read end, and the write end in place of a standard descriptor. */
static int open_fifo(struct chrootout *o, int root, const char *path, int to, int standard, struct err *e)
{
	AUTO_CLOSE int from = openat(root, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int in = from < 0 ? -1 : openat(root, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (in < 0 || !is_pipe(from) || dup2(in, standard) < 0)
		return err_sys(e, ERR_HOST, errno, "/%s of the step", path);
	o->relay[o->n].from = STEAL_FD(from);
	o->relay[o->n].full = false;
	o->relay[o->n++].to = to;
	return 0;
}

int chrootout_notify(void)
{
	return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

/* Where the kernel gives no inotify, nobody is told; it is a warning only. */
static void watch_names(struct chrootout *o, int kept)
{
	char path[64];

	o->notify = kept > 0 ? kept : chrootout_notify();
	for (size_t i = 0; i < o->n && o->notify >= 0; i++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", o->relay[i].from);
		o->watch[i] = inotify_add_watch(o->notify, path, IN_OPEN);
	}
}

int chrootout_open(struct chrootout *o, int root, const struct sandbox_spec *s, struct err *e)
{
	*o = (struct chrootout){.notify = -1};
	if (open_fifo(o, root, CHROOTOUT_STDOUT, s->out_fd, 1, e) < 0)
		return -1;
	if (!s->err_fd && dup2(1, 2) < 0)
		return err_sys(e, ERR_HOST, errno, "standard error of the step");
	if (s->err_fd && open_fifo(o, root, CHROOTOUT_STDERR, s->err_fd, 2, e) < 0)
		return -1;
	watch_names(o, s->notify_fd);
	return 0;
}

size_t chrootout_poll(const struct chrootout *o, struct pollfd *p)
{
	for (size_t i = 0; i < o->n; i++)
		p[i] = o->relay[i].full ? (struct pollfd){.fd = o->relay[i].to, .events = POLLOUT}
					: (struct pollfd){.fd = o->relay[i].from, .events = POLLIN};
	return o->n;
}

/* Nobody reads what the step writes: it is told so by SIGPIPE, as by a pipe of its own. */
static void relay_end(struct chrootout *o, size_t i)
{
	close(o->relay[i].from);
	o->relay[i].from = -1;
	o->relay[i].full = false;
}

void chrootout_serve(struct chrootout *o, const struct pollfd *p)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->relay[i].from < 0 || !p[i].revents)
			continue;
		if (o->relay[i].full) {
			o->relay[i].full = false; /* the next turn tries */
			if (p[i].revents & (POLLERR | POLLNVAL))
				relay_end(o, i);
			continue;
		}
		ssize_t n = splice(o->relay[i].from, NULL, o->relay[i].to, NULL, RELAY_BYTES,
				   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

		if (n < 0 && errno == EAGAIN)
			o->relay[i].full = true; /* there was something to read */
		else if (n < 0 && errno != EINTR)
			relay_end(o, i);
	}
}

static bool holds_output(const struct chrootout *o)
{
	for (size_t i = 0; i < o->n; i++) {
		int n = 0;

		if (o->relay[i].from >= 0 && ioctl(o->relay[i].from, FIONREAD, &n) == 0 && n > 0)
			return true;
	}
	return false;
}

void chrootout_drain(struct chrootout *o)
{
	struct pollfd p[CHROOTOUT_MAX];

	while (holds_output(o)) {
		size_t n = chrootout_poll(o, p);

		if (poll(p, n, -1) < 0 && errno != EINTR)
			return;
		chrootout_serve(o, p);
	}
}

static bool is_open_of(const struct chrootout *o, const struct inotify_event *ev)
{
	for (size_t i = 0; i < o->n; i++)
		if (ev->wd == o->watch[i] && ev->mask & IN_OPEN)
			return true;
	return false;
}

/* Of an earlier step whose keeper was killed there may be more: numbers are not used twice. */
bool chrootout_named(const struct chrootout *o)
{
	struct inotify_event ev;
	bool named = false;

	/* Events of a file, not of a directory, have no name: one fits. */
	while (o->notify >= 0 && read(o->notify, &ev, sizeof ev) == (ssize_t)sizeof ev)
		named |= is_open_of(o, &ev);
	for (size_t i = 0; i < o->n && o->notify >= 0; i++)
		if (o->watch[i] >= 0)
			inotify_rm_watch(o->notify, o->watch[i]);
	return named;
}
