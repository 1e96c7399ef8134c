/* Messages of a forked child to its parent. */
#include "src/sandbox/childmsg.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int childmsg_pair(int pair[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, ERR_HOST, errno, "socketpair");
	return 0;
}

bool childmsg_orphan(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void send_msg(int fd, const struct childmsg *m)
{
	while (send(fd, m, sizeof *m, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* Zeroed first: no stale memory of this process leaves it. */
static void text_set(char *to, size_t size, const char *from)
{
	if (from)
		snprintf(to, size, "%s", from);
}

void childmsg_error(int fd, const struct err *e)
{
	struct childmsg m = {.kind = CHILDMSG_ERROR, .code = (int32_t)e->code, .sys = e->sys};

	text_set(m.msg, sizeof m.msg, e->msg);
	text_set(m.hint, sizeof m.hint, e->hint);
	send_msg(fd, &m);
}

void childmsg_warn(int fd, const char *fmt, ...)
{
	struct childmsg m = {.kind = CHILDMSG_WARN};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m.msg, sizeof m.msg, fmt, ap);
	va_end(ap);
	send_msg(fd, &m);
}

void childmsg_lost(int fd, const char *text)
{
	struct childmsg m = {.kind = CHILDMSG_LOST};

	text_set(m.msg, sizeof m.msg, text);
	send_msg(fd, &m);
}

void childmsg_ready(int fd)
{
	struct childmsg m = {.kind = CHILDMSG_READY};

	send_msg(fd, &m);
}

void childmsg_done(int fd, int wait_status)
{
	struct childmsg m = {.kind = CHILDMSG_DONE, .status = wait_status};

	send_msg(fd, &m);
}

int childmsg_recv(int fd, struct childmsg *m, struct err *e)
{
	ssize_t n;

	do
		n = recv(fd, m, sizeof *m, 0);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 0;
	if (n < 0)
		return err_sys(e, ERR_HOST, errno, "message of a child process");
	if (n != (ssize_t)sizeof *m || m->kind < CHILDMSG_ERROR || m->kind > CHILDMSG_LOST)
		return err_set(e, ERR_INTERNAL, "malformed message of a child process (%zd bytes)", n);
	m->msg[sizeof m->msg - 1] = '\0';
	m->hint[sizeof m->hint - 1] = '\0';
	return 1;
}

int childmsg_to_err(const struct childmsg *m, struct err *e)
{
	bool known = m->code > ERR_NONE && m->code <= ERR_INTERNAL;

	err_set(e, known ? (enum err_code)m->code : ERR_INTERNAL, "%s", m->msg);
	e->sys = m->sys;
	if (m->hint[0])
		err_hint(e, "%s", m->hint);
	return -1;
}

int childmsg_wait_ready(int fd, const char *what, struct err *e)
{
	struct childmsg m;
	int r = childmsg_recv(fd, &m, e);

	if (r < 0)
		return err_wrap(e, "%s", what);
	if (r == 0)
		return err_set(e, ERR_HOST, "%s: the child process ended without a word", what);
	if (m.kind == CHILDMSG_ERROR)
		return childmsg_to_err(&m, e);
	return 0;
}
