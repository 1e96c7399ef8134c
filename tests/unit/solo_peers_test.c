/* The supervisor at work: sockets and credentials, access lists, hostile arguments. */
#include "tests/unit/solo_util.h"

/* --- sockets --- */

STEP(peers)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/run.sock"};
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c, status;
	struct ucred u;
	socklen_t n = sizeof u;
	gid_t groups[4], g[2] = {20, 30};
	pid_t pid;
	char x;

	must(chmod("/", 0777) == 0);
	must(bind(s, (struct sockaddr *)&a, sizeof a) == 0 && listen(s, 1) == 0);
	pid = fork();
	if (pid == 0) {
		must(setgroups(2, g) == 0 && setresgid(100, 100, 100) == 0 && setresuid(1000, 1000, 1000) == 0);
		c = socket(AF_UNIX, SOCK_STREAM, 0);
		must(connect(c, (struct sockaddr *)&a, sizeof a) == 0 && read(c, &x, 1) == 1);
		_exit(0);
	}
	c = accept(s, NULL, NULL);
	must(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &n) == 0);
	must(n == sizeof u && u.pid == pid && u.uid == 1000 && u.gid == 100);
	n = sizeof groups;
	must(getsockopt(c, SOL_SOCKET, 59, groups, &n) == 0 && n == 2 * sizeof(gid_t) && groups[1] == 30);
	n = 1;
	fails(getsockopt(c, SOL_SOCKET, 59, groups, &n), ERANGE);
	must(write(c, "x", 1) == 1 && waitpid(pid, &status, 0) == pid && status == 0);
}

STEP(sockets_of_a_user)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "s"}, got;
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t n = sizeof got;

	must(mkdir("/d", 0777) == 0 && chmod("/d", 0777) == 0 && chdir("/d") == 0);
	umask(077);
	become(1000, 100);
	must(bind(s, (struct sockaddr *)&a, sizeof a) == 0);
	owned("/d/s", 1000, 100);
	must(mode_of("/d/s") == (S_IFSOCK | 0700));
	must(getsockname(s, (struct sockaddr *)&got, &n) == 0 && strcmp(got.sun_path, "s") == 0);
}

/* owner rw-, user 1000 rwx, group r--, group 5 r-x, mask rwx, others --- */
static const unsigned char acl[] = {2,	0, 0, 0, 1,   0,   6,	0,   255, 255, 255, 255, 2,   0,   7,	0,  0xe8, 3,
				    0,	0, 4, 0, 4,   0,   255, 255, 255, 255, 8,   0,	 5,   0,   5,	0,  0,	  0,
				    16, 0, 7, 0, 255, 255, 255, 255, 32,  0,   0,   0,	 255, 255, 255, 255};

static void has_acl(const char *path, const char *name, unsigned mask)
{
	unsigned char got[sizeof acl], want[sizeof acl];
	char names[256];
	ssize_t n;

	memcpy(want, acl, sizeof acl);
	want[4 + 4 * 8 + 2] = (unsigned char)mask;
	must(getxattr(path, name, NULL, 0) == sizeof acl && getxattr(path, name, got, sizeof got) == sizeof got);
	must(memcmp(got, want, sizeof got) == 0);
	fails(getxattr(path, name, got, 4), ERANGE);
	n = listxattr(path, names, sizeof names);
	must(n > 0 && !memmem(names, (size_t)n, "user.slct", 9));
	fails(getxattr(path, "user.slct.a", got, sizeof got), ENODATA);
}

static void uses_acl(void)
{
	become(1000, 100);
	must(access("/f", R_OK | W_OK | X_OK) == 0 && access("/d", W_OK) == 0);
	put("/d/mine", 0600);
	fails(setxattr("/f", "system.posix_acl_access", acl, sizeof acl, 0), EPERM);
	fails(removexattr("/f", "system.posix_acl_access"), EPERM);
	must(setxattr("/d/mine", "system.posix_acl_access", acl, sizeof acl, 0) == 0);
	has_acl("/d/mine", "system.posix_acl_access", 7);
}

static void uses_group(void)
{
	const gid_t groups[] = {5};

	must(setgroups(1, groups) == 0 && setresgid(7, 7, 7) == 0 && setresuid(7, 7, 7) == 0);
	must(access("/f", R_OK | X_OK) == 0);
	fails(access("/f", W_OK), EACCES);
}

static void uses_nothing(void)
{
	become(7, 7);
	fails(access("/f", R_OK), EACCES);
	fails(open("/d/x", O_CREAT | O_WRONLY, 0600), EACCES);
}

