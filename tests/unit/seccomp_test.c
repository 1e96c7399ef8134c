/* The default profile, loaded into a child that then makes the calls. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/seccomp.h"
#include "src/util/base.h"

#define ANY -1

static void *prog, *prog_nosync;
static size_t len, len_nosync;

/* sys: the errno wanted, 0 for success, ANY for "reaches the kernel", which answers as without a filter. */
static const struct {
	const char *name;
	long nr, arg[4];
	int sys;
} calls[] = {
	{"getpid", SYS_getpid, {0}, 0},
	{"fsync", SYS_fsync, {-1}, EBADF},
	{"ioctl TIOCSTI", SYS_ioctl, {-1, TIOCSTI}, EPERM},
	{"ioctl TIOCSTI, upper bits", SYS_ioctl, {-1, 0x100000000 | TIOCSTI}, EPERM},
	{"ioctl TIOCLINUX", SYS_ioctl, {-1, TIOCLINUX}, EPERM},
	{"ioctl TIOCLINUX, upper bits", SYS_ioctl, {-1, (long)(0xffffffff00000000 | TIOCLINUX)}, EPERM},
	{"ioctl FIONREAD", SYS_ioctl, {-1, FIONREAD}, EBADF},
	{"ioctl, sign-extended", SYS_ioctl, {-1, (int)TIOCGPTN}, EBADF},
	{"clone NEWUSER", SYS_clone, {CLONE_NEWUSER | SIGCHLD}, EPERM},
	{"clone NEWNS and more", SYS_clone, {CLONE_NEWNS | CLONE_FS | SIGCHLD}, EPERM},
	{"clone3", SYS_clone3, {0, 0}, ENOSYS},
	{"unshare NEWUSER", SYS_unshare, {CLONE_NEWUSER}, EPERM},
	{"unshare NEWNET", SYS_unshare, {CLONE_NEWNET | CLONE_FILES}, EPERM},
	{"unshare NEWTIME", SYS_unshare, {0x80}, EPERM},
	{"unshare FILES", SYS_unshare, {CLONE_FILES}, 0},
	{"setns", SYS_setns, {-1, 0}, EPERM},
	{"mount", SYS_mount, {0}, EPERM},
	{"umount2", SYS_umount2, {0}, EPERM},
	{"pivot_root", SYS_pivot_root, {0}, EPERM},
	{"fsopen", SYS_fsopen, {0}, EPERM},
	{"move_mount", SYS_move_mount, {0}, EPERM},
	{"open_tree", SYS_open_tree, {0}, EPERM},
	{"mount_setattr", SYS_mount_setattr, {0}, EPERM},
	{"keyctl", SYS_keyctl, {0}, EPERM},
	{"add_key", SYS_add_key, {0}, EPERM},
	{"request_key", SYS_request_key, {0}, EPERM},
	{"bpf", SYS_bpf, {0}, EPERM},
	{"perf_event_open", SYS_perf_event_open, {0}, EPERM},
	{"userfaultfd", SYS_userfaultfd, {0}, EPERM},
	{"io_uring_setup", SYS_io_uring_setup, {0}, EPERM},
	{"io_uring_enter", SYS_io_uring_enter, {0}, EPERM},
	{"open_by_handle_at", SYS_open_by_handle_at, {0}, EPERM},
	{"init_module", SYS_init_module, {0}, EPERM},
	{"finit_module", SYS_finit_module, {0}, EPERM},
	{"kexec_load", SYS_kexec_load, {0}, EPERM},
	{"reboot", SYS_reboot, {0}, EPERM},
	{"sethostname", SYS_sethostname, {0}, EPERM},
	{"settimeofday", SYS_settimeofday, {0}, EPERM},
	{"pidfd_getfd", SYS_pidfd_getfd, {-1, -1, 0}, EPERM},
	{"a call of the future", 9999, {0}, ENOSYS},
	{"personality query", SYS_personality, {0xffffffff}, 0},
	{"personality ADDR_NO_RANDOMIZE", SYS_personality, {0x40000}, EPERM},
	{"socket UNIX", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, 0},
	{"socket INET", SYS_socket, {AF_INET, SOCK_STREAM, 0}, 0},
	{"socket INET6", SYS_socket, {AF_INET6, SOCK_DGRAM, 0}, ANY},
	{"socket netlink route", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}, 0},
	{"socket netlink audit", SYS_socket, {AF_NETLINK, SOCK_RAW, 9}, EINVAL},
	{"socket netlink netfilter", SYS_socket, {AF_NETLINK, SOCK_RAW, 12}, EPROTONOSUPPORT},
	{"socket netlink xfrm", SYS_socket, {AF_NETLINK, SOCK_RAW, 6}, EPROTONOSUPPORT},
	{"socket AF_ALG", SYS_socket, {38, SOCK_SEQPACKET, 0}, EAFNOSUPPORT},
	{"socket AF_VSOCK", SYS_socket, {40, SOCK_STREAM, 0}, EAFNOSUPPORT},
	{"socket AF_PACKET", SYS_socket, {17, SOCK_RAW, 0}, EAFNOSUPPORT},
	{"socket AF_X25", SYS_socket, {9, SOCK_STREAM, 0}, EAFNOSUPPORT},
	{"socketpair TIPC", SYS_socketpair, {30, SOCK_STREAM, 0, 0}, EAFNOSUPPORT},
	{"socketpair UNIX", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, 0}, EFAULT},
	{"chroot", SYS_chroot, {0}, EFAULT},
	{"setuid", SYS_setuid, {-1}, EINVAL},
	{"fchmodat2", 452, {-1, 0, 0, 0}, ANY},
	{"prctl", SYS_prctl, {PR_GET_DUMPABLE}, ANY},
};

