/* Advisory locks. */
#include "src/util/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "src/util/cleanup.h"
#include "src/util/clock.h"

#define LOCK_POLL_FIRST_NS INT64_C(1000000)
#define LOCK_POLL_MAX_NS   INT64_C(50000000)

static int lock_open(int dirfd, const char *path, enum lock_mode mode)
{
	int fd = openat(dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);

	/* Readers of a store that they may not write. */
	if (fd < 0 && mode == LOCK_SHARED && (errno == EACCES || errno == EROFS))
		fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	return fd;
}

/* Whether path still names the file that fd locks; somebody may have removed it while we waited. */
static bool lock_is_current(int dirfd, const char *path, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dirfd, path, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static void lock_sleep(int64_t ns)
{
	struct timespec ts = {.tv_sec = ns / CLOCK_NS_PER_S, .tv_nsec = ns % CLOCK_NS_PER_S};

	nanosleep(&ts, NULL);
}

/* 0 when locked; -1 with errno EWOULDBLOCK when the deadline has passed. */
static int lock_wait(int fd, int op, int64_t timeout_ns, int64_t deadline)
{
	int64_t pause = LOCK_POLL_FIRST_NS;

	for (;;) {
		int64_t left;

		if (flock(fd, timeout_ns < 0 ? op : op | LOCK_NB) == 0)
			return 0;
		if (errno == EINTR)
			continue;
		left = deadline - clock_mono();
		if (errno != EWOULDBLOCK || left <= 0) /* clock_mono leaves errno alone */
			return -1;
		lock_sleep(pause < left ? pause : left);
		pause = pause * 2 < LOCK_POLL_MAX_NS ? pause * 2 : LOCK_POLL_MAX_NS;
	}
}

int lock_take(int dirfd, const char *path, enum lock_mode mode, int64_t timeout_ns, struct err *e)
{
	int64_t deadline = timeout_ns > 0 ? clock_mono() + timeout_ns : 0;

	for (;;) {
		AUTO_CLOSE int fd = lock_open(dirfd, path, mode);

		if (fd < 0)
			return err_sys(e, ERR_HOST, errno, "cannot open the lock %s", path);
		if (lock_wait(fd, mode == LOCK_SHARED ? LOCK_SH : LOCK_EX, timeout_ns, deadline) < 0) {
			if (errno != EWOULDBLOCK)
				return err_sys(e, ERR_HOST, errno, "cannot lock %s", path);
			err_set(e, ERR_TEMP, "%s is locked by another process", path);
			e->sys = EWOULDBLOCK;
			e->retryable = true;
			return -1;
		}
		if (lock_is_current(dirfd, path, fd))
			return STEAL_FD(fd);
	}
}

void lock_drop(int fd)
{
	if (fd >= 0)
		close(fd);
}
