/* Paths: lexical, beneath a root (by openat2 and by hand), removal of trees. */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "tests/unit/unit.h"

#define SAME ((uid_t)-1), ((gid_t)-1)

START_TEST(test_clean)
{
	static const struct {
		const char *in, *want;
		bool beneath;
	} rows[] = {
		{"", ".", true},	   {".", ".", true},	     {"/", "/", false},
		{"a", "a", true},	   {"a/", "a", true},	     {"//a//b/./", "/a/b", false},
		{"a/../b", "b", true},	   {"..", ".", false},	     {"../a", "a", false},
		{"a/../../b", "b", false}, {"a/b/../..", ".", true}, {"/..", "/", false},
		{"/../a", "/a", false},	   {"...", "...", true},     {"..a/b", "..a/b", true},
		{"a/.../..", "a", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *got = path_clean(rows[i].in);

		ck_assert_str_eq(got, rows[i].want);
		ck_assert_msg(path_is_beneath(rows[i].in) == rows[i].beneath, "%s", rows[i].in);
	}
}
END_TEST

START_TEST(test_parts)
{
	static const struct {
		const char *in, *dir, *base;
	} rows[] = {
		{"a", ".", "a"},    {"a/b", "a", "b"},	 {"/a", "/", "a"},  {"/", "/", ""},
		{"a//b", "a", "b"}, {"a/b/", "a/b", ""}, {"//a", "/", "a"},
	};
	static const struct {
		const char *a, *b, *want;
	} joins[] = {
		{"a", "b", "a/b"}, {"/a", "../b", "/b"}, {"/a", "/b/", "/b"},
		{"", "b", "b"},	   {"a", "", "a"},	 {"/", "b", "/b"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *dir = path_dir(rows[i].in);

		ck_assert_str_eq(dir, rows[i].dir);
		ck_assert_str_eq(path_base(rows[i].in), rows[i].base);
	}
	for (size_t i = 0; i < ARRAY_LEN(joins); i++) {
		AUTO_FREE char *got = path_join(joins[i].a, joins[i].b);

		ck_assert_str_eq(got, joins[i].want);
	}
}
END_TEST

static void put(int dirfd, const char *path, const char *text)
{
	int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void dir(int dirfd, const char *path)
{
	ck_assert_msg(mkdirat(dirfd, path, 0755) == 0, "%s", path);
}

static void lnk(int dirfd, const char *path, const char *target)
{
	ck_assert_msg(symlinkat(target, dirfd, path) == 0, "%s", path);
}

/* d/secret is outside of d/root; the test's files hold their own names as seen from the root. Returns the root. */
static int make_root(int d)
{
	int root;

	put(d, "secret", "secret");
	dir(d, "root");
	root = openat(d, "root", O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(root, 0);
	dir(root, "a");
	dir(root, "a/b");
	dir(root, "etc");
	put(root, "f", "f");
	put(root, "secret", "inner");
	put(root, "a/b/f", "a/b/f");
	put(root, "etc/f", "etc/f");
	lnk(root, "abs", "/etc/f");
	lnk(root, "a/up", "../../../secret");
	lnk(root, "a/etc", "/etc");
	lnk(root, "a/b/chain", "../etc/../abs");
	lnk(root, "dangling", "a/missing");
	lnk(root, "loop1", "loop2");
	lnk(root, "loop2", "loop1");
	lnk(root, "self", "self/x");
	lnk(root, "dirlink", "a/b/");
	lnk(root, "a/here", ".");
	return root;
}

/* The text of the file, or "!" and the name of the error. */
static const char *look(int fd, char text[32])
{
	ssize_t n;

	if (fd < 0) {
		snprintf(text, 32, "!%s", strerrorname_np(errno));
		return text;
	}
	n = read(fd, text, 31);
	text[n < 0 ? 0 : n] = '\0';
	close(fd);
	return text;
}

static const struct {
	const char *path;
	const char *in, *nolinks;
} open_rows[] = {
	{"f", "f", "f"},
	{"/f", "f", "f"},
	{"//f", "f", "f"},
	{"./a/./b/f", "a/b/f", "a/b/f"},
	{"a/../f", "f", "f"},
	{"../secret", "inner", "!EXDEV"},
	{"a/../../../secret", "inner", "!EXDEV"},
	{"/../secret", "inner", "!EXDEV"},
	{"abs", "etc/f", "!ELOOP"},
	{"a/up", "inner", "!ELOOP"},
	{"a/etc/f", "etc/f", "!ELOOP"},
	{"a/b/chain", "etc/f", "!ELOOP"},
	{"a/etc/../f", "f", "!ELOOP"},
	{"dirlink/f", "a/b/f", "!ELOOP"},
	{"a/here/here/b/f", "a/b/f", "!ELOOP"},
	{"dangling", "!ENOENT", "!ELOOP"},
	{"loop1", "!ELOOP", "!ELOOP"},
	{"self", "!ELOOP", "!ELOOP"},
	{"missing", "!ENOENT", "!ENOENT"},
	{"missing/x", "!ENOENT", "!ENOENT"},
	{"f/x", "!ENOTDIR", "!ENOTDIR"},
	{"f/", "!ENOTDIR", "!ENOTDIR"},
	{"f/..", "!ENOTDIR", "!ENOTDIR"},
	{"", "!ENOENT", "!ENOENT"},
};

static void check_open(bool no_openat2)
{
	UNIT_DIR(d);
	AUTO_CLOSE int root = make_root(d.fd);
	char text[32];

	path_test_no_openat2(no_openat2);
	for (size_t i = 0; i < ARRAY_LEN(open_rows); i++) {
		const char *p = open_rows[i].path;

		look(path_open_in(root, p, O_RDONLY, 0), text);
		ck_assert_msg(strcmp(text, open_rows[i].in) == 0, "in: %s: %s", p, text);
		look(path_open_nolinks(root, p, O_RDONLY, 0), text);
		ck_assert_msg(strcmp(text, open_rows[i].nolinks) == 0, "nolinks: %s: %s", p, text);
	}
	ck_assert_str_eq(look(path_open_in(root, "abs", O_RDONLY | O_NOFOLLOW, 0), text), "!ELOOP");
	ck_assert_str_eq(look(path_open_in(root, "dirlink/", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, 0), text), "");
	ck_assert_str_eq(look(path_open_in(root, "new", O_RDWR | O_CREAT | O_EXCL, 0600), text), "");
	ck_assert_str_eq(look(path_open_in(root, "dangling", O_RDWR | O_CREAT | O_EXCL, 0600), text), "!EEXIST");
	ck_assert_str_eq(look(path_open_in(root, "x/", O_RDWR | O_CREAT, 0600), text), "!EISDIR");
	ck_assert_str_eq(look(path_open_in(root, "dangling", O_RDWR | O_CREAT, 0600), text), "");
	ck_assert_int_eq(faccessat(root, "a/missing", F_OK, 0), 0);
	path_test_no_openat2(false);
}

START_TEST(test_open_openat2)
{
	check_open(false);
}
END_TEST

START_TEST(test_open_walk)
{
	check_open(true);
}
END_TEST

START_TEST(test_open_root_and_links)
{
	UNIT_DIR(d);
	AUTO_CLOSE int root = make_root(d.fd);

	for (int no = 0; no < 2; no++) {
		static const char *const roots[] = {"/", ".", "..", "a/../..", "//"};
		struct stat want, st;
		char *target;
		int fd;

		path_test_no_openat2(no);
		ck_assert_int_eq(fstat(root, &want), 0);
		for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
			fd = path_open_in(root, roots[i], O_PATH | O_DIRECTORY, 0);
			ck_assert_msg(fd >= 0, "%s", roots[i]);
			ck_assert_int_eq(fstat(fd, &st), 0);
			ck_assert_uint_eq(st.st_ino, want.st_ino);
			ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
			close(fd);
		}
		fd = path_open_nolinks(root, "/", O_PATH, 0);
		ck_assert_int_ge(fd, 0);
		close(fd);
		fd = path_open_nolinks(root, "abs", O_PATH | O_NOFOLLOW, 0);
		ck_assert_int_ge(fd, 0);
		target = path_readlink_at(fd, "");
		ck_assert_str_eq(target, "/etc/f");
		free(target);
		close(fd);
	}
	path_test_no_openat2(false);
	ck_assert_ptr_null(path_readlink_at(root, "f"));
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(test_too_many_links)
{
	UNIT_DIR(d);
	char name[16], target[16], text[32];

	put(d.fd, "l0", "end");
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		lnk(d.fd, name, target);
	}
	for (int no = 0; no < 2; no++) {
		path_test_no_openat2(no);
		ck_assert_str_eq(look(path_open_in(d.fd, "l40", O_RDONLY, 0), text), "end");
		ck_assert_str_eq(look(path_open_in(d.fd, "l41", O_RDONLY, 0), text), "!ELOOP");
	}
	path_test_no_openat2(false);
}
END_TEST

/* Longer than PATH_MAX: only the walk can. */
START_TEST(test_long_path)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	AUTO_FREE char *path = mem_zalloc(20001);
	AUTO_CLOSE int made = -1;
	AUTO_CLOSE int found = -1;
	struct stat a, b;

	for (size_t i = 0; i < 20000; i += 100) {
		memset(path + i, 'd', 99);
		path[i + 99] = '/';
	}
	made = path_mkdirs_in(d.fd, path, 0755, SAME, &e);
	unit_ok(made, e);
	found = path_open_in(d.fd, path, O_PATH | O_DIRECTORY, 0);
	ck_assert_int_ge(found, 0);
	ck_assert_int_eq(fstat(made, &a), 0);
	ck_assert_int_eq(fstat(found, &b), 0);
	ck_assert_uint_eq(a.st_ino, b.st_ino);
}
END_TEST

START_TEST(test_parent)
{
	UNIT_DIR(d);
	AUTO_CLOSE int root = make_root(d.fd);
	static const struct {
		const char *path, *parent, *leaf;
	} rows[] = {
		{"f", ".", "f"},       {"/a/b/f", "a/b", "f"}, {"a/b/", "a", "b"},	    {"a/etc/x", "etc", "x"},
		{"a/etc", "a", "etc"}, {"abs", ".", "abs"},    {"missing", ".", "missing"}, {"/", ".", "."},
		{"", ".", "."},	       {"a/b/..", "a", "."},   {"a/b/.", "a/b", "."},	    {"../../x", ".", "x"},
		{"..", ".", "."},
	};
	char *leaf = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stat want, st;
		int fd = path_open_parent(root, rows[i].path, &leaf);

		ck_assert_msg(fd >= 0, "%s", rows[i].path);
		ck_assert_str_eq(leaf, rows[i].leaf);
		ck_assert_int_eq(fstatat(root, rows[i].parent, &want, 0), 0);
		ck_assert_int_eq(fstat(fd, &st), 0);
		ck_assert_msg(st.st_ino == want.st_ino, "%s", rows[i].path);
		free(leaf);
		close(fd);
	}
	ck_assert_int_eq(path_open_parent(root, "missing/x", &leaf), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

/* After making `path`, `made` is a directory below d (not only below the root: nothing may be made outside). */
static void check_mkdirs(const char *path, const char *made)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	AUTO_CLOSE int root = make_root(d.fd);
	AUTO_CLOSE int fd = path_mkdirs_in(root, path, 0751, SAME, &e);
	struct stat st, want;

	unit_ok(fd, e);
	ck_assert_msg(fstatat(root, made, &want, AT_SYMLINK_NOFOLLOW) == 0, "%s: no %s", path, made);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_msg(st.st_ino == want.st_ino, "%s is not %s", path, made);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
}

START_TEST(test_mkdirs)
{
	for (int no = 0; no < 2; no++) {
		path_test_no_openat2(no);
		check_mkdirs("new/x/y", "new/x/y");
		check_mkdirs("/new/", "new");
		check_mkdirs("a/b", "a/b");
		check_mkdirs("", ".");
		check_mkdirs("/", ".");
		check_mkdirs("dangling", "a/missing");
		check_mkdirs("dangling/x", "a/missing/x");
		check_mkdirs("a/etc/new", "etc/new");
		check_mkdirs("../../out", "out");
		check_mkdirs("a/new/../other", "a/other");
		check_mkdirs("dirlink/n", "a/b/n");
	}
	path_test_no_openat2(false);
}
END_TEST

START_TEST(test_mkdirs_links_out)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	AUTO_CLOSE int root = make_root(d.fd);
	int fd;

	lnk(root, "out", "../../../../tmp-x/y");
	lnk(root, "outabs", "/var/z");
	for (int no = 0; no < 2; no++) {
		path_test_no_openat2(no);
		fd = path_mkdirs_in(root, "out/p", 0755, SAME, &e);
		unit_ok(fd, e);
		close(fd);
		fd = path_mkdirs_in(root, "outabs/p", 0755, SAME, &e);
		unit_ok(fd, e);
		close(fd);
	}
	path_test_no_openat2(false);
	ck_assert_int_eq(faccessat(root, "tmp-x/y/p", F_OK, 0), 0);
	ck_assert_int_eq(faccessat(root, "var/z/p", F_OK, 0), 0);
	ck_assert_int_ne(faccessat(d.fd, "tmp-x", F_OK, 0), 0);
}
END_TEST

START_TEST(test_mkdirs_mode_and_errors)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	AUTO_CLOSE int root = make_root(d.fd);
	struct stat st;
	int fd;

	umask(077);
	fd = path_mkdirs_in(root, "m/n", 01777, getuid() == 0 ? 12 : getuid(), getuid() == 0 ? 13 : getgid(), &e);
	unit_ok(fd, e);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 01777);
	ck_assert_uint_eq(st.st_uid, getuid() == 0 ? 12 : getuid());
	close(fd);
	ck_assert_int_eq(fstatat(root, "m", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 01777);
	ck_assert_int_eq(path_mkdirs_in(root, "f/x", 0755, SAME, &e), -1);
	unit_failed(e, ERR_INPUT, "f/x: something on the way is not a directory");
	ck_assert_int_eq(path_mkdirs_in(root, "f", 0755, SAME, &e), -1);
	unit_failed(e, ERR_INPUT, "not a directory");
	ck_assert_int_eq(path_mkdirs_in(root, "new1/../f/x", 0755, SAME, &e), -1);
	unit_failed(e, ERR_INPUT, "not a directory");
	ck_assert_int_eq(path_mkdirs_in(root, "loop1/x", 0755, SAME, &e), -1);
	unit_failed(e, ERR_INPUT, "loop1/x");
	lnk(root, "grow", "grow2/x");
	lnk(root, "grow2", "grow");
	ck_assert_int_eq(path_mkdirs_in(root, "grow", 0755, SAME, &e), -1);
	unit_failed(e, ERR_INPUT, "grow");
}
END_TEST

