/* Several layer trees as one: what an overlay of them would show, and one layer for all. */
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "oci/mark.h"
#include "oci/merge.h"
#include "src/util/io.h"
#include "tests/unit/tar_util.h"

static const char *const layers[] = {"a", "b", "c"};

static void whiteout(int fd, const char *path)
{
	ck_assert_int_eq(mknodat(fd, path, S_IFCHR, 0), 0);
}

static void opaque(int fd, const char *path)
{
	AUTO_CLOSE int dir = openat(fd, path, O_RDONLY | O_DIRECTORY);

	ck_assert_int_eq(fsetxattr(dir, "user.overlay.opaque", "y", 1, 0), 0);
}

static void subdir(int fd, const char *path)
{
	close(tar_util_subdir(fd, path));
}

/* Three layers with each way to hide what lies below. */
static void make_layers(int fd)
{
	static const char *const dirs[] = {"a",	  "b",	   "c",	  "a/d",   "a/gone", "a/new", "a/file2dir",
					   "b/d", "b/new", "c/d", "b/dir", "c/dir",  "c/only"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		subdir(fd, dirs[i]);
	tar_util_file(fd, "a/d/low", "low", 0644, 1);
	tar_util_file(fd, "a/d/both", "old", 0644, 1);
	tar_util_file(fd, "a/gone/x", "x", 0644, 1);
	tar_util_file(fd, "a/new/hidden", "x", 0644, 1);
	tar_util_file(fd, "a/dir", "a file", 0644, 1);
	tar_util_file(fd, "a/one", "linked", 0644, 1);
	ck_assert_int_eq(linkat(fd, "a/one", fd, "a/two", 0), 0);
	tar_util_file(fd, "b/d/both", "new", 0600, 2);
	whiteout(fd, "b/gone");
	opaque(fd, "b/new");
	tar_util_file(fd, "b/new/seen", "s", 0644, 2);
	tar_util_file(fd, "b/dir/in", "in", 0644, 2);
	tar_util_file(fd, "c/file2dir", "now a file", 0644, 3);
	whiteout(fd, "c/d/low");
	tar_util_file(fd, "c/dir/top", "top", 0644, 3);
	ck_assert_int_eq(symlinkat("../d", fd, "c/only/link"), 0);
	tar_util_set_time(fd, "c/d", 7);
}

static int merge(struct unit_dir *d, const struct merge_opts *o, struct err *e)
{
	int out = tar_util_subdir(d->fd, "out");
	int r = merge_trees(d->fd, layers, ARRAY_LEN(layers), out, o, e);

	if (r == 0)
		return out;
	close(out);
	return -1;
}

static bool there(int fd, const char *path)
{
	return faccessat(fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void check_text(int fd, const char *path, const char *text)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;

	unit_ok(io_read_file(fd, path, &b, &e), e);
	ck_assert_str_eq(buf_str(&b), text);
}

static ino_t inode(int fd, const char *path)
{
	struct stat st;

	ck_assert_int_eq(fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_ino;
}

static void check_merged(int out)
{
	struct stat st;

	check_text(out, "d/both", "new");
	check_text(out, "new/seen", "s");
	check_text(out, "dir/in", "in");
	check_text(out, "dir/top", "top");
	check_text(out, "file2dir", "now a file");
	check_text(out, "one", "linked");
	ck_assert(!there(out, "new/hidden"));
	ck_assert(there(out, "only/link"));
	ck_assert_uint_eq(inode(out, "one"), inode(out, "two"));
	ck_assert_int_eq(fstatat(out, "d/both", &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_mtim.tv_sec, 2);
	ck_assert_int_eq(fstatat(out, "d", &st, 0), 0);
	ck_assert_int_eq(st.st_mtim.tv_sec, 7);
}

START_TEST(test_plain)
{
	static const struct merge_opts o = {0};
	UNIT_DIR(d);
	struct err e = ERR_INIT;

	make_layers(d.fd);
	AUTO_CLOSE int out = merge(&d, &o, &e);

	ck_assert_msg(out >= 0, "%s", e.msg);
	check_merged(out);
	ck_assert(!there(out, "gone"));
	ck_assert(!there(out, "d/low"));
	ck_assert_uint_ne(inode(out, "d/both"), inode(d.fd, "b/d/both"));
	ck_assert_int_lt(fgetxattr(out, "user.overlay.opaque", NULL, 0), 0);
}
END_TEST

START_TEST(test_shared_layer)
{
	static const struct merge_opts o = {.marks = true, .share = true};
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	struct stat st;

	make_layers(d.fd);
	AUTO_CLOSE int out = merge(&d, &o, &e);

	ck_assert_msg(out >= 0, "%s", e.msg);
	check_merged(out);
	ck_assert_uint_eq(inode(out, "d/both"), inode(d.fd, "b/d/both"));
	ck_assert_int_eq(fstatat(out, "gone", &st, 0), 0);
	ck_assert(mark_is_whiteout(out, "gone", &st));
	ck_assert_int_eq(fstatat(out, "d/low", &st, 0), 0);
	ck_assert(mark_is_whiteout(out, "d/low", &st));

	AUTO_CLOSE int hiding = openat(out, "new", O_RDONLY), over_file = openat(out, "dir", O_RDONLY);
	AUTO_CLOSE int merged = openat(out, "d", O_RDONLY);

	ck_assert(mark_is_opaque(hiding));
	/* A directory over a file hides what lies below that file. */
	ck_assert(mark_is_opaque(over_file));
	ck_assert(!mark_is_opaque(merged));
}
END_TEST

START_TEST(test_whiteout_by_attribute)
{
	static const struct merge_opts o = {0};
	UNIT_DIR(d);
	struct err e = ERR_INIT;

	make_layers(d.fd);
	ck_assert_int_eq(unlinkat(d.fd, "b/gone", 0), 0);
	tar_util_file(d.fd, "b/gone", "", 0, 1);
	AUTO_CLOSE int mark = openat(d.fd, "b/gone", O_RDONLY);

	ck_assert_int_eq(fsetxattr(mark, "user.overlay.whiteout", "y", 1, 0), 0);
	AUTO_CLOSE int out = merge(&d, &o, &e);

	ck_assert_msg(out >= 0, "%s", e.msg);
	ck_assert(!there(out, "gone"));
}
END_TEST

UNIT_MAIN("merge", test_plain, test_shared_layer, test_whiteout_by_attribute)
