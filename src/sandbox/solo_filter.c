/* Which calls the supervisor answers, as classic BPF. */
#include "src/sandbox/solo_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

#ifdef __x86_64__
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#error "tier solo is not ported to this processor"
#endif

/* Linux 6.6 to 6.13; the same number everywhere. */
#define NR_FCHMODAT2	 452
#define NR_SETXATTRAT	 463
#define NR_GETXATTRAT	 464
#define NR_LISTXATTRAT	 465
#define NR_REMOVEXATTRAT 466

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

/* O_TMPFILE has the bit of O_DIRECTORY, which alone makes nothing. */
#define OPEN_MAKES (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))

enum filter_when {
	FILTER_ALWAYS,
	FILTER_ROWS,	/* always, if there are recorded links below */
	FILTER_NAMES,	/* the same, and if names are followed */
	FILTER_BITS,	/* argument a has one of the bits x */
	FILTER_EQUAL,	/* argument a is x */
	FILTER_EQUAL_2, /* argument a is x and argument a+1 is y */
	FILTER_NOSYS,	/* ENOSYS: libc falls back to a call whose arguments a filter can see */
};

/* Arguments are looked at as the kernel takes them here: as int. */
static const struct filter_rule {
	int nr;
	uint8_t when, a;
	uint32_t x, y;
} filter_rules[] = {
#ifdef SYS_open
	{SYS_open, FILTER_BITS, 1, OPEN_MAKES, 0},
	{SYS_creat, FILTER_ALWAYS, 0, 0, 0},
	{SYS_stat, FILTER_ALWAYS, 0, 0, 0},
	{SYS_lstat, FILTER_ALWAYS, 0, 0, 0},
	{SYS_access, FILTER_ALWAYS, 0, 0, 0},
	{SYS_chmod, FILTER_ALWAYS, 0, 0, 0},
	{SYS_chown, FILTER_ALWAYS, 0, 0, 0},
	{SYS_lchown, FILTER_ALWAYS, 0, 0, 0},
	{SYS_mkdir, FILTER_ALWAYS, 0, 0, 0},
	{SYS_mknod, FILTER_ALWAYS, 0, 0, 0},
	{SYS_symlink, FILTER_ALWAYS, 0, 0, 0},
	{SYS_rename, FILTER_NAMES, 0, 0, 0},
	{SYS_link, FILTER_NAMES, 0, 0, 0},
#endif
	{SYS_openat, FILTER_BITS, 2, OPEN_MAKES, 0},
	{SYS_openat2, FILTER_NOSYS, 0, 0, 0},
	{SYS_fstat, FILTER_ALWAYS, 0, 0, 0},
	{SYS_newfstatat, FILTER_ALWAYS, 0, 0, 0},
	{SYS_statx, FILTER_ALWAYS, 0, 0, 0},
	{SYS_faccessat, FILTER_ALWAYS, 0, 0, 0},
	{SYS_faccessat2, FILTER_ALWAYS, 0, 0, 0},
	{SYS_fchown, FILTER_ALWAYS, 0, 0, 0},
	{SYS_fchownat, FILTER_ALWAYS, 0, 0, 0},
	{SYS_fchmod, FILTER_ALWAYS, 0, 0, 0},
	{SYS_fchmodat, FILTER_ALWAYS, 0, 0, 0},
	{NR_FCHMODAT2, FILTER_ALWAYS, 0, 0, 0},
	{SYS_mkdirat, FILTER_ALWAYS, 0, 0, 0},
	{SYS_mknodat, FILTER_ALWAYS, 0, 0, 0},
	{SYS_symlinkat, FILTER_ALWAYS, 0, 0, 0},
#ifdef SYS_renameat
	{SYS_renameat, FILTER_NAMES, 0, 0, 0},
#endif
	{SYS_renameat2, FILTER_NAMES, 0, 0, 0},
	{SYS_linkat, FILTER_NAMES, 0, 0, 0},
	{SYS_utimensat, FILTER_ROWS, 0, 0, 0},
	{SYS_execve, FILTER_ALWAYS, 0, 0, 0},
	{SYS_execveat, FILTER_ALWAYS, 0, 0, 0},
	{SYS_chroot, FILTER_ALWAYS, 0, 0, 0},
	{SYS_bind, FILTER_ALWAYS, 0, 0, 0},
	{SYS_getuid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_geteuid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_getgid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_getegid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_getresuid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_getresgid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_getgroups, FILTER_ALWAYS, 0, 0, 0},
	{SYS_setuid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_setgid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_setreuid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_setregid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_setresuid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_setresgid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_setfsuid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_setfsgid, FILTER_ALWAYS, 0, 0, 0},
	{SYS_setgroups, FILTER_ALWAYS, 0, 0, 0},
	{SYS_capget, FILTER_ALWAYS, 0, 0, 0},
	{SYS_capset, FILTER_ALWAYS, 0, 0, 0},
	{SYS_prctl, FILTER_EQUAL, 0, PR_SET_KEEPCAPS, 0},
	{SYS_prctl, FILTER_EQUAL, 0, PR_GET_KEEPCAPS, 0},
	{SYS_prctl, FILTER_EQUAL, 0, PR_SET_SECUREBITS, 0},
	{SYS_sendmsg, FILTER_ALWAYS, 0, 0, 0},
	{SYS_getsockopt, FILTER_EQUAL_2, 1, SOL_SOCKET, SO_PEERCRED},
	{SYS_getsockopt, FILTER_EQUAL_2, 1, SOL_SOCKET, SO_PEERGROUPS},
#ifdef SYS_getrlimit
	{SYS_getrlimit, FILTER_EQUAL, 0, SOLO_FILTER_RLIMIT, 0},
	{SYS_setrlimit, FILTER_EQUAL, 0, SOLO_FILTER_RLIMIT, 0},
#endif
	{SYS_prlimit64, FILTER_EQUAL, 1, SOLO_FILTER_RLIMIT, 0},
	{SYS_getxattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_lgetxattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_fgetxattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_setxattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_lsetxattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_fsetxattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_listxattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_llistxattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_flistxattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_removexattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_lremovexattr, FILTER_ALWAYS, 0, 0, 0},
	{SYS_fremovexattr, FILTER_ALWAYS, 0, 0, 0},
	{NR_SETXATTRAT, FILTER_NOSYS, 0, 0, 0},
	{NR_GETXATTRAT, FILTER_NOSYS, 0, 0, 0},
	{NR_LISTXATTRAT, FILTER_NOSYS, 0, 0, 0},
	{NR_REMOVEXATTRAT, FILTER_NOSYS, 0, 0, 0},
};