/* Deeper than descriptors or PATH_MAX would allow. */
static void make_deep(int at, unsigned levels)
{
	int fd = dup(at), next;

	for (unsigned i = 0; i < levels; i++) {
		dir(fd, "directory");
		if (i % 100 == 0)
			put(fd, "file", "x");
		next = openat(fd, "directory", O_RDONLY | O_DIRECTORY);
		ck_assert_int_ge(next, 0);
		close(fd);
		fd = next;
	}
	close(fd);
}

START_TEST(test_remove_deep)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	struct rlimit few = {32, 32};

	make_deep(d.fd, 3000);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	unit_ok(path_remove_tree(d.fd, "directory", &e), e);
	ck_assert_int_ne(faccessat(d.fd, "directory", F_OK, AT_SYMLINK_NOFOLLOW), 0);
}
END_TEST

START_TEST(test_remove_kinds)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	AUTO_CLOSE int root = make_root(d.fd);
	char name[32];

	unit_ok(path_remove_tree(d.fd, "absent", &e), e);
	lnk(d.fd, "link", "root");
	unit_ok(path_remove_tree(d.fd, "link", &e), e);
	ck_assert_int_eq(faccessat(root, "f", F_OK, 0), 0);
	lnk(root, "a/out", "../..");
	ck_assert_int_eq(mkfifoat(root, "a/fifo", 0600), 0);
	dir(root, "many");
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		if (i % 2)
			put(root, name, "");
		else
			dir(root, name);
		if (i % 4 == 0) {
			snprintf(name, sizeof(name), "many/%d/x", i);
			put(root, name, "");
		}
	}
	unit_ok(path_remove_tree(d.fd, "secret", &e), e);
	put(d.fd, "secret", "again");
	unit_ok(path_remove_tree(d.fd, "root", &e), e);
	ck_assert_int_ne(faccessat(d.fd, "root", F_OK, 0), 0);
	ck_assert_int_eq(faccessat(d.fd, "secret", F_OK, 0), 0);
}
END_TEST

