/* Temporary names and publication. */
#include <check.h>
#include <errno.h>
#include <sys/stat.h>

#include "src/util/cleanup.h"
#include "src/util/tmp.h"
#include "tests/unit/unit.h"

START_TEST(test_make)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	AUTO_FREE char *dir = NULL;
	AUTO_FREE char *file = NULL;
	AUTO_FREE char *inner = NULL;
	AUTO_FREE char *prefix = NULL;
	AUTO_CLOSE int fd = -1;
	struct stat st;

	umask(0);
	unit_ok(tmp_dir(d.fd, "work", &dir, &e), e);
	ck_assert_uint_eq(strlen(dir), strlen("work.") + 16);
	ck_assert_uint_eq(strspn(dir + 5, "0123456789abcdef"), 16);
	ck_assert_int_eq(fstatat(d.fd, dir, &st, 0), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0700);
	fd = tmp_file(d.fd, "file", &file, &e);
	unit_ok(fd, e);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_gt(asprintf(&prefix, "%s/x", dir), 0);
	unit_ok(tmp_dir(d.fd, prefix, &inner, &e), e);
	ck_assert_int_eq(faccessat(d.fd, inner, F_OK, 0), 0);
	ck_assert_int_eq(tmp_dir(d.fd, "absent/x", &(char *){NULL}, &e), -1);
	ck_assert_int_eq(e.sys, ENOENT);
	unit_failed(e, ERR_HOST, "absent/x");
	ck_assert_int_eq(tmp_file(d.fd, "absent/x", &(char *){NULL}, &e), -1);
	unit_failed(e, ERR_HOST, "absent/x");
}
END_TEST

START_TEST(test_publish)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	AUTO_FREE char *a = NULL;
	AUTO_FREE char *b = NULL;
	AUTO_FREE char *dir = NULL;
	AUTO_CLOSE int fa = tmp_file(d.fd, "a", &a, &e);
	AUTO_CLOSE int fb = tmp_file(d.fd, "b", &b, &e);
	struct stat st;

	unit_ok(tmp_dir(d.fd, "dir", &dir, &e), e);
	unit_ok(tmp_publish(d.fd, a, d.fd, "name", false, &e), e);
	ck_assert_int_eq(write(fb, "x", 1), 1);
	unit_ok(tmp_publish(d.fd, b, d.fd, "name", true, &e), e);
	ck_assert_int_eq(fstatat(d.fd, "name", &st, 0), 0);
	ck_assert_int_eq(st.st_size, 1);
	ck_assert_int_eq(fstat(fa, &st), 0);
	ck_assert_uint_eq(st.st_nlink, 0);
	unit_ok(tmp_publish(d.fd, dir, d.fd, "tree", false, &e), e);
	ck_assert_int_eq(tmp_publish(d.fd, "absent", d.fd, "name", false, &e), -1);
	ck_assert_int_eq(e.sys, ENOENT);
	unit_failed(e, ERR_HOST, "cannot rename absent to name");
}
END_TEST

UNIT_MAIN("tmp", test_make, test_publish)
