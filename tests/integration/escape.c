/* Run as a step: tries what would lead out of it. A line per try, "ok NAME" or "BAD NAME why"; the status is the number
 * of the bad ones. Built statically by test_escape.py. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH(a) (sizeof(a) / sizeof(a)[0])

static int bad;

static void verdict(const char *name, int good, const char *why)
{
	printf("%s %s%s%s\n", good ? "ok" : "BAD", name, good ? "" : ": ", good ? "" : why);
	bad += !good;
}

/* A call that must not even reach the kernel's own checks of its arguments. */
static void refused(const char *name, long r)
{
	int sys = errno;

	verdict(name, r < 0 && (sys == EPERM || sys == ENOSYS || sys == EACCES), r < 0 ? strerror(sys) : "it works");
}

static void fails(const char *name, long r)
{
	verdict(name, r < 0, "it works");
}

/* --- calls --- */

static void calls(void)
{
	refused("keyctl", syscall(SYS_keyctl, 0, -3, 1));
	refused("add_key", syscall(SYS_add_key, "user", "escape", "x", 1, -3));
	refused("request_key", syscall(SYS_request_key, "user", "escape", NULL, -3));
	refused("bpf", syscall(SYS_bpf, 5, NULL, 0));
	refused("perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	refused("userfaultfd", syscall(SYS_userfaultfd, 0));
	refused("io_uring_setup", syscall(SYS_io_uring_setup, 1, NULL));
	refused("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
	refused("finit_module", syscall(SYS_finit_module, -1, "", 0));
	refused("pidfd_getfd", syscall(SYS_pidfd_getfd, -1, 0, 0));
	refused("setns", syscall(SYS_setns, -1, 0));
	refused("clone3", syscall(SYS_clone3, NULL, 0));
	refused("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
	refused("mount of proc", mount("proc", "/tmp", "proc", 0, NULL));
	refused("mount of a cgroup", mount("cgroup", "/tmp", "cgroup", 0, "memory"));
	refused("remount", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
	refused("umount2", umount2("/proc/sys", MNT_DETACH));
	refused("pivot_root", syscall(SYS_pivot_root, ".", "."));
	refused("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	refused("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
	refused("move_mount", syscall(SYS_move_mount, -1, "", -1, "", 0));
	refused("mount_setattr", syscall(SYS_mount_setattr, -1, "", 0, NULL, 0));
	refused("swapon", syscall(SYS_swapon, "/etc/passwd", 0));
	refused("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
	refused("syslog", syscall(SYS_syslog, 3, NULL, 0));
	refused("acct", syscall(SYS_acct, "/tmp/acct"));
	refused("sethostname", sethostname("escape", 6));
	refused("settimeofday", syscall(SYS_settimeofday, NULL, NULL));
}

static void namespaces(void)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} all[] = {
		{"user", CLONE_NEWUSER}, {"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID},	      {"net", CLONE_NEWNET},
		{"ipc", CLONE_NEWIPC},	 {"uts", CLONE_NEWUTS},	 {"cgroup", CLONE_NEWCGROUP},
	};

	for (size_t i = 0; i < LENGTH(all); i++) {
		char name[64];
		long pid;

		snprintf(name, sizeof name, "unshare %s", all[i].name);
		refused(name, unshare((int)all[i].flag));
		pid = syscall(SYS_clone, all[i].flag | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0)
			_exit(0);
		snprintf(name, sizeof name, "clone %s", all[i].name);
		refused(name, pid);
	}
}

/* A handle names a file of the whole file system, in the root or not. */
static void handles(void)
{
	struct {
		struct file_handle h;
		unsigned char room[128];
	} f = {.h.handle_bytes = 128};
	int id, dir = open("/", O_RDONLY | O_DIRECTORY);

	name_to_handle_at(dir, ".", &f.h, &id, 0);
	refused("open_by_handle_at", open_by_handle_at(dir, &f.h, O_RDONLY));
	close(dir);
}

/* --- processes --- */

/* Its own child instead of the process that it was told to look at. */
static void terminals(void)
{
	int pty = posix_openpt(O_RDWR | O_NOCTTY), tty = -1;
	char name[64];

	fails("controlling terminal", open("/dev/tty", O_RDWR | O_NOCTTY));
	if (pty >= 0 && grantpt(pty) == 0 && unlockpt(pty) == 0 && ptsname_r(pty, name, sizeof name) == 0)
		tty = open(name, O_RDWR | O_NOCTTY);
	refused("TIOCSTI", syscall(SYS_ioctl, tty, (unsigned long)TIOCSTI, "x"));
	refused("TIOCSTI with high bits", syscall(SYS_ioctl, tty, TIOCSTI | 1UL << 32, "x"));
	refused("TIOCLINUX", syscall(SYS_ioctl, tty, (unsigned long)TIOCLINUX, "\x03"));
	close(tty);
	close(pty);
}

static void other_processes(void)
{
	static const char *const links[] = {"/proc/1/exe", "/proc/1/root",    "/proc/1/cwd",
					    "/proc/1/mem", "/proc/1/environ", "/proc/1/maps",
					    "/proc/1/fd",  "/proc/1/ns/mnt",  "/proc/2/root/proc/1/exe"};
	char data[8];
	struct iovec here = {data, sizeof data}, there = {(void *)0x400000, sizeof data};

	for (size_t i = 0; i < LENGTH(links); i++)
		fails(links[i], open(links[i], O_RDONLY | O_CLOEXEC));
	fails("ptrace of init", ptrace(PTRACE_SEIZE, 1, NULL, NULL));
	fails("memory of init", process_vm_readv(1, &here, 1, &there, 1, 0));
	/* Whatever a pid is outside, it is not one of ours: 2 to 9 are the step's own. */
	for (int pid = 10; pid < 70000; pid++)
		if (pid != getpid() && kill(pid, 0) == 0 && getpgid(pid) != getpgrp()) {
			verdict("processes of others", 0, "one can be signalled");
			return;
		}
	verdict("processes of others", 1, "");
}

static void descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *ent;
	char why[512] = "";

	while (d && (ent = readdir(d))) {
		char path[300], target[256] = "";
		int fd = atoi(ent->d_name);
		ssize_t n;

		snprintf(path, sizeof path, "/proc/self/fd/%s", ent->d_name);
		n = readlink(path, target, sizeof target - 1);
		if (ent->d_name[0] == '.' || fd == dirfd(d) || n < 0)
			continue;
		if (fd > 2 || (strncmp(target, "pipe:", 5) != 0 && strcmp(target, "/dev/null") != 0))
			snprintf(why, sizeof why, "%d is %.200s", fd, target);
	}
	verdict("inherited descriptors", d && !why[0], why);
	closedir(d);
}

/* --- files --- */

/* chroot(2) below a directory that is held open: where the step's root were a chroot itself, this would lead out. */
static void chroot_out(void)
{
	struct stat before, after;
	int pid, status = 0, fd = open("/", O_RDONLY | O_DIRECTORY);

	stat("/", &before);
	pid = fork();
	if (pid == 0) {
		mkdir("/tmp/below", 0700);
		if (chroot("/tmp/below") < 0 || fchdir(fd) < 0)
			_exit(0);
		for (int i = 0; i < 64; i++)
			if (chdir("..") < 0)
				_exit(0);
		if (chroot(".") < 0 || stat("/", &after) < 0)
			_exit(0);
		_exit(before.st_dev != after.st_dev || before.st_ino != after.st_ino);
	}
	waitpid(pid, &status, 0);
	verdict("chroot", status == 0, "another root is above");
	close(fd);
}

static void switches(void)
{
	/* clang-format off */
	static const char *const files[] = {
		"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",	"/proc/sys/kernel/hotplug",
		"/proc/sys/vm/panic_on_oom",	 "/proc/sys/fs/binfmt_misc/register", "/proc/sysrq-trigger",
		"/sys/kernel/uevent_helper",	 "/sys/power/state",		"/proc/sys/kernel/poweroff_cmd",
	};
	/* clang-format on */
	static const char *const unreadable[] = {
		"/proc/kcore",	     "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/sys/kernel/debug/sched",
		"/sys/firmware/acpi"};
	char c;

	for (size_t i = 0; i < LENGTH(files); i++)
		fails(files[i], open(files[i], O_WRONLY));
	for (size_t i = 0; i < LENGTH(unreadable); i++) {
		int fd = open(unreadable[i], O_RDONLY);

		verdict(unreadable[i], fd < 0 || read(fd, &c, 1) <= 0, "it can be read");
		close(fd);
	}
	fails("cgroup", mkdir("/sys/fs/cgroup/escape", 0755));
	fails("release_agent", open("/sys/fs/cgroup/release_agent", O_WRONLY));
	fails("release_agent of version 1", open("/sys/fs/cgroup/memory/release_agent", O_WRONLY));
}

static void devices(void)
{
	static const struct {
		const char *name;
		mode_t type;
		unsigned major, minor;
	} all[] = {
		{"mem", S_IFCHR, 1, 1},	    {"port", S_IFCHR, 1, 4},   {"kmsg", S_IFCHR, 1, 11},
		{"sda", S_IFBLK, 8, 0},	    {"vda", S_IFBLK, 254, 0},  {"loop", S_IFBLK, 7, 0},
		{"fuse", S_IFCHR, 10, 229}, {"kvm", S_IFCHR, 10, 232}, {"tun", S_IFCHR, 10, 200},
		{"null", S_IFCHR, 1, 3},
	};

	for (size_t i = 0; i < LENGTH(all); i++) {
		static const char *const dirs[] = {"/", "/tmp/", "/dev/", "/dev/shm/"};

		for (size_t k = 0; k < LENGTH(dirs); k++) {
			char path[64];

			snprintf(path, sizeof path, "%sescape-%s", dirs[k], all[i].name);
			if (mknod(path, all[i].type | 0666, makedev(all[i].major, all[i].minor)) == 0) {
				/* "null" is harmless, and would show that nodev is missing. */
				fails(path, open(path, O_RDWR | O_NONBLOCK));
				unlink(path);
			}
		}
	}
	verdict("device nodes", 1, "");
}

static void sockets(void)
{
	static const struct {
		const char *name;
		int family, type, protocol;
	} all[] = {
		{"AF_PACKET", 17, SOCK_RAW, 0},	       {"AF_ALG", 38, SOCK_SEQPACKET, 0},
		{"AF_VSOCK", 40, SOCK_STREAM, 0},      {"AF_BLUETOOTH", 31, SOCK_RAW, 1},
		{"AF_CAN", 29, SOCK_RAW, 1},	       {"AF_RDS", 21, SOCK_SEQPACKET, 0},
		{"AF_TIPC", 30, SOCK_RDM, 0},	       {"AF_XDP", 44, SOCK_RAW, 0},
		{"AF_KEY", 15, SOCK_RAW, 2},	       {"AF_X25", 9, SOCK_SEQPACKET, 0},
		{"netlink audit", 16, SOCK_RAW, 9},    {"netlink netfilter", 16, SOCK_RAW, 12},
		{"netlink uevent", 16, SOCK_RAW, 15},  {"netlink xfrm", 16, SOCK_RAW, 6},
		{"netlink generic", 16, SOCK_RAW, 16},
	};

	for (size_t i = 0; i < LENGTH(all); i++)
		fails(all[i].name, socket(all[i].family, all[i].type, all[i].protocol));
}

/* --- the rest --- */

#ifdef __x86_64__
static void other_abis(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit none = {0, 0};
		long r;

		setrlimit(RLIMIT_CORE, &none);
		__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory"); /* getpid of i386 */
		_exit(0);
	}
	waitpid(pid, &status, 0);
	verdict("i386 calls", WIFSIGNALED(status), "they pass the filter");
	pid = fork();
	if (pid == 0) {
		syscall(0x40000000 + SYS_getpid);
		_exit(errno == ENOSYS ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	verdict("x32 calls", WIFSIGNALED(status) || WEXITSTATUS(status) == 1, "they pass the filter");
}
#else
static void other_abis(void)
{
}
#endif

static void capabilities(void)
{
	static const int none[] = {CAP_SYS_ADMIN,	CAP_SYS_PTRACE, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_NET_ADMIN,
				   CAP_DAC_READ_SEARCH, CAP_SYS_TIME,	CAP_BPF,	CAP_MAC_ADMIN, CAP_SYSLOG};
	char name[32];

	for (size_t i = 0; i < LENGTH(none); i++) {
		snprintf(name, sizeof name, "capability %d", none[i]);
		verdict(name, prctl(PR_CAPBSET_READ, none[i], 0, 0, 0) == 0, "in the bounding set");
	}
	verdict("ambient set", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0) <= 0, "not empty");
}

int main(void)
{
	static void (*const all[])(void) = {calls,	namespaces, handles, terminals, other_processes, descriptors,
					    chroot_out, switches,   devices, sockets,	other_abis,	 capabilities};

	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(60);
	for (size_t i = 0; i < LENGTH(all); i++)
		all[i]();
	printf("%d bad\n", bad);
	return bad > 100 ? 100 : bad;
}
