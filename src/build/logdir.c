#include "src/build/logdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

/* Failing to remove an old log harms nobody; the next run tries again. */
static void remove_old(int dirfd)
{
	AUTO_STRV struct strv runs = {0};
	struct err e = ERR_INIT;

	list_runs(dirfd, &runs);
	for (size_t i = 0; i + LOGDIR_KEPT < runs.n; i++)
		if (path_remove_tree(dirfd, runs.v[i], &e) < 0)
			err_release(&e);
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

char *logdir_open(struct store *s, const char *user, struct err *e)
{
	AUTO_FREE char *name = run_name();
	AUTO_CLOSE int logs = -1;

	if (user)
		return open_user(user, e);
	if ((mkdirat(store_fd(s), "logs", 0700) < 0 && errno != EEXIST) ||
	    (logs = openat(store_fd(s), "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    (mkdirat(logs, name, 0700) < 0 && errno != EEXIST)) {
		err_sys(e, ERR_HOST, errno, "%s/logs/%s", store_root(s), name);
		return NULL;
	}
	remove_old(logs);
	return mem_printf("%s/logs/%s", store_root(s), name);
}