struct filter {
	VEC_OF(struct sock_filter) code;
};

static void emit(struct filter *f, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	vec_push(&f->code, (struct sock_filter){code, yes, no, k});
}

static void emit_load(struct filter *f, size_t offset)
{
	emit(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The low half of an argument; both processors are little-endian. */
static size_t argument_at(unsigned i)
{
	return offsetof(struct seccomp_data, args) + 8 * i;
}

static void emit_test(struct filter *f, unsigned arg, uint16_t test, uint32_t k, uint8_t skip)
{
	emit_load(f, argument_at(arg));
	emit(f, BPF_JMP | test | BPF_K, k, 0, skip);
}

/* With the number in the accumulator, and again after it: each rule is skipped by those whose call it is not. */
static void emit_rule(struct filter *f, const struct filter_rule *r)
{
	static const uint8_t lengths[] = {
		[FILTER_ALWAYS] = 1, [FILTER_ROWS] = 1,	   [FILTER_NAMES] = 1, [FILTER_BITS] = 4,
		[FILTER_EQUAL] = 4,  [FILTER_EQUAL_2] = 6, [FILTER_NOSYS] = 1,
	};
	bool tests = lengths[r->when] > 1;

	emit(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)r->nr, 0, lengths[r->when]);
	if (r->when == FILTER_BITS)
		emit_test(f, r->a, BPF_JSET, r->x, 1);
	if (r->when == FILTER_EQUAL)
		emit_test(f, r->a, BPF_JEQ, r->x, 1);
	if (r->when == FILTER_EQUAL_2) {
		emit_test(f, r->a, BPF_JEQ, r->x, 3);
		emit_test(f, r->a + 1U, BPF_JEQ, r->y, 1);
	}
	emit(f, BPF_RET | BPF_K, r->when == FILTER_NOSYS ? SECCOMP_RET_ERRNO | ENOSYS : SECCOMP_RET_USER_NOTIF, 0, 0);
	if (tests)
		emit_load(f, offsetof(struct seccomp_data, nr));
}

static bool is_wanted(const struct filter_rule *r, unsigned also)
{
	if (r->when == FILTER_NAMES)
		return also != 0;
	return r->when != FILTER_ROWS || (also & SOLO_FILTER_ROWS);
}

static void emit_rules(struct filter *f, unsigned also)
{
	size_t jump;

	emit_load(f, offsetof(struct seccomp_data, arch));
	emit(f, BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0);
	jump = f->code.n;
	emit(f, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_load(f, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_LEN(filter_rules); i++)
		if (is_wanted(&filter_rules[i], also))
			emit_rule(f, &filter_rules[i]);
	/* Other processors are for the profile that follows to refuse. */
	f->code.v[jump].k = (uint32_t)(f->code.n - jump - 1);
}

int solo_filter_program(const void *base, size_t base_len, unsigned also, void **prog, size_t *len, struct err *e)
{
	struct filter f = {0};
	size_t own, n = base_len / sizeof(struct sock_filter);

	emit_rules(&f, also);
	own = f.code.n;
	if (own + n > BPF_MAXINSNS) {
		vec_release(&f.code);
		return err_set(e, ERR_INTERNAL, "seccomp: program of %zu instructions", own + n);
	}
	f.code.v = mem_realloc(f.code.v, (own + n) * sizeof *f.code.v);
	memcpy(f.code.v + own, base, n * sizeof *f.code.v);
	*prog = f.code.v;
	*len = (own + n) * sizeof *f.code.v;
	return 0;
}

int solo_filter_enter(const void *prog, size_t len, struct err *e)
{
	/* A signal that interrupted a call after the supervisor took it would have it done twice. */
	static const unsigned long flags[] = {
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		SECCOMP_FILTER_FLAG_NEW_LISTENER,
	};
	AUTO_FREE struct sock_filter *copy = mem_dup(prog, len);
	struct sock_fprog p = {.len = (unsigned short)(len / sizeof *copy), .filter = copy};
	long fd = -1;

	for (size_t i = 0; i < ARRAY_LEN(flags) && fd < 0; i++)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[i], &p);
	if (fd < 0) {
		err_sys(e, ERR_HOST, errno, "loading the seccomp filter with a supervisor");
		return err_hint(e, "Linux 5.14 or newer is needed, and no other supervisor around slct");
	}
	return (int)fd;
}
