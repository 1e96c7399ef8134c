/* Locks. */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "src/util/cleanup.h"
#include "src/util/clock.h"
#include "src/util/lock.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

START_TEST(test_modes)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	int a = lock_take(d.fd, "l", LOCK_SHARED, 0, &e), b, c;

	unit_ok(a, e);
	b = lock_take(d.fd, "l", LOCK_SHARED, 0, &e);
	unit_ok(b, e);
	c = lock_take(d.fd, "l", LOCK_EXCLUSIVE, 0, &e);
	ck_assert_int_eq(c, -1);
	ck_assert(e.retryable);
	unit_failed(e, ERR_TEMP, "l is locked by another process");
	lock_drop(a);
	ck_assert_int_eq(lock_take(d.fd, "l", LOCK_EXCLUSIVE, 5000000, &e), -1);
	unit_failed(e, ERR_TEMP, "locked");
	lock_drop(b);
	c = lock_take(d.fd, "l", LOCK_EXCLUSIVE, 0, &e);
	unit_ok(c, e);
	ck_assert_int_eq(fcntl(c, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(lock_take(d.fd, "l", LOCK_SHARED, 0, &e), -1);
	err_release(&e);
	lock_drop(c);
	lock_drop(-1);
	ck_assert_int_eq(lock_take(d.fd, "absent/l", LOCK_SHARED, 0, &e), -1);
	unit_failed(e, ERR_HOST, "absent/l");
}
END_TEST

/* The lock comes when its holder dies, also with a timeout and also for ever. */
START_TEST(test_wait)
{
	UNIT_DIR(d);
	static const int64_t timeouts[] = {INT64_C(60000000000), -1};

	for (size_t i = 0; i < ARRAY_LEN(timeouts); i++) {
		struct err e = ERR_INIT;
		int p[2], q[2], fd;
		pid_t pid;
		char c;

		ck_assert_int_eq(pipe(p), 0);
		ck_assert_int_eq(pipe(q), 0);
		pid = fork();
		if (pid == 0) {
			fd = lock_take(d.fd, "l", LOCK_EXCLUSIVE, 0, &e);
			close(q[1]);
			if (fd < 0 || write(p[1], "x", 1) != 1)
				_exit(1);
			_exit(read(q[0], &c, 1) == 0 ? 0 : 1);
		}
		ck_assert_int_eq(read(p[0], &c, 1), 1);
		ck_assert_int_eq(lock_take(d.fd, "l", LOCK_EXCLUSIVE, 0, &e), -1);
		err_release(&e);
		close(q[1]);
		close(q[0]);
		fd = lock_take(d.fd, "l", LOCK_EXCLUSIVE, timeouts[i], &e);
		unit_ok(fd, e);
		lock_drop(fd);
		waitpid(pid, NULL, 0);
	}
}
END_TEST

/* Whether the process has a file of this name open. */
static bool has_open(pid_t pid, const char *name)
{
	AUTO_FREE char *dir = mem_printf("/proc/%d/fd", (int)pid);
	AUTO_CLOSEDIR DIR *d = opendir(dir);
	const struct dirent *entry;

	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d))) {
		AUTO_FREE char *target = path_readlink_at(dirfd(d), entry->d_name);

		if (target && sv_ends(sv_from(target), name))
			return true;
	}
	return false;
}

/* A file removed while somebody waits for its lock: who gets the removed file's lock then holds nothing, since the next
 * one locks a new file. */
START_TEST(test_removed)
{
	UNIT_DIR(d);
	static const int64_t timeouts[] = {INT64_C(60000000000), -1};

	for (size_t i = 0; i < ARRAY_LEN(timeouts); i++) {
		struct err e = ERR_INIT;
		int a = lock_take(d.fd, "waited", LOCK_EXCLUSIVE, 0, &e), b, status = 0;
		struct stat st;
		int p[2];
		pid_t pid;
		char c;

		unit_ok(a, e);
		ck_assert_int_eq(pipe(p), 0);
		pid = fork();
		if (pid == 0) {
			close(a);
			if (write(p[1], "x", 1) != 1)
				_exit(2);
			b = lock_take(d.fd, "waited", LOCK_EXCLUSIVE, timeouts[i], &e);
			_exit(b >= 0 && fstat(b, &st) == 0 && st.st_nlink == 1 ? 0 : 1);
		}
		ck_assert_int_eq(read(p[0], &c, 1), 1);
		while (!has_open(pid, "/waited"))
			sched_yield();
		ck_assert_int_eq(unlinkat(d.fd, "waited", 0), 0);
		lock_drop(a);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

UNIT_MAIN("lock", test_modes, test_wait, test_removed)