/* As an ordinary user, to whom modes matter. */
START_TEST(test_remove_without_permission)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	int status = 0;
	pid_t pid;

	ck_assert_int_eq(fchmod(d.fd, 0777), 0);
	pid = fork();
	if (pid == 0) {
		if (getuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(3);
		if (mkdirat(d.fd, "t", 0700) || mkdirat(d.fd, "t/u", 0700) || mkdirat(d.fd, "t/u/v", 0) ||
		    fchmodat(d.fd, "t/u", 0500, 0) || fchmodat(d.fd, "t", 0, 0))
			_exit(4);
		_exit(path_remove_tree(d.fd, "t", &e) < 0 ? 5 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_ne(faccessat(d.fd, "t", F_OK, 0), 0);
}
END_TEST

/* A bind mount of the same file system, whose device number does not tell, or a tmpfs, whose does. */
static int remove_mount(const struct unit_dir *d, const char *what, bool no_openat2)
{
	struct err e = ERR_INIT;
	const char *type = no_openat2 ? "tmpfs" : NULL;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	/* By its name: the descriptor belongs to the namespace that was left. */
	if (mkdirat(d->fd, "t", 0700) || mkdirat(d->fd, "t/m", 0700) || mkdirat(d->fd, "keep", 0700) ||
	    chdir(d->path) < 0 || mount("keep", "t/m", type, no_openat2 ? 0 : MS_BIND, NULL) < 0)
		return 4;
	put(AT_FDCWD, "t/m/f", "x");
	path_test_no_openat2(no_openat2);
	if (path_remove_tree(AT_FDCWD, what, &e) == 0)
		return 5;
	if (e.code != ERR_HOST || !strstr(e.msg, "mount point"))
		return 6;
	return access("t/m/f", F_OK) == 0 ? 0 : 7;
}

START_TEST(test_remove_stops_at_mounts)
{
	static const char *const whats[] = {"t", "t/m", "t", "t/m"};

	for (size_t i = 0; i < ARRAY_LEN(whats); i++) {
		UNIT_DIR(d);
		int status = 0;
		pid_t pid = fork();

		if (pid == 0)
			_exit(remove_mount(&d, whats[i], i >= 2));
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77), "%s: %d",
			      whats[i], WEXITSTATUS(status));
	}
}
END_TEST

/* /tmp is often another mount than that of the working directory; the tree itself is whole. */
START_TEST(test_remove_beyond_a_mount)
{
	UNIT_DIR(d);
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct err e = ERR_INIT;

		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(77);
		if (mkdirat(d.fd, "m", 0700) || chdir(d.path) < 0 || mount("m", "m", "tmpfs", 0, NULL) < 0 ||
		    mkdir("m/t", 0700) || mkdir("m/t/d", 0700))
			_exit(4);
		put(AT_FDCWD, "m/t/d/f", "x");
		if (path_remove_tree(AT_FDCWD, "m/t", &e) < 0)
			_exit(5);
		_exit(access("m/t", F_OK) == 0 ? 6 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77), "%d",
		      WEXITSTATUS(status));
}
END_TEST

UNIT_MAIN("path", test_clean, test_parts, test_open_openat2, test_open_walk, test_open_root_and_links,
	  test_too_many_links, test_long_path, test_parent, test_mkdirs, test_mkdirs_links_out,
	  test_mkdirs_mode_and_errors, test_remove_deep, test_remove_kinds, test_remove_without_permission,
	  test_remove_stops_at_mounts, test_remove_beyond_a_mount)
