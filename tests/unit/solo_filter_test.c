/* Which calls go to the supervisor: the program is run on made-up calls, without the kernel. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "src/sandbox/solo_filter.h"
#include "src/sandbox/solo_req.h"
#include "src/util/cleanup.h"
#include "tests/unit/bpf_util.h"
#include "tests/unit/unit.h"

/* What the profile behind would say. */
#define BASE SECCOMP_RET_ALLOW

static uint32_t ask(bool rows, struct seccomp_data d)
{
	const struct sock_filter base = BPF_STMT(BPF_RET | BPF_K, BASE);
	AUTO_FREE void *prog = NULL;
	struct err e = ERR_INIT;
	size_t len;

	unit_ok(solo_filter_program(&base, sizeof base, rows ? SOLO_FILTER_ROWS : 0, &prog, &len, &e), e);
	ck_assert_uint_eq(len % sizeof base, 0);
	return bpf_run(prog, len / sizeof base, &d);
}

#ifdef __x86_64__
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static uint32_t call(bool rows, long nr, uint64_t a, uint64_t b, uint64_t c)
{
	return ask(rows, (struct seccomp_data){.nr = (int)nr, .arch = NATIVE, .args = {a, b, c}});
}

START_TEST(asked_always)
{
	static const long nrs[] = {SYS_fchownat, SYS_newfstatat, SYS_statx,	SYS_execve, SYS_setresuid, SYS_getuid,
				   SYS_mknodat,	 SYS_symlinkat,	 SYS_lgetxattr, SYS_bind,   SYS_capset,	   SYS_chroot,
				   452};

	for (size_t i = 0; i < ARRAY_LEN(nrs); i++) {
		ck_assert_uint_eq(call(false, nrs[i], 0, 0, 0), SECCOMP_RET_USER_NOTIF);
		ck_assert_ptr_nonnull(solo_req_call((int)nrs[i]));
	}
}
END_TEST

START_TEST(never_asked)
{
	static const long nrs[] = {SYS_read,  SYS_write,      SYS_unlinkat,  SYS_mmap,
				   SYS_close, SYS_getdents64, SYS_readlinkat};

	for (size_t i = 0; i < ARRAY_LEN(nrs); i++) {
		ck_assert_uint_eq(call(true, nrs[i], 0, 0, 0), BASE);
		ck_assert_ptr_null(solo_req_call((int)nrs[i]));
	}
}
END_TEST

