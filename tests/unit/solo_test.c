/* The supervisor at work: owners, identity, paths, and what the tree has at the end. */
#include "tests/unit/solo_util.h"

/* --- owners --- */

STEP(chown_is_recorded)
{
	int fd;

	put("/a", 0644);
	must(mkdir("/d", 0755) == 0 && symlink("a", "/l") == 0 && mkfifo("/f", 0644) == 0);
	must(chown("/a", 1, 2) == 0 && chown("/d", 3, 4) == 0 && lchown("/l", 5, 6) == 0 && chown("/f", 7, 8) == 0);
	owned("/a", 1, 2);
	owned("/d", 3, 4);
	owned("/l", 5, 6);
	owned("/f", 7, 8);
	must(chown("/l", 9, KEEP) == 0); /* through the link */
	owned("/a", 9, 2);
	owned("/l", 5, 6);
	fd = open("/a", O_RDONLY);
	must(fchown(fd, KEEP, 10) == 0);
	must(fchownat(fd, "", 11, KEEP, AT_EMPTY_PATH) == 0);
	must(fchownat(AT_FDCWD, "l", 12, 12, AT_SYMLINK_NOFOLLOW) == 0);
	owned("/a", 11, 10);
	owned("/l", 12, 12);
	must(chown("/a", 0, 0) == 0 && chown("/f", 0, 0) == 0);
	owned("/a", 0, 0);
	owned("/f", 0, 0);
	must(chown("/a", 4294967294U, 4294967294U) == 0);
	owned("/a", 4294967294U, 4294967294U);
	fails(chown("/none", 1, 1), ENOENT);
	fails(chown("/a/x", 1, 1), ENOTDIR);
	fails(fchown(99, 1, 1), EBADF);
	fails(fchownat(AT_FDCWD, "/a", 1, 1, 0x4000000), EINVAL);
	fails(syscall(SYS_fchownat, AT_FDCWD, (char *)8, 1, 1, 0), EFAULT);
}

STEP(chown_clears_what_the_kernel_clears)
{
	put("/s", 0644);
	must(chmod("/s", 06755) == 0);
	must(mode_of("/s") == (S_IFREG | 06755));
	must(chown("/s", 5, 5) == 0);
	must(mode_of("/s") == (S_IFREG | 0755));
	must(chmod("/s", 04755) == 0);
	must(mode_of("/s") == (S_IFREG | 04755));
	must(mkdir("/d", 0755) == 0 && chmod("/d", 02775) == 0 && chown("/d", 5, 5) == 0);
	must(mode_of("/d") == (S_IFDIR | 02775));
	/* A write by root leaves them. */
	must(write(open("/s", O_WRONLY), "x", 1) == 1 && mode_of("/s") == (S_IFREG | 04755));
	must(chmod("/s", 0700) == 0 && mode_of("/s") == (S_IFREG | 0700));
	must(write(open("/t", O_WRONLY | O_CREAT, 06755), "x", 1) == 1 && mode_of("/t") == (S_IFREG | 06755));
	owned("/t", 0, 0);
}

STEP(records_are_hidden)
{
	char list[256];
	ssize_t n;

	put("/a", 0644);
	must(chown("/a", 1, 2) == 0);
	must(setxattr("/a", "user.x", "1", 1, 0) == 0);
	fails(getxattr("/a", "user.slct.o", list, sizeof list), ENODATA);
	fails(setxattr("/a", "user.slct.o", "0:0", 3, 0), EPERM);
	fails(lsetxattr("/a", "user.slct.other", "0:0", 3, 0), EPERM);
	fails(removexattr("/a", "user.slct.o"), ENODATA);
	n = listxattr("/a", list, sizeof list);
	must(n == 7 && strcmp(list, "user.x") == 0);
	must(listxattr("/a", NULL, 0) == 7);
	fails(listxattr("/a", list, 3), ERANGE);
	must(removexattr("/a", "user.x") == 0 && listxattr("/a", list, sizeof list) == 0);
	must(syscall(464, AT_FDCWD, "/a", 0, "user.slct.o", NULL, 0) == -1 && errno == ENOSYS);
	owned("/a", 1, 2);
}

