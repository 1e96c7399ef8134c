/* The agent that a step sees. */
#include "src/build/sshproxy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/proc.h"

#define HEADER_BYTES 4
/* Numbers of messages. */
#define AGENT_FAILURE 5
#define AGENT_LIST    11
#define AGENT_SIGN    13

/* A socket's path has 107 bytes; one by way of a descriptor is always short enough. */
static struct sockaddr_un short_address(int fd, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d%s%s", fd, name ? "/" : "", name ? name : "");
	return a;
}

/* --- one connection --- */

static int read_message(int fd, uint8_t *msg, size_t *n, struct err *e)
{
	ssize_t got = io_read_full(fd, msg, HEADER_BYTES, "agent", e);

	if (got != HEADER_BYTES)
		return -1;
	*n = (size_t)msg[0] << 24 | (size_t)msg[1] << 16 | (size_t)msg[2] << 8 | msg[3];
	if (*n == 0 || *n > SSHPROXY_MESSAGE_MAX)
		return -1;
	got = io_read_full(fd, msg + HEADER_BYTES, *n, "agent", e);
	*n += HEADER_BYTES;
	return got == (ssize_t)*n - HEADER_BYTES ? 0 : -1;
}

static int refuse(int peer, struct err *e)
{
	static const uint8_t failure[] = {0, 0, 0, 1, AGENT_FAILURE};

	return io_write_all(peer, failure, sizeof failure, "agent", e);
}

/* Whoever breaks the protocol or goes loses the connection, without a word. */
static void ATTR_NORETURN talk(int peer, int agent)
{
	uint8_t *msg = mem_alloc(HEADER_BYTES + SSHPROXY_MESSAGE_MAX);
	struct err e = ERR_INIT;
	size_t n;

	while (read_message(peer, msg, &n, &e) == 0) {
		if (msg[HEADER_BYTES] != AGENT_LIST && msg[HEADER_BYTES] != AGENT_SIGN) {
			if (refuse(peer, &e) < 0)
				break;
			continue;
		}
		if (io_write_all(agent, msg, n, "agent", &e) < 0 || read_message(agent, msg, &n, &e) < 0 ||
		    io_write_all(peer, msg, n, "agent", &e) < 0)
			break;
	}
	_exit(0);
}

static void ATTR_NORETURN serve_peer(int peer, int path, pid_t parent)
{
	struct sockaddr_un a = short_address(path, NULL);
	int agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	proc_die_with_parent(parent);
	if (agent < 0 || connect(agent, (const struct sockaddr *)&a, sizeof a) < 0)
		_exit(1);
	talk(peer, agent);
}

/* --- the process --- */

static void reap(unsigned *peers)
{
	while (*peers) {
		pid_t done = waitpid(-1, NULL, *peers < SSHPROXY_PEERS_MAX ? WNOHANG : 0);

		if (done == 0 || (done < 0 && errno != EINTR))
			return;
		*peers -= done > 0;
	}
}

static void ATTR_NORETURN serve(int listener, int path)
{
	pid_t self = getpid();
	unsigned peers = 0;

	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		reap(&peers);
		if (peer < 0 && errno != EINTR && errno != ECONNABORTED)
			_exit(1);
		if (peer < 0)
			continue;
		pid_t pid = fork();

		if (pid == 0)
			serve_peer(peer, path, self);
		peers += pid > 0;
		close(peer);
	}
}

/* -1 with *e, or a listening socket. */
static int make_socket(int dirfd, const char *name, struct err *e)
{
	struct sockaddr_un a = short_address(dirfd, name);
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t old = umask(0177);
	int rc = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&a, sizeof a);

	umask(old);
	if (rc < 0 || listen(fd, SSHPROXY_PEERS_MAX) < 0)
		return err_sys(e, ERR_HOST, errno, "socket of an ssh agent");
	return STEAL_FD(fd);
}

pid_t sshproxy_start(const char *agent, int dirfd, const char *name, struct err *e)
{
	pid_t parent = getpid(), pid;
	AUTO_CLOSE int path = open(agent, O_PATH | O_CLOEXEC);
	AUTO_CLOSE int listener = path < 0 ? -1 : make_socket(dirfd, name, e);

	if (path < 0)
		return err_sys(e, ERR_INPUT, errno, "ssh agent %s", agent);
	if (listener < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		int keep[] = {path < listener ? path : listener, path < listener ? listener : path};

		proc_die_with_parent(parent);
		io_close_from(3, keep, ARRAY_LEN(keep));
		serve(listener, path);
	}
	return pid < 0 ? err_sys(e, ERR_HOST, errno, "fork") : pid;
}

void sshproxy_end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