START_TEST(opens_that_make)
{
	ck_assert_uint_eq(call(false, SYS_openat, 0, 0, O_RDWR | O_TRUNC | O_CLOEXEC | O_DIRECTORY), BASE);
	ck_assert_uint_eq(call(false, SYS_openat, 0, 0, O_WRONLY | O_CREAT), SECCOMP_RET_USER_NOTIF);
	ck_assert_uint_eq(call(false, SYS_openat, 0, 0, O_WRONLY | O_TMPFILE), SECCOMP_RET_USER_NOTIF);
	/* The kernel takes an int. */
	ck_assert_uint_eq(call(false, SYS_openat, 0, 0, UINT64_C(0xffffffff00000000) | O_CREAT),
			  SECCOMP_RET_USER_NOTIF);
	ck_assert_uint_eq(call(false, SYS_openat2, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
}
END_TEST

START_TEST(by_arguments)
{
	ck_assert_uint_eq(call(false, SYS_prctl, PR_SET_KEEPCAPS, 1, 0), SECCOMP_RET_USER_NOTIF);
	ck_assert_uint_eq(call(false, SYS_prctl, PR_SET_SECUREBITS, 1, 0), SECCOMP_RET_USER_NOTIF);
	ck_assert_uint_eq(call(false, SYS_prctl, PR_SET_NAME, 1, 0), BASE);
	ck_assert_uint_eq(call(false, SYS_getsockopt, 3, SOL_SOCKET, SO_PEERCRED), SECCOMP_RET_USER_NOTIF);
	ck_assert_uint_eq(call(false, SYS_getsockopt, 3, SOL_SOCKET, SO_ERROR), BASE);
	ck_assert_uint_eq(call(false, SYS_getsockopt, 3, SOL_SOCKET + 5, SO_PEERCRED), BASE);
	ck_assert_uint_eq(call(false, SYS_prlimit64, 0, SOLO_FILTER_RLIMIT, 0), SECCOMP_RET_USER_NOTIF);
	ck_assert_uint_eq(call(false, SYS_prlimit64, 0, RLIMIT_NOFILE, 0), BASE);
}
END_TEST

/* A rename costs nothing where no link is recorded below. */
START_TEST(with_recorded_links)
{
	ck_assert_uint_eq(call(false, SYS_renameat2, 0, 0, 0), BASE);
	ck_assert_uint_eq(call(true, SYS_renameat2, 0, 0, 0), SECCOMP_RET_USER_NOTIF);
	ck_assert_uint_eq(call(false, SYS_utimensat, 0, 0, 0), BASE);
	ck_assert_uint_eq(call(true, SYS_utimensat, 0, 0, 0), SECCOMP_RET_USER_NOTIF);
}
END_TEST

/* So that names are known that recorded objects come to have. */
START_TEST(with_names)
{
	const struct sock_filter base = BPF_STMT(BPF_RET | BPF_K, BASE);
	AUTO_FREE void *prog = NULL;
	struct err e = ERR_INIT;
	size_t len;

	unit_ok(solo_filter_program(&base, sizeof base, SOLO_FILTER_NAMES, &prog, &len, &e), e);
	for (int nr = 0; nr < 512; nr++) {
		struct seccomp_data d = {.nr = nr, .arch = NATIVE};
		bool names = nr == SYS_renameat2 || nr == SYS_linkat;
#ifdef SYS_rename
		names |= nr == SYS_rename || nr == SYS_link;
#endif
#ifdef SYS_renameat
		names |= nr == SYS_renameat;
#endif

		if (names)
			ck_assert_uint_eq(bpf_run(prog, len / sizeof base, &d), SECCOMP_RET_USER_NOTIF);
		else
			ck_assert_uint_eq(bpf_run(prog, len / sizeof base, &d), ask(false, d));
		if (names)
			ck_assert_int_ne(solo_req_call(nr)->what, 0);
	}
}
END_TEST

/* Another processor's numbers mean other calls: they are for the profile to refuse. */
START_TEST(other_processors)
{
	ck_assert_uint_eq(ask(true, (struct seccomp_data){.nr = SYS_fchownat, .arch = AUDIT_ARCH_I386}), BASE);
}
END_TEST

/* Everything that is asked has an answer. */
START_TEST(each_has_a_handler)
{
	for (int nr = 0; nr < 512; nr++) {
		struct seccomp_data d = {.nr = nr, .arch = NATIVE};
		uint32_t r = ask(true, d);

		if (r == SECCOMP_RET_USER_NOTIF)
			ck_assert_msg(solo_req_call(nr) != NULL, "call %d", nr);
	}
	ck_assert_ptr_null(solo_req_call(-1));
	ck_assert_ptr_null(solo_req_call(100000));
}
END_TEST

START_TEST(arguments)
{
	static const struct {
		long nr;
		int dirfd, path, flags, arg, nofollow;
	} t[] = {
		{SYS_fchownat, 0, 1, 4, 2, 0}, {SYS_fchown, 0, -1, -1, 1, 0},	 {SYS_newfstatat, 0, 1, 3, 2, 0},
		{SYS_statx, 0, 1, 2, 4, 0},    {SYS_symlinkat, 1, 2, -1, 0, 1},	 {SYS_execveat, 0, 1, 4, 2, 0},
		{SYS_mknodat, 0, 1, -1, 2, 1}, {SYS_lgetxattr, -1, 0, -1, 1, 1}, {SYS_openat, 0, 1, -1, 2, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct solo_shape *s = &solo_req_call((int)t[i].nr)->shape;

		ck_assert_msg(s->dirfd == t[i].dirfd && s->path == t[i].path && s->flags == t[i].flags &&
				      s->arg == t[i].arg && s->nofollow == t[i].nofollow,
			      "call %ld", t[i].nr);
	}
}
END_TEST

START_TEST(too_long)
{
	static const struct sock_filter base[BPF_MAXINSNS];
	void *prog;
	struct err e = ERR_INIT;
	size_t len;

	ck_assert_int_eq(solo_filter_program(base, sizeof base, SOLO_FILTER_ROWS, &prog, &len, &e), -1);
	unit_failed(e, ERR_INTERNAL, "instructions");
}
END_TEST

UNIT_MAIN("solo_filter", asked_always, never_asked, opens_that_make, by_arguments, with_recorded_links, with_names,
	  other_processors, each_has_a_handler, arguments, too_long)
