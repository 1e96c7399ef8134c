/* Owners as they are in the image. */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "src/util/cleanup.h"
#include "src/util/ownview.h"
#include "tests/unit/unit.h"

static bool has_xattrs(int dir)
{
	AUTO_CLOSE int fd = openat(dir, "probe", O_RDWR | O_CREAT, 0600);

	return fsetxattr(fd, "user.test", "", 0, 0) == 0;
}

static void make(int dir)
{
	ck_assert_int_ge(mknodat(dir, "f", S_IFREG | 0600, 0), 0);
	ck_assert_int_ge(mkdirat(dir, "d", 0700), 0);
	ck_assert_int_ge(symlinkat("f", dir, "l"), 0);
	ck_assert_int_ge(mkfifoat(dir, "p", 0600), 0);
}

static struct stat seen(const struct ownview *v, int dir, const char *name, int want)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_msg(ownview_read(v, dir, name, &st) == want, "%s", name);
	return st;
}

/* Without a namespace: nothing is chowned, all is kept readable, and the truth is recorded. */
START_TEST(test_plain)
{
	UNIT_DIR(d);
	AUTO_OWNTAB struct owntab *rows = owntab_new();
	const struct ownview v = {.rows = rows, .plain = true};
	struct stat st;

	if (!has_xattrs(d.fd))
		return;
	make(d.fd);
	ck_assert_int_eq(ownview_write(&v, d.fd, "f", &(struct ownrec){7, 8, S_IFREG | 04000, 0, 0}), OWNVIEW_RECORDED);
	ck_assert_int_eq(ownview_write(&v, d.fd, "d", &(struct ownrec){0, 0, S_IFDIR | 0755, 0, 0}), OWNVIEW_REAL);
	ck_assert_int_eq(ownview_write(&v, d.fd, "l", &(struct ownrec){9, 10, S_IFLNK | 0777, 0, 0}), OWNVIEW_RECORDED);
	ck_assert_int_eq(ownview_write(&v, d.fd, "p", &(struct ownrec){0, 0, S_IFIFO | 0640, 0, 0}), OWNVIEW_REAL);
	st = seen(&v, d.fd, "f", 1);
	ck_assert(st.st_uid == 7 && st.st_gid == 8 && st.st_mode == (S_IFREG | 04000));
	fstatat(d.fd, "f", &st, 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	st = seen(&v, d.fd, "d", 0);
	ck_assert(st.st_uid == 0 && st.st_gid == 0 && st.st_mode == (S_IFDIR | 0755));
	st = seen(&v, d.fd, "l", 1);
	ck_assert(st.st_uid == 9 && st.st_gid == 10);
	st = seen(&v, d.fd, "p", 0);
	ck_assert(st.st_uid == 0 && st.st_mode == (S_IFIFO | 0640));
	/* a mode of the caller's own that hides the directory from him is recorded, too, and taken back */
	ck_assert_int_eq(ownview_write(&v, d.fd, "d", &(struct ownrec){0, 0, S_IFDIR | 0111, 0, 0}), OWNVIEW_RECORDED);
	st = seen(&v, d.fd, "d", 1);
	ck_assert_uint_eq(st.st_mode & 07777, 0111);
	ck_assert_int_eq(ownview_write(&v, d.fd, "d", &(struct ownrec){0, 0, S_IFDIR | 0700, 0, 0}), OWNVIEW_REAL);
	st = seen(&v, d.fd, "d", 0);
}
END_TEST

START_TEST(test_devices_and_descriptors)
{
	UNIT_DIR(d);
	AUTO_OWNTAB struct owntab *rows = owntab_new();
	const struct ownview v = {.rows = rows, .plain = true};
	struct stat st;

	if (!has_xattrs(d.fd))
		return;
	make(d.fd);
	AUTO_CLOSE int f = openat(d.fd, "f", O_PATH), l = openat(d.fd, "l", O_PATH | O_NOFOLLOW);

	ck_assert_int_eq(ownview_write(&v, f, "", &(struct ownrec){0, 5, S_IFBLK | 0660, 8, 1}), OWNVIEW_RECORDED);
	fstat(f, &st);
	ck_assert_int_eq(ownview_read(&v, f, "", &st), 1);
	ck_assert(S_ISBLK(st.st_mode) && st.st_rdev == makedev(8, 1) && st.st_gid == 5 && (st.st_mode & 0777) == 0660);
	ck_assert_int_eq(ownview_write(&v, l, "", &(struct ownrec){3, 4, S_IFLNK | 0777, 0, 0}), OWNVIEW_RECORDED);
	fstat(l, &st);
	ck_assert_int_eq(ownview_read(&v, l, "", &st), 1);
	ck_assert(st.st_uid == 3 && st.st_gid == 4);
	ck_assert_uint_eq(owntab_len(rows), 1);
	ck_assert_int_eq(ownview_write(&v, l, "", &(struct ownrec){0, 0, S_IFLNK | 0777, 0, 0}), OWNVIEW_REAL);
	ck_assert_uint_eq(owntab_len(rows), 0);
}
END_TEST

/* A chmod of a step is on disk only; a malformed record is an error, not another owner. */
START_TEST(test_chmod_and_junk)
{
	UNIT_DIR(d);
	const struct ownview v = {.plain = true};
	struct stat st;

	if (!has_xattrs(d.fd))
		return;
	make(d.fd);
	ck_assert_int_eq(ownview_write(&v, d.fd, "f", &(struct ownrec){7, 8, S_IFREG | 04755, 0, 0}), OWNVIEW_RECORDED);
	st = seen(&v, d.fd, "f", 1);
	ck_assert_uint_eq(st.st_mode & 07777, 04755);
	ck_assert_int_eq(fchmodat(d.fd, "f", 0640, 0), 0);
	st = seen(&v, d.fd, "f", 1);
	ck_assert(st.st_uid == 7 && (st.st_mode & 07777) == 0640);
	ck_assert_int_eq(ownview_write(&v, d.fd, "l", &(struct ownrec){7, 8, S_IFLNK | 0777, 0, 0}), OWNVIEW_LOST);

	AUTO_CLOSE int fd = openat(d.fd, "f", O_RDONLY);

	ck_assert_int_eq(fsetxattr(fd, OWNREC_XATTR, "junk", 4, 0), 0);
	ck_assert_int_eq(ownview_read(&v, d.fd, "f", &st), -1);
	ck_assert_int_eq(errno, EBADMSG);
}
END_TEST

/* Where no supervisor hides the attribute, a file that belongs to a user cannot be declared to be root's. */
START_TEST(test_forged)
{
	UNIT_DIR(d);
	struct stat st;

	if (geteuid() != 0 || !has_xattrs(d.fd))
		return;
	make(d.fd);
	AUTO_CLOSE int fd = openat(d.fd, "f", O_RDONLY);

	ck_assert_int_eq(fchown(fd, 1000, 1000), 0);
	ck_assert_int_eq(ownrec_set(fd, &(struct ownrec){0, 0, S_IFREG | 04755, 0, 0}), 0);
	st = seen(NULL, d.fd, "f", 0);
	ck_assert(st.st_uid == 1000 && st.st_mode == (S_IFREG | 0600));
	ck_assert_int_eq(fchown(fd, 0, 0), 0);
	ck_assert_int_eq(ownrec_set(fd, &(struct ownrec){100000, 5, 0, 0, 0}), 0);
	st = seen(NULL, d.fd, "f", 1);
	ck_assert(st.st_uid == 100000 && st.st_gid == 5);
}
END_TEST

UNIT_MAIN("ownview", test_plain, test_devices_and_descriptors, test_chmod_and_junk, test_forged)
