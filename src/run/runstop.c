#include "src/run/runstop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/proc.h"

#define RUNSTOP_NS_PER_MS 1000000
#define RUNSTOP_SIGNALS	  64

/* First child by /proc/PID/task/PID/children (Linux 3.5, CONFIG_PROC_CHILDREN); 0: there is none to be seen. */
static pid_t runstop_child(pid_t pid)
{
	char path[64], text[32];
	ssize_t n;

	if (pid <= 0)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

/* Our child's child is the sandbox's init (or keeper), and the command is the first that it started. */
static bool runstop_ask(const struct runstop *s)
{
	pid_t command = runstop_child(runstop_child(s->pid));

	return command > 0 && kill(command, s->signo ? s->signo : SIGTERM) == 0;
}

/* Until it has ended or the time is over. */
static void runstop_wait(pid_t pid, int64_t deadline)
{
	AUTO_CLOSE int fd = proc_pidfd(pid);

	for (int64_t left; fd >= 0 && (left = deadline - clock_mono()) > 0;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, (int)(left / RUNSTOP_NS_PER_MS) + 1) > 0)
			return;
	}
}

void runstop(const struct runstop *v, size_t n)
{
	int64_t now = clock_mono();
	AUTO_FREE bool *asked = mem_array(n + 1, sizeof *asked);

	for (size_t i = 0; i < n; i++)
		asked[i] = v[i].pid > 0 && runstop_ask(&v[i]);
	for (size_t i = 0; i < n; i++) {
		if (v[i].pid <= 0)
			continue;
		if (asked[i])
			runstop_wait(v[i].pid, now + (v[i].grace_ns ? v[i].grace_ns : RUNSTOP_GRACE_NS));
		kill(v[i].pid, SIGKILL);
		while (waitpid(v[i].pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

int runstop_signal(const char *text)
{
	const char *name = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;
	uint64_t n;

	if (num_parse(sv_from(text), 10, RUNSTOP_SIGNALS, &n) == 0)
		return (int)n;
	for (int i = 1; i < RUNSTOP_SIGNALS; i++)
		if (sigabbrev_np(i) && strcmp(sigabbrev_np(i), name) == 0)
			return i;
	return 0;
}
