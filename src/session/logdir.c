#include "src/session/logdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* Names sort by time: "20260102T030405Z-4711". */
static char *run_name(void)
{
	time_t now = (time_t)(clock_wall() / CLOCK_NS_PER_S);
	struct tm tm;
	char text[32];

	gmtime_r(&now, &tm);
	strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm);
	return mem_printf("%s-%d", text, (int)getpid());
}

static void list_runs(int dirfd, struct strv *out)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *d = copy < 0 ? NULL : fdopendir(copy);

	for (struct dirent *de; d && (de = readdir(d));)
		if (de->d_name[0] >= '0' && de->d_name[0] <= '9')
			strv_add(out, de->d_name);
	strv_sort(out);
}

/* Runs lock their directories: of many that began in one second the first may still be at work. */
static bool has_ended(int dirfd, const char *run)
{
	AUTO_CLOSE int fd = openat(dirfd, run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Failing to remove an old log harms nobody; the next run tries again. */
static void remove_old(int dirfd)
{
	AUTO_STRV struct strv runs = {0};
	struct err e = ERR_INIT;

	list_runs(dirfd, &runs);
	for (size_t i = 0; i + LOGDIR_KEPT < runs.n; i++)
		if (has_ended(dirfd, runs.v[i]) && path_remove_tree(dirfd, runs.v[i], &e) < 0)
			err_release(&e);
}

/* Make and lock the directory; once more if another run has removed it before it was locked. */
static int make_run(int logs, const char *name)
{
	for (;;) {
		struct stat st;
		int fd;

		if (mkdirat(logs, name, 0700) < 0 && errno != EEXIST)
			return -1;
		fd = openat(logs, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return -1;
		if (fd >= 0 && flock(fd, LOCK_SH) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
}

static char *open_user(const char *path, struct err *e)
{
	char *abs;

	if (mkdir(path, 0777) < 0 && errno != EEXIST) {
		err_sys(e, ERR_HOST, errno, "output directory %s", path);
		return NULL;
	}
	abs = realpath(path, NULL);
	if (!abs)
		err_sys(e, ERR_HOST, errno, "output directory %s", path);
	return abs;
}

static void hold(struct session *s, int fd)
{
	if (s->logs_fd >= 0)
		close(s->logs_fd);
	s->logs_fd = fd;
}

char *logdir_open(struct session *s, const char *user, struct err *e)
{
	AUTO_FREE char *name = run_name();
	AUTO_CLOSE int logs = -1;
	int run = -1;

	if (user)
		return open_user(user, e);
	if ((mkdirat(store_fd(s->store), "logs", 0700) == 0 || errno == EEXIST) &&
	    (logs = openat(store_fd(s->store), "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0)
		run = make_run(logs, name);
	if (run < 0) {
		err_sys(e, ERR_HOST, errno, "%s/logs/%s", store_root(s->store), name);
		return NULL;
	}
	hold(s, run);
	remove_old(logs);
	return mem_printf("%s/logs/%s", store_root(s->store), name);
}