/* Exit status: errno of the call under the filter (p is NULL: none), 255 if the filter could not be loaded. */
static int call_filtered(const void *p, size_t n, long nr, const long a[4])
{
	struct err e = ERR_INIT;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		long r;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (p && seccomp_enter(p, n, &e) < 0)
			_exit(255);
		r = syscall(nr, a[0], a[1], a[2], a[3]);
		_exit(r < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

START_TEST(test_calls)
{
	int got = call_filtered(prog, len, calls[_i].nr, calls[_i].arg), wanted = calls[_i].sys;

	if (wanted == ANY) /* ENOSYS, too: fchmodat2 before Linux 6.6 */
		wanted = call_filtered(NULL, 0, calls[_i].nr, calls[_i].arg);
	ck_assert_msg(got == wanted, "%s: %d (%s), wanted %d", calls[_i].name, got, strerror(got), wanted);
}
END_TEST

START_TEST(test_sync_is_noop)
{
	static const long syncs[] = {SYS_fsync, SYS_fdatasync, SYS_syncfs, SYS_sync, SYS_sync_file_range};
	static const long bad[4] = {-1, 0, 0, 0};

	for (size_t i = 0; i < ARRAY_LEN(syncs); i++)
		ck_assert_int_eq(call_filtered(prog_nosync, len_nosync, syncs[i], bad), 0);
	ck_assert_int_eq(call_filtered(prog, len, SYS_fsync, bad), EBADF);
	ck_assert_int_eq(call_filtered(prog_nosync, len_nosync, SYS_mount, bad), EPERM);
	ck_assert_int_eq(call_filtered(prog_nosync, len_nosync, SYS_msync, (const long[4]){1, 0, 0, 0}), EINVAL);
}
END_TEST

#ifdef __x86_64__
/* The other ABIs of the machine would see other numbers. */
START_TEST(test_other_abis)
{
	static const long none[4] = {0};
	int status;
	pid_t pid;

	ck_assert_int_eq(call_filtered(prog, len, 0x40000000 | SYS_getpid, none), -SIGSYS); /* x32 */
	pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;
		long r = 20; /* getpid of i386 */

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (seccomp_enter(prog, len, &e) < 0)
			_exit(255);
		__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert(WIFSIGNALED(status));
}
END_TEST
#endif

/* The kernel's limit, and no marker of the stages left. */
START_TEST(test_program)
{
	const struct sock_filter *f = prog;

	ck_assert_uint_le(len / sizeof *f, BPF_MAXINSNS);
	for (size_t i = 0; i < len / sizeof *f; i++)
		ck_assert(BPF_CLASS(f[i].code) != BPF_RET || f[i].k != 0x7ffc0000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("seccomp");
	TCase *t = tcase_create("seccomp");
	struct err e = ERR_INIT;
	SRunner *r;
	int failed;

	if (seccomp_program(false, &prog, &len, &e) < 0 || seccomp_program(true, &prog_nosync, &len_nosync, &e) < 0)
		return 1;
	tcase_add_loop_test(t, test_calls, 0, ARRAY_LEN(calls));
	tcase_add_test(t, test_sync_is_noop);
#ifdef __x86_64__
	tcase_add_test(t, test_other_abis);
#endif
	tcase_add_test(t, test_program);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	free(prog);
	free(prog_nosync);
	return failed > 0;
}
