/* Seccomp user notification, tried out: a child makes a call that this process answers with a descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/probe.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/proc.h"

/* Much more than one answer takes, even on a busy machine. */
#define NOTIFY_WAIT_MS 5000
/* A call that nothing else in the child makes. */
#define NOTIFY_CALL SYS_inotify_init1

static int notify_install(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NOTIFY_CALL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {ARRAY_LEN(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

/* Exit status: 0, or the errno that stopped it; what it is stopped by goes to the parent as a message of one byte. */
static void ATTR_NORETURN notify_child(int sock, pid_t parent)
{
	struct err e = ERR_INIT;
	int listener, fd;

	proc_die_with_parent(parent);
	listener = notify_install();
	if (listener < 0)
		_exit(errno);
	if (io_send_msg(sock, "l", 1, listener, &e) < 0)
		_exit(EIO);
	close(listener);
	fd = (int)syscall(NOTIFY_CALL, 0);
	_exit(fd >= 0 && fcntl(fd, F_GETFD) >= 0 ? 0 : EBADF);
}

static int notify_answer(int listener, struct err *e)
{
	struct seccomp_notif req = {0};
	struct seccomp_notif_addfd add = {.flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = 0};
	struct pollfd p = {.fd = listener, .events = POLLIN};
	AUTO_CLOSE int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* O_PATH is refused */

	if (poll(&p, 1, NOTIFY_WAIT_MS) != 1)
		return err_set(e, ERR_HOST, "seccomp user notification: no notification came");
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
		return err_sys(e, ERR_HOST, errno, "seccomp user notification: receiving");
	add.id = req.id;
	add.srcfd = (uint32_t)dir;
	if (dir < 0 || ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0)
		return err_sys(e, ERR_HOST, errno, "seccomp user notification: answering with a descriptor");
	return 0;
}

static int notify_serve(int sock, struct err *e)
{
	AUTO_CLOSE int listener = -1;
	char byte;

	if (io_recv_msg(sock, &byte, 1, &listener, e) != 1 || listener < 0) {
		err_release(e);
		return 0; /* the child's status says why */
	}
	return notify_answer(listener, e);
}

static int notify_verdict(int status, struct err *e)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (!WIFEXITED(status))
		return err_set(e, ERR_HOST, "seccomp user notification: the trial died");
	return err_sys(e, ERR_HOST, WEXITSTATUS(status), "seccomp user notification");
}

int probe_notify_try(struct err *e)
{
	pid_t parent = getpid(), child;
	int pair[2], status = 0, rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, ERR_HOST, errno, "socketpair");
	child = fork();
	if (child == 0) {
		close(pair[0]);
		notify_child(pair[1], parent);
	}
	close(pair[1]);
	rc = child < 0 ? err_sys(e, ERR_HOST, errno, "fork") : notify_serve(pair[0], e);
	close(pair[0]);
	if (child > 0 && rc < 0)
		kill(child, SIGKILL);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0)
		rc = notify_verdict(status, e);
	if (rc < 0)
		err_hint(e, "Linux 5.14 or newer is needed; in a container, its seccomp profile may hide the call: "
			    "--security-opt seccomp=unconfined");
	return rc;
}
