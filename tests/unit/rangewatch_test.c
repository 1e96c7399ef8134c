/* Which calls of a step in tier range are told of: the program is run on made-up calls, without the kernel. */
#include <check.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "src/sandbox/rangewatch.h"
#include "src/util/cleanup.h"
#include "tests/unit/bpf_util.h"
#include "tests/unit/unit.h"

#define BASE SECCOMP_RET_ALLOW
#define TOLD SECCOMP_RET_USER_NOTIF
#define SAME UINT32_MAX

#ifdef __x86_64__
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

/* 65537 users in two ranges, 11 groups. */
static uint32_t call(uint32_t arch, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	const struct tier_info t = {.tier = TIER_RANGE,
				    .uid = {{0, 1000, 1}, {1, 100000, 65536}},
				    .nuid = 2,
				    .gid = {{0, 1000, 1}, {1, 100000, 10}},
				    .ngid = 2};
	const struct sock_filter base = BPF_STMT(BPF_RET | BPF_K, BASE);
	const struct seccomp_data data = {.nr = (int)nr, .arch = arch, .args = {a, b, c, d}};
	AUTO_FREE void *prog = NULL;
	struct err e = ERR_INIT;
	size_t len;

	unit_ok(rangewatch_program(&t, &base, sizeof base, &prog, &len, &e), e);
	return bpf_run(prog, len / sizeof base, &data);
}

START_TEST(owners)
{
	static const struct {
		uint64_t uid, gid;
		uint32_t want;
	} rows[] = {
		{0, 0, BASE},
		{65536, 10, BASE},
		{SAME, SAME, BASE},
		{SAME, 10, BASE},
		{65536, SAME, BASE},
		{65537, 0, TOLD},
		{0, 11, TOLD},
		{SAME, 11, TOLD},
		{65537, SAME, TOLD},
		{234567, 234567, TOLD},
		{SAME - 1, 0, TOLD},
		{0, SAME - 1, TOLD},
		/* The kernel takes the low half. */
		{UINT64_C(1) << 32, 0, BASE},
		{(UINT64_C(1) << 32) | 70000, 0, TOLD},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_uint_eq(call(NATIVE, SYS_fchown, 3, rows[i].uid, rows[i].gid, 0), rows[i].want);
		ck_assert_uint_eq(call(NATIVE, SYS_fchownat, 3, 0, rows[i].uid, rows[i].gid), rows[i].want);
#ifdef SYS_chown
		ck_assert_uint_eq(call(NATIVE, SYS_chown, 0, rows[i].uid, rows[i].gid, 0), rows[i].want);
		ck_assert_uint_eq(call(NATIVE, SYS_lchown, 0, rows[i].uid, rows[i].gid, 0), rows[i].want);
#endif
	}
}
END_TEST

START_TEST(nodes)
{
	static const struct {
		uint32_t mode, want;
	} rows[] = {
		{S_IFCHR | 0666, TOLD}, {S_IFBLK, TOLD},	 {S_IFIFO | 0666, BASE},
		{S_IFREG | 0644, BASE}, {S_IFSOCK | 0600, BASE}, {0644, BASE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_uint_eq(call(NATIVE, SYS_mknodat, 3, 0, rows[i].mode, 0x103), rows[i].want);
#ifdef SYS_mknod
		ck_assert_uint_eq(call(NATIVE, SYS_mknod, 0, rows[i].mode, 0x103, 0), rows[i].want);
#endif
	}
}
END_TEST

START_TEST(nothing_else)
{
	for (long nr = 0; nr < 470; nr++) {
		uint32_t got = call(NATIVE, nr, 1, 2, 3, 4);

		ck_assert_msg(got == BASE, "call %ld: %#x", nr, got);
	}
	ck_assert_uint_eq(call(AUDIT_ARCH_I386, SYS_fchown, 0, 99999, 99999, 99999), BASE);
}
END_TEST

START_TEST(text)
{
	char out[SANDBOX_LOST_MAX];

	ck_assert(!rangewatch_text(&(struct rangewatch){0}, out, sizeof out));
	ck_assert(rangewatch_text(&(struct rangewatch){.owners = 2, .uid = 70000, .gid = 3}, out, sizeof out));
	ck_assert_str_eq(out, "owners outside of the map of ids (2 times, first user 70000)");
	ck_assert(rangewatch_text(&(struct rangewatch){.owners = 1, .uid = SAME, .gid = 99999, .nodes = 4}, out,
				  sizeof out));
	ck_assert_str_eq(out, "owners outside of the map of ids (1 times, first group 99999), device nodes (4 times)");
}
END_TEST

UNIT_MAIN("rangewatch", owners, nodes, nothing_else, text)