STEP(devices)
{
	struct stat st;

	must(mknod("/c", S_IFCHR | 0666, makedev(1, 3)) == 0);
	must(mknod("/b", S_IFBLK | 0600, makedev(259, 70000)) == 0);
	must(lstat("/c", &st) == 0 && S_ISCHR(st.st_mode) && (st.st_mode & 07777) == 0644);
	must(st.st_rdev == makedev(1, 3) && st.st_size == 0);
	must(stat("/b", &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == makedev(259, 70000));
	/* As on a nodev mount: there, but not to be opened. */
	fails(open("/c", O_RDONLY), ENXIO);
	must(chmod("/c", 0602) == 0 && mode_of("/c") == (S_IFCHR | 0602));
	must(chown("/c", 4, 5) == 0);
	owned("/c", 4, 5);
	must(rename("/c", "/c2") == 0 && mode_of("/c2") == (S_IFCHR | 0602));
	must(link("/c2", "/c3") == 0 && mode_of("/c3") == (S_IFCHR | 0602));
	fails(mknod("/w", S_IFCHR, 0), EPERM);
	fails(mknod("/c2", S_IFCHR, makedev(1, 3)), EEXIST);
	must(chmod("/", 0777) == 0);
	become(5, 5);
	fails(mknod("/e", S_IFCHR, makedev(1, 3)), EPERM);
}

/* --- identity --- */

static void child_sees_user(void)
{
	uid_t r, e, s;

	must(getuid() == 1000 && geteuid() == 1000 && getgid() == 100 && getegid() == 100);
	must(getresuid(&r, &e, &s) == 0 && r == 1000 && e == 1000 && s == 1000);
	must(setgroups(0, NULL) == -1 && errno == EPERM);
}

STEP(identity_goes_with_fork)
{
	gid_t g[3] = {30, 10, 20}, got[3];

	must(getuid() == 0 && getgroups(0, NULL) == 0);
	must(setgroups(3, g) == 0 && getgroups(3, got) == 3 && got[0] == 10 && got[2] == 30);
	fails(getgroups(2, got), EINVAL);
	fails(syscall(SYS_setgroups, 65537, g), EINVAL);
	fails(syscall(SYS_setgroups, 3, (void *)8), EFAULT);
	become(1000, 100);
	in_child(child_sees_user);
	fails(setuid(0), EPERM);
	must(setfsuid(5) == 1000 && setfsuid(5) == 1000);
}

STEP(what_a_user_makes)
{
	int fd;

	must(chmod("/", 0777) == 0 && mkdir("/g", 0777) == 0 && chown("/g", 0, 77) == 0 && chmod("/g", 02777) == 0);
	umask(027);
	become(1000, 100);
	fd = open("/f", O_RDWR | O_CREAT, 0666);
	must(fd >= 0 && write(fd, "x", 1) == 1 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0);
	must(lseek(fd, 0, SEEK_SET) == 0 && close(fd) == 0);
	fd = open("/f", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	must(fd >= 0 && close(fd) == 0);
	fails(open("/f", O_RDWR | O_CREAT | O_EXCL, 0666), EEXIST);
	fails(open("/no/f", O_RDWR | O_CREAT, 0666), ENOENT);
	must(mkdir("/d", 0777) == 0 && mkdir("/d/sub/", 0777) == 0 && symlink("f", "/l") == 0 &&
	     mkfifo("/p", 0666) == 0);
	owned("/f", 1000, 100);
	must(mode_of("/f") == (S_IFREG | 0640) && mode_of("/d") == (S_IFDIR | 0750));
	owned("/d", 1000, 100);
	owned("/d/sub", 1000, 100);
	owned("/l", 1000, 100);
	owned("/p", 1000, 100);
	/* Through a link that leads nowhere yet. */
	must(symlink("d/new", "/dangling") == 0);
	fd = open("/dangling", O_WRONLY | O_CREAT, 0600);
	must(fd >= 0);
	owned("/d/new", 1000, 100);
	/* Without a name. */
	fd = open("/d", O_RDWR | O_TMPFILE, 0600);
	must(fd >= 0);
	must(linkat(AT_FDCWD, mem_printf("/proc/self/fd/%d", fd), AT_FDCWD, "/named", AT_SYMLINK_FOLLOW) == 0);
	owned("/named", 1000, 100);
	/* The directory's group. */
	must(mkdir("/g/d", 0777) == 0);
	owned("/g/d", 1000, 77);
	must(mode_of("/g/d") == (S_IFDIR | 02750));
	must(close(open("/g/f", O_WRONLY | O_CREAT, 0666)) == 0);
	owned("/g/f", 1000, 77);
}

STEP(root_in_a_directory_of_a_group)
{
	must(mkdir("/g", 0755) == 0 && chown("/g", 0, 77) == 0 && chmod("/g", 02775) == 0);
	must(close(open("/g/f", O_WRONLY | O_CREAT, 0666)) == 0 && mkdir("/g/d", 0755) == 0);
	must(symlink("x", "/g/l") == 0);
	owned("/g/f", 0, 77);
	owned("/g/d", 0, 77);
	owned("/g/l", 0, 77);
	must(mode_of("/g/d") & S_ISGID);
}

STEP(what_a_user_may_not)
{
	put("/root", 0600);
	put("/his", 0640);
	must(chown("/his", 1000, 100) == 0 && chmod("/", 0777) == 0);
	become(1000, 100);
	fails(chown("/root", 1000, 100), EPERM);
	fails(chmod("/root", 0666), EPERM);
	fails(chown("/his", 0, KEEP), EPERM);
	fails(chown("/his", KEEP, 55), EPERM);
	must(chown("/his", 1000, 100) == 0 && chmod("/his", 0644) == 0);
	fails(access("/root", R_OK), EACCES);
	must(access("/his", R_OK | W_OK) == 0 && access("/root", F_OK) == 0);
	fails(access("/his", X_OK), EACCES);
	fails(faccessat(AT_FDCWD, "/root", W_OK, AT_EACCESS), EACCES);
	fails(chroot("/"), EPERM);
}

/* Making something, and opening with O_CREAT as shells do, asks for permission. */
STEP(where_a_user_may_not_write)
{
	put("/root", 0644);
	must(mkdir("/his", 0700) == 0 && chown("/his", 1000, 100) == 0 && mkdir("/group", 0770) == 0);
	must(chown("/group", 0, 100) == 0 && chmod("/group", 0770) == 0 && symlink("/none", "/l") == 0);
	become(1000, 100);
	fails(open("/new", O_WRONLY | O_CREAT, 0600), EACCES);
	fails(open("/l", O_WRONLY | O_CREAT, 0600), EACCES);
	fails(open("/root", O_WRONLY | O_CREAT | O_TRUNC, 0600), EACCES);
	fails(open("/", O_RDWR | O_TMPFILE, 0600), EACCES);
	fails(open("/root", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	fails(mkdir("/d", 0700), EACCES);
	fails(mkdir("/his", 0700), EEXIST);
	fails(symlink("x", "/s"), EACCES);
	fails(mkfifo("/p", 0600), EACCES);
	must(close(open("/root", O_RDONLY | O_CREAT, 0600)) == 0);
	must(close(open("/his/f", O_WRONLY | O_CREAT, 0400)) == 0 && mkdir("/group/d", 0700) == 0);
	fails(open("/his/f", O_WRONLY | O_CREAT, 0600), EACCES);
}

STEP(capabilities_of_a_user)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];

	must(syscall(SYS_capget, &h, d) == 0 && (d[0].effective & 1 << CAP_CHOWN));
	must(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 1);
	become(5, 5);
	must(syscall(SYS_capget, &h, d) == 0 && d[0].effective == 0 && (d[0].permitted & 1 << CAP_CHOWN));
	d[0].effective = d[0].permitted = 1 << CAP_CHOWN;
	d[1].effective = d[1].permitted = 0;
	must(syscall(SYS_capset, &h, d) == 0);
	must(syscall(SYS_capget, &h, d) == 0 && d[0].effective == 1 << CAP_CHOWN);
	/* It has kept this one and no other. */
	must(chmod("/", 0777) == 0 && close(open("/f", O_WRONLY | O_CREAT, 0600)) == 0 && chown("/f", 8, 8) == 0);
	fails(setuid(0), EPERM);
}

STEP(the_limit_is_hidden)
{
	struct rlimit l;

	become(1000, 100);
	must(getrlimit(RLIMIT_LOCKS, &l) == 0 && l.rlim_cur == RLIM_INFINITY);
	l.rlim_cur = 5;
	must(setrlimit(RLIMIT_LOCKS, &l) == 0 && prlimit(0, RLIMIT_LOCKS, &l, NULL) == 0);
	must(getuid() == 1000);
}

/* --- paths --- */

static void in_chroot(void)
{
	must(chroot("/jail") == 0 && chdir("/") == 0);
	must(chown("/f", 5, 6) == 0 && lchown("/abs", 7, 8) == 0);
	owned("/f", 5, 6);
	owned("/abs", 7, 8);
	/* An absolute link ends in the new root, and .. at it. */
	must(chown("/abs", 9, 9) == 0 && chown("../../f", KEEP, 10) == 0);
	owned("/f", 9, 10);
	become(1000, 100);
	must(close(open("/made", O_WRONLY | O_CREAT, 0600)) == 0);
	owned("/made", 1000, 100);
}

STEP(a_changed_root)
{
	must(mkdir("/jail", 0777) == 0 && chmod("/jail", 0777) == 0);
	put("/jail/f", 0644);
	put("/f", 0644);
	must(symlink("/f", "/jail/abs") == 0);
	in_child(in_chroot);
	owned("/f", 0, 0);
	owned("/jail/f", 9, 10);
	owned("/jail/abs", 7, 8);
}

STEP(names_of_descriptors)
{
	char name[64];
	int fd, dir;

	put("/a", 0644);
	must(mkdir("/d", 0755) == 0);
	fd = open("/a", O_RDONLY);
	dir = open("/d", O_PATH);
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	must(chown(name, 3, 4) == 0);
	owned("/a", 3, 4);
	snprintf(name, sizeof name, "/proc/thread-self/fd/%d", fd);
	must(chmod(name, 0600) == 0 && mode_of("/a") == (S_IFREG | 0600));
	must(chdir("/proc/self") == 0);
	snprintf(name, sizeof name, "fd/%d", fd);
	must(chown(name, 5, 5) == 0);
	owned("/a", 5, 5);
	must(chdir("/d") == 0 && close(openat(dir, "x", O_WRONLY | O_CREAT, 0600)) == 0 && chown("x", 6, 6) == 0);
	owned("/d/x", 6, 6);
	must(fchownat(dir, "x", 7, 7, 0) == 0 && fchownat(dir, "", 8, 8, AT_EMPTY_PATH) == 0);
	owned("x", 7, 7);
	owned("/d", 8, 8);
	fails(fchownat(fd, "x", 1, 1, 0), ENOTDIR);
	must(rename("/d", "/e") == 0 && chown(".", 9, 9) == 0);
	owned("/e", 9, 9);
}

STEP(an_unlinked_file)
{
	struct stat st;
	int fd;

	put("/a", 0644);
	fd = open("/a", O_RDWR);
	must(unlink("/a") == 0 && fchown(fd, 3, 4) == 0 && fstat(fd, &st) == 0 && st.st_uid == 3 && st.st_gid == 4);
}

STEP(new_names_of_old_inodes)
{
	/* A link that is made where one was removed has no owner but its maker. */
	for (int i = 0; i < 50; i++) {
		must(symlink("x", "/l") == 0);
		owned("/l", 0, 0);
		must(lchown("/l", 5, 5) == 0);
		owned("/l", 5, 5);
		must(unlink("/l") == 0);
	}
}

/* A step that goes by names sees every record under each name that its object comes to have. */
STEP(names_of_recorded_objects)
{
	char path[32];
	struct stat st;
	int fd;

	put("/a", 0600);
	owned("/a", 0, 0);
	must(chown("/a", 3, 4) == 0 && rename("/a", "/b") == 0);
	owned("/b", 3, 4);
	must(mkdir("/d", 0755) == 0 && rename("/b", "/d/c") == 0 && rename("/d", "/e") == 0 && link("/e/c", "/f") == 0);
	owned("/e/c", 3, 4);
	owned("/f", 3, 4);
	put("/g", 0600);
	must(syscall(SYS_renameat2, AT_FDCWD, "/g", AT_FDCWD, "/f", RENAME_EXCHANGE) == 0);
	owned("/g", 3, 4);
	owned("/f", 0, 0);
	must(link("/f", "/h") == 0 && link("/h", "/i") == 0 && chown("/h", 5, 6) == 0);
	owned("/i", 5, 6);
	owned("/f", 5, 6);
	must(symlink("x", "/l") == 0 && lchown("/l", 7, 8) == 0 && rename("/l", "/m") == 0);
	owned("/m", 7, 8);
	fd = open("/", O_TMPFILE | O_RDWR, 0600);
	must(fd >= 0 && fchown(fd, 9, 9) == 0 && fstat(fd, &st) == 0 && st.st_uid == 9);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	must(linkat(AT_FDCWD, path, AT_FDCWD, "/n", AT_SYMLINK_FOLLOW) == 0);
	owned("/n", 9, 9);
}

STEP(openat2_is_not_there)
{
	struct open_how how = {.flags = O_RDONLY};

	fails(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how), ENOSYS);
}

/* --- the table and what the tree has at the end --- */

static void make_nodes(void)
{
	must(symlink("x", "/l") == 0 && lchown("/l", 5, 6) == 0);
	must(mkfifo("/f", 0644) == 0 && chown("/f", 7, 8) == 0);
	must(mkdir("/d", 0755) == 0 && mknod("/d/c", S_IFCHR | 0600, makedev(1, 3)) == 0 && chown("/d/c", 1, 2) == 0);
	must(link("/d/c", "/d/c2") == 0);
}

START_TEST(the_end)
{
	UNIT_DIR(d);
	AUTO_CLOSE int rows = openat(d.fd, "rows", O_RDWR | O_CREAT, 0600), c = -1;
	AUTO_OWNTAB struct owntab *t = owntab_new();
	struct step s = {.fn = make_nodes, .dir = d.fd, .owners_fd = rows};
	struct err e = ERR_INIT;
	struct owntab_key k;
	struct ownrec rec;
	struct statx x;
	struct stat one, two;

	ck_assert_int_eq(mkdirat(d.fd, "root", 0755), 0);
	ck_assert_int_eq(mkdirat(d.fd, "root/proc", 0755), 0);
	ck_assert_int_eq(run_step(&s), 0);
	unit_ok(owntab_load(t, rows, &e), e);
	ck_assert_uint_eq(owntab_len(t), 2);
	ck_assert_int_eq(statx(d.fd, "root/l", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &x), 0);
	k = owntab_key_of(&x);
	ck_assert(owntab_get(t, &k, &rec));
	ck_assert(rec.uid == 5 && rec.gid == 6 && rec.mode == 0);
	/* The device is a placeholder with its record on it, under both names. */
	c = openat(d.fd, "root/d/c", O_RDONLY);
	ck_assert_int_eq(ownrec_get(c, &rec), 1);
	ck_assert(rec.uid == 1 && rec.gid == 2 && rec.mode == (S_IFCHR | 0600) && rec.major == 1 && rec.minor == 3);
	ck_assert_int_eq(fstatat(d.fd, "root/d/c", &one, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_int_eq(fstatat(d.fd, "root/d/c2", &two, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(S_ISREG(one.st_mode) && one.st_ino == two.st_ino && one.st_nlink == 2);
}
END_TEST

/* Rows of layers below show. */
static void sees_row(void)
{
	owned("/l", 41, 42);
	must(chown("/l", 0, 0) == -1 && errno == ENOENT); /* it leads nowhere */
	must(lchown("/l", 0, 0) == 0);
	owned("/l", 0, 0);
}

START_TEST(rows_of_layers)
{
	UNIT_DIR(d);
	AUTO_OWNTAB struct owntab *t = owntab_new();
	struct step s = {.fn = sees_row, .dir = d.fd, .owners = t, .owners_fd = -1};
	const struct ownrec rec = {.uid = 41, .gid = 42};
	struct owntab_key k;
	struct statx x;

	ck_assert_int_eq(mkdirat(d.fd, "root", 0755), 0);
	ck_assert_int_eq(mkdirat(d.fd, "root/proc", 0755), 0);
	ck_assert_int_eq(symlinkat("nowhere", d.fd, "root/l"), 0);
	ck_assert_int_eq(statx(d.fd, "root/l", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &x), 0);
	k = owntab_key_of(&x);
	ck_assert_int_eq(owntab_set(t, &k, &rec), 0);
	ck_assert_int_eq(run_step(&s), 0);
}
END_TEST

UNIT_MAIN("solo", chown_is_recorded, chown_clears_what_the_kernel_clears, records_are_hidden, devices,
	  identity_goes_with_fork, what_a_user_makes, root_in_a_directory_of_a_group, what_a_user_may_not,
	  where_a_user_may_not_write, capabilities_of_a_user, the_limit_is_hidden, a_changed_root, names_of_descriptors,
	  an_unlinked_file, new_names_of_old_inodes, names_of_recorded_objects, openat2_is_not_there, the_end,
	  rows_of_layers)
