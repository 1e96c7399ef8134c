/* Runs as a step: many processes at once whose calls a supervisor answers, while some are killed, get signals, or
 * become other programs in the middle of a call. Each checks that what it did is what it sees. Prints "fine" and exits
 * 0, or says what was wrong.
 *
 *     storm DIR ROUNDS WIDTH      DIR is made; nothing is left of it
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x)) {                                                                                            \
			dprintf(2, "storm: line %d, process %d: %s: %s\n", __LINE__, id, #x, strerror(errno));         \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static const char *self;
static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

/* What belongs to `id` and nobody else, in a directory of its own. */
static void work(int id, int times)
{
	char dir[32], name[64], other[64];
	struct stat st;

	snprintf(dir, sizeof dir, "%d", id);
	CHECK(mkdir(dir, 0755) == 0 || errno == EEXIST);
	for (int i = 0; i < times; i++) {
		snprintf(name, sizeof name, "%d/f%d", id, i);
		snprintf(other, sizeof other, "%d/l%d", id, i);
		int fd = open(name, O_CREAT | O_RDWR | O_EXCL, 0640);

		CHECK(fd > 2);
		CHECK(fchown(fd, (uid_t)id, (gid_t)i) == 0 && fstat(fd, &st) == 0);
		CHECK(st.st_uid == (uid_t)id && st.st_gid == (gid_t)i && (st.st_mode & 07777) == 0640);
		CHECK(close(fd) == 0 && chmod(name, 04711) == 0 && lstat(name, &st) == 0);
		CHECK(st.st_uid == (uid_t)id && (st.st_mode & 07777) == 04711);
		CHECK(symlink("x", other) == 0 && lchown(other, (uid_t)i, (gid_t)id) == 0 && lstat(other, &st) == 0);
		CHECK(st.st_uid == (uid_t)i && st.st_gid == (gid_t)id && S_ISLNK(st.st_mode));
		CHECK(unlink(name) == 0 && unlink(other) == 0);
	}
}

/* As a user: what is made is his, and the ids are told as they were set. */
static void as_user(int id, int times)
{
	gid_t groups[] = {(gid_t)id + 1, (gid_t)id + 2}, got[3];
	char name[64];
	struct stat st;

	CHECK(setgroups(2, groups) == 0 && setresgid(7, (gid_t)id, 8) == 0 &&
	      setresuid((uid_t)id, (uid_t)id, (uid_t)id) == 0);
	CHECK(chdir("shared") == 0);
	for (int i = 0; i < times; i++) {
		snprintf(name, sizeof name, "u%d.%d", id, i);
		int fd = open(name, O_CREAT | O_WRONLY | O_EXCL, 0600);

		CHECK(fd > 2 && close(fd) == 0 && stat(name, &st) == 0);
		CHECK(st.st_uid == (uid_t)id && st.st_gid == (gid_t)id);
		CHECK(getuid() == (uid_t)id && getgid() == 7 && getegid() == (gid_t)id && getgroups(3, got) == 2);
		CHECK(got[0] == groups[0] && got[1] == groups[1]);
		CHECK(setuid(0) == -1 && errno == EPERM && unlink(name) == 0);
	}
}

/* A signal may have a call begin anew, but not once it was done: then a file would be there that was to be made. */
static void in_signals(int id, int times)
{
	const struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	const struct itimerval t = {{0, 300}, {0, 300}}, off = {{0, 0}, {0, 0}};

	CHECK(sigaction(SIGALRM, &a, NULL) == 0 && setitimer(ITIMER_REAL, &t, NULL) == 0);
	work(id, times);
	CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
}

static void become_another(int id)
{
	char number[16];

	snprintf(number, sizeof number, "%d", id);
	CHECK(setresgid((gid_t)id, (gid_t)id, (gid_t)id) == 0 && setresuid((uid_t)id, (uid_t)id, (uid_t)id) == 0);
	execl(self, self, "--after", number, NULL);
	CHECK(!"exec");
}

static void after_exec(int id)
{
	CHECK(getuid() == (uid_t)id && geteuid() == (uid_t)id && getgid() == (gid_t)id && getegid() == (gid_t)id);
}

enum kind { WORKS, IS_USER, HAS_SIGNALS, EXECS, IS_KILLED, EXECS_AND_IS_KILLED, KINDS };

static void run(enum kind kind, int id)
{
	switch (kind) {
	case WORKS:
		work(id, 6);
		break;
	case IS_USER:
		as_user(id, 6);
		break;
	case HAS_SIGNALS:
		in_signals(id, 6);
		break;
	case EXECS:
		become_another(id);
		break;
	case IS_KILLED:
		work(id, 1000000);
		break;
	default:
		for (;;) {
			pid_t pid = fork();

			if (pid == 0)
				become_another(id);
			waitpid(pid, NULL, 0);
		}
	}
	_exit(0);
}

static int is_victim(enum kind kind)
{
	return kind == IS_KILLED || kind == EXECS_AND_IS_KILLED;
}

static int round_of(int number, int width, unsigned *seed)
{
	pid_t *pids = calloc((size_t)width, sizeof *pids);
	int bad = 0, id = 0;

	for (int i = 0; i < width; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			run((enum kind)(i % KINDS), 1000 + number * width + i);
		CHECK(pids[i] > 0);
	}
	/* At any point of a call. */
	for (int i = 0; i < width; i++)
		if (is_victim((enum kind)(i % KINDS))) {
			usleep((useconds_t)(rand_r(seed) % 3000));
			CHECK(kill(pids[i], SIGKILL) == 0);
		}
	for (int i = 0; i < width; i++) {
		int status;

		CHECK(waitpid(pids[i], &status, 0) == pids[i]);
		if (is_victim((enum kind)(i % KINDS)) ? !WIFSIGNALED(status) : status != 0) {
			dprintf(2, "storm: process %d of kind %d ended with status %x\n", i, i % KINDS, status);
			bad = 1;
		}
	}
	free(pids);
	return bad;
}

int main(int argc, char **argv)
{
	unsigned seed = 1;
	int bad = 0, id = 0;

	self = argv[0];
	if (argc == 3) {
		after_exec(atoi(argv[2]));
		return 0;
	}
	CHECK(argc == 4 && mkdir(argv[1], 0755) == 0 && chdir(argv[1]) == 0);
	CHECK(mkdir("shared", 0777) == 0 && chmod("shared", 01777) == 0);
	for (int i = 0; i < atoi(argv[2]) && !bad; i++)
		bad = round_of(i, atoi(argv[3]), &seed);
	/* The last word of the supervisor: it still answers, and root is still root. */
	work(1, 20);
	if (!bad)
		puts("fine");
	return bad;
}