STEP(access_lists)
{
	struct stat st;

	umask(077);
	put("/f", 0600);
	must(mkdir("/d", 0700) == 0);
	must(setxattr("/f", "system.posix_acl_access", acl, sizeof acl, 0) == 0);
	has_acl("/f", "system.posix_acl_access", 7);
	must((mode_of("/f") & 0777) == 0670 && chmod("/f", 0750) == 0 && chmod("/f", 0670) == 0);
	must(setxattr("/d", "system.posix_acl_access", acl, sizeof acl, 0) == 0);
	must(setxattr("/d", "system.posix_acl_default", acl, sizeof acl, 0) == 0);
	has_acl("/d", "system.posix_acl_default", 7);
	must(chmod("/d", 0770) == 0);
	/* The umask does not count, the mode does. */
	must(close(open("/d/f", O_CREAT | O_EXCL | O_WRONLY, 0640)) == 0 && mkdir("/d/d", 0777) == 0);
	has_acl("/d/f", "system.posix_acl_access", 4);
	has_acl("/d/d", "system.posix_acl_default", 7);
	/* Set-id bits and the list's permissions in one. */
	must(chmod("/d/f", 04750) == 0 && setxattr("/d/f", "system.posix_acl_access", acl, sizeof acl, 0) == 0);
	must((mode_of("/d/f") & 07777) == 04670);
	must(chown("/f", 1, 1) == 0);
	has_acl("/f", "system.posix_acl_access", 7);
	in_child(uses_acl);
	in_child(uses_group);
	in_child(uses_nothing);
	must(removexattr("/f", "system.posix_acl_access") == 0);
	fails(getxattr("/f", "system.posix_acl_access", NULL, 0), ENODATA);
	fails(setxattr("/f", "system.posix_acl_default", acl, sizeof acl, 0), EACCES);
	fails(setxattr("/f", "system.posix_acl_access", acl, sizeof acl - 1, 0), EINVAL);
	fails(syscall(SYS_setxattr, "/f", "system.posix_acl_access", 8, 44, 0), EFAULT);
	must(mkfifo("/p", 0600) == 0 && stat("/p", &st) == 0);
	fails(setxattr("/p", "system.posix_acl_access", acl, sizeof acl, 0), EINVAL);
}

static ssize_t send_ids(int sock, pid_t pid, uid_t uid, gid_t gid)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	} c = {0};
	const struct ucred u = {pid, uid, gid};
	char byte = 'x';
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c.room};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	/* A descriptor comes first. */
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &sock, sizeof sock);
	h = CMSG_NXTHDR(&m, h);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_CREDENTIALS;
	h->cmsg_len = CMSG_LEN(sizeof u);
	memcpy(CMSG_DATA(h), &u, sizeof u);
	return sendmsg(sock, &m, 0);
}

/* GDBus and others say who they are; the kernel knows 0 only. */
STEP(credentials_that_are_sent)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	} c = {0};
	char byte;
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c.room};
	int pair[2], one = 1;

	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	must(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one) == 0);
	must(send_ids(pair[0], getpid(), 7, 8) == 1); /* root may say so */
	must(recvmsg(pair[1], &m, 0) == 1);
	become(1000, 100);
	must(send_ids(pair[0], getpid(), 1000, 100) == 1);
	must(send_ids(pair[0], getpid(), 0, 0) == 1); /* what the kernel takes it for */
	fails(send_ids(pair[0], getpid(), 1001, 100), EPERM);
	fails(send_ids(pair[0], getpid(), 1000, 101), EPERM);
	m.msg_controllen = sizeof c.room;
	must(recvmsg(pair[1], &m, 0) == 1);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_type == SCM_CREDENTIALS)
			one = ((const struct ucred *)(const void *)CMSG_DATA(h))->pid;
	must(one == getpid());
}

/* --- hostile arguments: the supervisor lives on, and so does the step --- */

static void make_nonsense(void)
{
	/* clang-format off */
	static const long nrs[] = {
		SYS_fchownat, SYS_fchown,     SYS_newfstatat, SYS_fstat,	SYS_statx,     SYS_mknodat,  SYS_mkdirat,
		SYS_symlinkat, SYS_openat,    SYS_getresuid, SYS_getresgid, SYS_getgroups, SYS_setgroups, SYS_capget,
		SYS_capset,	SYS_getxattr, SYS_fsetxattr,	SYS_flistxattr, SYS_listxattr, SYS_bind,     SYS_getsockopt,
		SYS_prlimit64, SYS_faccessat2, SYS_fchmodat,	SYS_renameat2, SYS_linkat,   SYS_utimensat, SYS_sendmsg,  452,
	};
	/* clang-format on */
	static const uint64_t values[] = {
		0, 1, 8, UINT64_MAX, 0x7fffffff, 0x80000000, 1ULL << 47, (1ULL << 47) - 1, 4096, 0xffffffffffffff9cULL};
	uint64_t page = (uint64_t)(uintptr_t)&values & ~4095ULL;
	unsigned seed = 1;

	/* Nothing of the machine is at hand: uid 0 here may be the machine's. */
	put("/junk", 0600);
	for (int fd = 0; fd < 3; fd++)
		must(dup2(open("/junk", O_RDWR), fd) == fd);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	for (int i = 0; i < 20000; i++) {
		uint64_t a[5];

		for (size_t k = 0; k < 5; k++)
			a[k] = rand_r(&seed) % 5 == 0 ? page : values[(size_t)rand_r(&seed) % ARRAY_LEN(values)];
		syscall(nrs[(size_t)rand_r(&seed) % ARRAY_LEN(nrs)], a[0], a[1], a[2], a[3], a[4]);
	}
}

STEP(nonsense)
{
	pid_t pid = fork();

	if (pid == 0) {
		make_nonsense();
		_exit(0);
	}
	/* Some of it may have hit its own memory. */
	must(pid > 0 && waitpid(pid, NULL, 0) == pid);
	must(getuid() == 0);
	put("/still", 0644);
	must(chown("/still", 1, 1) == 0);
	owned("/still", 1, 1);
}

/* Process 1 hears signals; they keep back no answer. */
STEP(signals_for_process_1)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			kill(1, SIGALRM);
	must(pid > 0 && chmod("/", 0777) == 0);
	become(1000, 100);
	for (int i = 0; i < 3000; i++) {
		int fd = open("/f", O_WRONLY | O_CREAT | O_EXCL, 0600);

		must(fd > 0 && close(fd) == 0 && unlink("/f") == 0 && getuid() == 1000);
	}
	must(kill(pid, SIGKILL) == 0);
}

UNIT_MAIN("solo_peers", peers, sockets_of_a_user, credentials_that_are_sent, access_lists, nonsense,
	  signals_for_process_1)
