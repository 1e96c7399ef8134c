/* Index of a tree, and what has changed since as a layer: the layer over the old tree shows the new one. */
#include <sys/xattr.h>

#include "oci/mark.h"
#include "oci/merge.h"
#include "oci/treediff.h"
#include "src/util/io.h"
#include "tests/unit/tar_util.h"

struct fixture {
	struct unit_dir d;
	int root, upper;
	struct treeindex index;
};

static void begin(struct fixture *f)
{
	static const char *const dirs[] = {"old", "root", "upper"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		close(tar_util_subdir(f->d.fd, dirs[i]));
	f->root = openat(f->d.fd, "root", O_RDONLY | O_DIRECTORY);
	f->upper = openat(f->d.fd, "upper", O_RDONLY | O_DIRECTORY);
	close(tar_util_subdir(f->root, "d"));
	close(tar_util_subdir(f->root, "gone"));
	close(tar_util_subdir(f->root, "again"));
	tar_util_file(f->root, "d/same", "same", 0644, 5);
	tar_util_file(f->root, "d/edit", "1234", 0644, 5);
	tar_util_file(f->root, "gone/x", "x", 0644, 5);
	tar_util_file(f->root, "again/hidden", "x", 0644, 5);
	tar_util_file(f->root, "one", "linked", 0644, 5);
	ck_assert_int_eq(linkat(f->root, "one", f->root, "two", 0), 0);
	tar_util_set_time(f->root, "d", 6);
}

static void copy_old(struct fixture *f)
{
	static const char *const layers[] = {"root"};
	static const struct merge_opts o = {0};
	AUTO_CLOSE int out = openat(f->d.fd, "old", O_RDONLY | O_DIRECTORY);
	struct err e = ERR_INIT;

	unit_ok(merge_trees(f->d.fd, layers, 1, out, &o, &e), e);
}

static void take_index(struct fixture *f)
{
	struct err e = ERR_INIT;

	copy_old(f);
	unit_ok(treeindex_make(f->root, NULL, NULL, &f->index, &e), e);
	treeindex_settle(&f->index);
}

static void write_diff(struct fixture *f)
{
	static const struct treediff_opts o = {.clamp = true, .limit = 1000};
	struct err e = ERR_INIT;

	unit_ok(treediff_write(f->root, &f->index, f->upper, &o, &e), e);
}

static void end(struct fixture *f)
{
	treeindex_release(&f->index);
	close(f->root);
	close(f->upper);
}

static bool there(int fd, const char *path)
{
	return faccessat(fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void put(int fd, const char *path, const char *text)
{
	AUTO_CLOSE int out = openat(fd, path, O_WRONLY | O_CREAT, 0644);
	struct err e = ERR_INIT;

	unit_ok(io_write_all(out, text, strlen(text), path, &e), e);
}

static int64_t mtime(int fd, const char *path)
{
	struct stat st;

	ck_assert_int_eq(fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mtim.tv_sec;
}

static void change(int root)
{
	put(root, "d/edit", "5678"); /* in place, and as long as before */
	put(root, "d/new", "new");
	close(tar_util_subdir(root, "fresh"));
	close(tar_util_subdir(root, "fresh/below"));
	put(root, "fresh/below/f", "f");
	unlinkat(root, "gone/x", 0);
	unlinkat(root, "gone", AT_REMOVEDIR);
	unlinkat(root, "again/hidden", 0);
	unlinkat(root, "again", AT_REMOVEDIR);
	close(tar_util_subdir(root, "again"));
	put(root, "again/seen", "s");
}

START_TEST(test_layer)
{
	UNIT_DIR(d);
	struct fixture f = {.d = d};
	struct stat st;

	begin(&f);
	take_index(&f);
	change(f.root);
	write_diff(&f);
	ck_assert(there(f.upper, "d/edit"));
	ck_assert(there(f.upper, "d/new"));
	ck_assert(there(f.upper, "fresh/below/f"));
	ck_assert(!there(f.upper, "d/same"));
	ck_assert(!there(f.upper, "one"));
	ck_assert_int_eq(fstatat(f.upper, "gone", &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(mark_is_whiteout(f.upper, "gone", &st));
	AUTO_CLOSE int again = openat(f.upper, "again", O_RDONLY), fresh = openat(f.upper, "fresh", O_RDONLY);

	ck_assert(mark_is_opaque(again));
	ck_assert(!mark_is_opaque(fresh));
	ck_assert(there(f.upper, "again/seen"));
	/* Limited in the layer and in the tree, which goes on being used. */
	ck_assert_int_eq(mtime(f.upper, "d/new"), 1000);
	ck_assert_int_eq(mtime(f.root, "d/new"), 1000);
	ck_assert_int_eq(mtime(f.upper, "d"), 1000);
	ck_assert_int_eq(mtime(f.root, "d/same"), 5);
	end(&f);
}
END_TEST

/* The layer over the old tree is the new tree. */
START_TEST(test_round_trip)
{
	static const char *const layers[] = {"old", "upper"};
	static const struct merge_opts o = {0};
	UNIT_DIR(d);
	struct fixture f = {.d = d};
	struct treeindex now;
	struct err e = ERR_INIT;

	begin(&f);
	take_index(&f);
	change(f.root);
	write_diff(&f);
	AUTO_CLOSE int out = tar_util_subdir(d.fd, "out");

	unit_ok(merge_trees(d.fd, layers, ARRAY_LEN(layers), out, &o, &e), e);
	unit_ok(treeindex_make(f.root, NULL, NULL, &now, &e), e);
	for (size_t i = 0; i < now.entries.n; i++) {
		const char *path = now.entries.v[i].key;

		ck_assert_msg(there(out, path), "%s", path);
		ck_assert_int_eq(mtime(out, path), mtime(f.root, path));
	}
	ck_assert(!there(out, "gone"));
	ck_assert(!there(out, "again/hidden"));
	treeindex_release(&now);
	end(&f);
}
END_TEST

START_TEST(test_nothing)
{
	UNIT_DIR(d);
	struct fixture f = {.d = d};

	begin(&f);
	take_index(&f);
	write_diff(&f);
	ck_assert(!there(f.upper, "d"));
	ck_assert(!there(f.upper, "one"));
	ck_assert(!there(f.upper, "gone"));
	end(&f);
}
END_TEST

/* A file that only lost another name is not in the layer; one that got an attribute is. */
START_TEST(test_names_and_attributes)
{
	UNIT_DIR(d);
	struct fixture f = {.d = d};
	struct stat st;

	begin(&f);
	take_index(&f);
	unlinkat(f.root, "two", 0);
	AUTO_CLOSE int same = openat(f.root, "d/same", O_RDONLY);

	ck_assert_int_eq(fsetxattr(same, "user.x", "y", 1, 0), 0);
	write_diff(&f);
	ck_assert(!there(f.upper, "one"));
	ck_assert_int_eq(fstatat(f.upper, "two", &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(mark_is_whiteout(f.upper, "two", &st));
	AUTO_CLOSE int copy = openat(f.upper, "d/same", O_RDONLY);

	ck_assert_int_eq(fgetxattr(copy, "user.x", NULL, 0), 1);
	/* Its directory goes with it, as it was. */
	ck_assert_int_eq(mtime(f.upper, "d"), 6);
	end(&f);
}
END_TEST

START_TEST(test_index_as_file)
{
	UNIT_DIR(d);
	struct fixture f = {.d = d};
	struct treeindex again;
	struct err e = ERR_INIT;

	begin(&f);
	take_index(&f);
	AUTO_CLOSE int file = openat(d.fd, "index", O_RDWR | O_CREAT, 0600);

	unit_ok(treeindex_save(&f.index, file, &e), e);
	ck_assert_int_eq(lseek(file, 0, SEEK_SET), 0);
	unit_ok(treeindex_load(&again, file, &e), e);
	ck_assert_uint_eq(again.entries.n, f.index.entries.n);
	for (size_t i = 0; i < again.entries.n; i++)
		ck_assert(treeindex_unchanged(again.entries.v[i].val, f.index.entries.v[i].val));
	treeindex_release(&again);
	end(&f);
}
END_TEST

UNIT_MAIN("treediff", test_layer, test_round_trip, test_nothing, test_names_and_attributes, test_index_as_file)
