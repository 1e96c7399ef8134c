/* The user namespace of a run. */
#include "src/sandbox/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/childmsg.h"
#include "src/sandbox/idmap.h"
#include "src/sandbox/nsdiag.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/num.h"
#include "src/util/proc.h"

/* Only there to hold the namespace until it has its maps. Not made undumpable: newuidmap wants to see the caller as
 * the owner of /proc/PID. */
static void ATTR_NORETURN pause_until_gone(int chan)
{
	struct childmsg m;
	struct err ignored = ERR_INIT;

	while (childmsg_recv(chan, &m, &ignored) > 0)
		;
	_exit(0);
}

static int open_mapped(const struct tier_info *t, pid_t child, struct err *e)
{
	char path[64];
	int fd;

	if (idmap_write(t, child, e) < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/%d/ns/user", (int)child);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", path);
	return fd;
}

int userns_try(struct err *e)
{
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	int status = 0;

	if (child == 0)
		_exit(unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? errno : 0);
	if (child < 0)
		return nsdiag_refused(errno, "clone CLONE_NEWUSER", CLONE_NEWUSER, e);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return 0;
	return nsdiag_mount_refused(WIFEXITED(status) ? WEXITSTATUS(status) : EINTR, "in a new user namespace", e);
}

int userns_open(const struct tier_info *t, struct err *e)
{
	int pair[2], fd;
	pid_t child;

	if (t->tier != TIER_RANGE && t->tier != TIER_SOLO)
		return -1;
	if (childmsg_pair(pair, e) < 0)
		return -1;
	child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		close(pair[0]);
		pause_until_gone(pair[1]);
	}
	close(pair[1]);
	if (child < 0) {
		int sys = errno;

		close(pair[0]);
		return nsdiag_refused(sys, "clone CLONE_NEWUSER", CLONE_NEWUSER, e);
	}
	fd = open_mapped(t, child, e);
	close(pair[0]);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

/* A change of credentials clears the parent-death signal; it is asked for again, and then the parent looked at. */
static void keep_death_signal(int sig, pid_t parent)
{
	if (sig == SIGKILL)
		proc_die_with_parent(parent);
	else if (sig > 0)
		prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0);
}

int userns_join(int nsfd, struct err *e)
{
	pid_t parent = getppid();
	int sig = 0;

	if (nsfd < 0)
		return 0;
	if (prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0) < 0)
		return err_sys(e, ERR_INTERNAL, errno, "PR_GET_PDEATHSIG");
	if (setns(nsfd, CLONE_NEWUSER) < 0)
		return err_sys(e, ERR_HOST, errno, "joining the user namespace of the run");
	/* A map of one id denies it: the caller's own groups stay, and look like 65534. */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return err_sys(e, ERR_HOST, errno, "dropping the supplementary groups in the user namespace");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "becoming uid 0 in the user namespace");
	keep_death_signal(sig, parent);
	return 0;
}
