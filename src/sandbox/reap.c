/* Kill the descendants of a process. */
#include "src/sandbox/reap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/num.h"
#include "src/util/vec.h"

/* A process in uninterruptible sleep does not die before it wakes: ten seconds in all. */
#define REAP_ROUNDS 5000
#define REAP_NAP_NS 2000000
/* Rounds in which whatever is new is only stopped; a fork bomb is still by then. */
#define REAP_STOPS 20

struct reap_proc {
	pid_t pid, parent;
	bool ours, dead;
};

struct reap_procs {
	struct reap_proc *v;
	size_t n, cap;
};

int reap_adopt(struct err *e)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? err_sys(e, ERR_HOST, errno, "PR_SET_CHILD_SUBREAPER")
							     : 0;
}

/* "pid (name) state ppid ...": the name may hold anything, so the last parenthesis counts. */
static bool reap_read(int proc, const char *name, struct reap_proc *out)
{
	char path[32], text[512];
	AUTO_CLOSE int fd = -1;
	const char *end;
	char state;
	ssize_t n;
	int parent;

	snprintf(path, sizeof path, "%.20s/stat", name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %c %d", &state, &parent) != 2)
		return false;
	*out = (struct reap_proc){.pid = (pid_t)strtol(name, NULL, 10), .parent = parent, .dead = state == 'Z'};
	return true;
}

static int reap_list(struct reap_procs *out, struct err *e)
{
	int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;
	struct reap_proc p;

	if (!d)
		return err_sys(e, ERR_HOST, errno, "/proc");
	while ((de = readdir(d)))
		if (de->d_name[0] >= '1' && de->d_name[0] <= '9' && reap_read(fd, de->d_name, &p))
			vec_push(out, p);
	return 0;
}

static bool reap_is_ours(const struct reap_procs *all, pid_t pid)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].pid == pid)
			return all->v[i].ours;
	return pid == getpid();
}

/* Children may come before their parents in the list: repeat until nothing is added. */
static void reap_mark(struct reap_procs *all)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < all->n; i++) {
			struct reap_proc *p = &all->v[i];

			if (p->ours || (p->parent != getpid() && !reap_is_ours(all, p->parent)))
				continue;
			p->ours = p->pid != getpid();
			more |= p->ours;
		}
	}
}

/* How many live ones there were. */
static int reap_signal(int sig, size_t *left, struct err *e)
{
	struct reap_procs all = {0};

	*left = 0;
	if (reap_list(&all, e) < 0)
		return -1;
	reap_mark(&all);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].ours && !all.v[i].dead) {
			kill(all.v[i].pid, sig);
			++*left;
		}
	vec_release(&all);
	return 0;
}

int reap_all(struct err *e)
{
	const struct timespec nap = {.tv_nsec = REAP_NAP_NS};
	size_t left = 0, before = 0;
	bool stopping = true;

	for (int i = 0; i < REAP_ROUNDS; i++) {
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return 0;
		if (reap_signal(stopping ? SIGSTOP : SIGKILL, &left, e) < 0)
			return -1;
		stopping = stopping && left != before && i < REAP_STOPS;
		before = left;
		if (stopping)
			continue;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (i > 1)
			nanosleep(&nap, NULL);
	}
	return err_set(e, ERR_HOST, "%zu processes of the step do not end", left);
}
