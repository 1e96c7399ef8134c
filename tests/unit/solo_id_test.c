/* Identities by the rules of credentials(7), and their table. */
#include <check.h>
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/solo_id.h"
#include "tests/unit/unit.h"

#define KEEP SOLO_ID_KEEP

static struct solo_id user(uint32_t r, uint32_t e, uint32_t s)
{
	return (struct solo_id){
		.ruid = r, .euid = e, .suid = s, .fsuid = e, .rgid = r, .egid = e, .sgid = s, .fsgid = e};
}

static void is_uids(const struct solo_id *id, uint32_t r, uint32_t e, uint32_t s, uint32_t f)
{
	ck_assert_uint_eq(id->ruid, r);
	ck_assert_uint_eq(id->euid, e);
	ck_assert_uint_eq(id->suid, s);
	ck_assert_uint_eq(id->fsuid, f);
}

START_TEST(root_becomes_anybody)
{
	struct solo_id id = solo_id_root();

	ck_assert(solo_id_is_root(&id));
	ck_assert_int_eq(solo_id_setgid(&id, 7), 0);
	ck_assert_int_eq(solo_id_setuid(&id, 1000), 0);
	is_uids(&id, 1000, 1000, 1000, 1000);
	ck_assert_uint_eq(id.sgid, 7);
	ck_assert(!id.permitted && !id.effective);
	ck_assert_int_eq(solo_id_setuid(&id, 0), -EPERM);
	ck_assert_int_eq(solo_id_setgid(&id, 0), -EPERM);
	is_uids(&id, 1000, 1000, 1000, 1000);
}
END_TEST

START_TEST(seteuid_goes_back)
{
	struct solo_id id = solo_id_root();

	ck_assert_int_eq(solo_id_setresuid(&id, KEEP, 1000, KEEP), 0);
	is_uids(&id, 0, 1000, 0, 1000);
	ck_assert(id.permitted && !id.effective);
	ck_assert(!solo_id_owns_all(&id));
	/* Not to a third one. */
	ck_assert_int_eq(solo_id_setresuid(&id, KEEP, 5, KEEP), -EPERM);
	ck_assert_int_eq(solo_id_setresuid(&id, KEEP, 0, KEEP), 0);
	ck_assert(id.effective);
}
END_TEST

START_TEST(setuid_of_a_user_keeps_real_and_saved)
{
	struct solo_id id = user(1, 2, 3);

	ck_assert_int_eq(solo_id_setuid(&id, 4), -EPERM);
	ck_assert_int_eq(solo_id_setuid(&id, 3), 0);
	is_uids(&id, 1, 3, 3, 3);
	ck_assert_int_eq(solo_id_setuid(&id, 1), 0);
	is_uids(&id, 1, 1, 3, 1);
}
END_TEST

/* r, e: arguments; then the result. */
START_TEST(real_and_effective)
{
	static const struct {
		uint32_t r, e;
		int want;
		uint32_t ids[3];
	} t[] = {
		{KEEP, KEEP, 0, {1, 2, 3}}, {KEEP, 1, 0, {1, 1, 3}},	  {KEEP, 3, 0, {1, 3, 3}},
		{2, 1, 0, {2, 1, 1}},	    {3, KEEP, -EPERM, {1, 2, 3}}, {KEEP, 9, -EPERM, {1, 2, 3}},
		{1, KEEP, 0, {1, 2, 2}},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct solo_id u = user(1, 2, 3), g = u;

		ck_assert_int_eq(solo_id_setreuid(&u, t[i].r, t[i].e), t[i].want);
		is_uids(&u, t[i].ids[0], t[i].ids[1], t[i].ids[2], t[i].ids[1]);
		ck_assert_int_eq(solo_id_setregid(&g, t[i].r, t[i].e), t[i].want);
		ck_assert_uint_eq(g.rgid, t[i].ids[0]);
		ck_assert_uint_eq(g.egid, t[i].ids[1]);
		ck_assert_uint_eq(g.sgid, t[i].ids[2]);
	}
}
END_TEST

START_TEST(minus_one_is_no_id)
{
	struct solo_id id = solo_id_root();

	ck_assert_int_eq(solo_id_setuid(&id, KEEP), -EINVAL);
	ck_assert_int_eq(solo_id_setgid(&id, KEEP), -EINVAL);
	ck_assert_uint_eq(solo_id_setfsuid(&id, KEEP), 0);
	ck_assert_uint_eq(solo_id_setfsuid(&id, 8), 0);
	ck_assert_uint_eq(solo_id_setfsuid(&id, 9), 8);
	ck_assert_uint_eq(id.fsuid, 9);
	ck_assert(id.effective && !solo_id_owns_all(&id));
	id = user(1, 1, 1);
	ck_assert_uint_eq(solo_id_setfsgid(&id, 9), 1);
	ck_assert_uint_eq(id.fsgid, 1);
}
END_TEST

START_TEST(capabilities_over_a_change_of_user)
{
	struct solo_id id = solo_id_root();

	id.keepcaps = true;
	solo_id_setresuid(&id, 5, 5, 5);
	ck_assert(id.permitted && !id.effective);
	solo_id_exec(&id, KEEP, KEEP);
	ck_assert(!id.permitted && !id.keepcaps);
	id = solo_id_root();
	id.nofixup = true;
	solo_id_setresuid(&id, 5, 5, 5);
	ck_assert(id.permitted && id.effective);
}
END_TEST

START_TEST(programs_with_set_id_bits)
{
	struct solo_id id = user(1000, 1000, 1000);

	solo_id_exec(&id, 0, KEEP);
	is_uids(&id, 1000, 0, 0, 0);
	ck_assert_uint_eq(id.egid, 1000);
	ck_assert(id.permitted && id.effective);
	solo_id_exec(&id, 33, 44);
	is_uids(&id, 1000, 33, 33, 33);
	ck_assert_uint_eq(id.sgid, 44);
	ck_assert(!id.permitted && !id.effective);
	/* Real uid 0: permitted, as the kernel has it. */
	id = solo_id_root();
	solo_id_exec(&id, 33, KEEP);
	ck_assert(id.permitted && !id.effective);
}
END_TEST

START_TEST(permission)
{
	static const uint32_t groups[] = {20, 30};
	struct solo_id id = user(1000, 1000, 1000);
	const struct solo_id root = solo_id_root();

	id.groups = groups;
	id.ngroups = 2;
	ck_assert(solo_id_may(&id, false, 1000, 0, 0100600, R_OK | W_OK));
	ck_assert(!solo_id_may(&id, false, 1000, 0, 0100066, R_OK)); /* the owner's bits count, not the others' */
	ck_assert(solo_id_may(&id, false, 0, 30, 0100040, R_OK));
	ck_assert(!solo_id_may(&id, false, 0, 31, 0100040, R_OK));
	ck_assert(!solo_id_may(&id, false, 0, 30, 0100004, R_OK));
	ck_assert(solo_id_may(&id, false, 0, 0, 0100005, R_OK | X_OK));
	ck_assert(solo_id_may(&root, false, 5, 5, 0100000, R_OK | W_OK));
	ck_assert(!solo_id_may(&root, false, 5, 5, 0100600, X_OK));
	ck_assert(solo_id_may(&root, false, 5, 5, 0040000, X_OK));
	ck_assert(solo_id_in_group(&id, 20) && solo_id_in_group(&id, 1000) && !solo_id_in_group(&id, 0));
	/* A setuid program asks for its user. */
	solo_id_exec(&id, 0, KEEP);
	ck_assert(solo_id_may(&id, false, 5, 5, 0100000, R_OK));
	ck_assert(!solo_id_may(&id, true, 5, 5, 0100000, R_OK));
}
END_TEST

/* --- against the kernel --- */

static long native(int op, uint32_t a, uint32_t b, uint32_t c)
{
	switch (op) {
	case 0:
		return syscall(SYS_setuid, a);
	case 1:
		return syscall(SYS_setgid, a);
	case 2:
		return syscall(SYS_setreuid, a, b);
	case 3:
		return syscall(SYS_setregid, a, b);
	case 4:
		return syscall(SYS_setresuid, a, b, c);
	case 5:
		return syscall(SYS_setresgid, a, b, c);
	default:
		return prctl(PR_SET_KEEPCAPS, a & 1, 0, 0, 0);
	}
}

static int model(struct solo_id *id, int op, uint32_t a, uint32_t b, uint32_t c)
{
	switch (op) {
	case 0:
		return solo_id_setuid(id, a);
	case 1:
		return solo_id_setgid(id, a);
	case 2:
		return solo_id_setreuid(id, a, b);
	case 3:
		return solo_id_setregid(id, a, b);
	case 4:
		return solo_id_setresuid(id, a, b, c);
	case 5:
		return solo_id_setresgid(id, a, b, c);
	default:
		id->keepcaps = a & 1;
		return 0;
	}
}

static bool same_as_native(const struct solo_id *id)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];
	uid_t r, e, s;
	gid_t gr, ge, gs;

	return getresuid(&r, &e, &s) == 0 && getresgid(&gr, &ge, &gs) == 0 && syscall(SYS_capget, &h, d) == 0 &&
	       id->ruid == r && id->euid == e && id->suid == s && id->rgid == gr && id->egid == ge && id->sgid == gs &&
	       id->permitted == (d[0].permitted != 0) && id->effective == (d[0].effective != 0);
}

/* One sequence in a process of its own: 0 if all went alike. */
static int sequence(unsigned seed)
{
	static const uint32_t ids[] = {0, 1, 2, 3, KEEP};
	struct solo_id id = solo_id_root();

	for (int i = 0; i < 12; i++) {
		int op = rand_r(&seed) % 7;
		uint32_t a = ids[rand_r(&seed) % 5], b = ids[rand_r(&seed) % 5], c = ids[rand_r(&seed) % 5];
		struct solo_id before = id;
		int want = native(op, a, b, c) < 0 ? -errno : 0, got = model(&id, op, a, b, c);

		if (want == got && same_as_native(&id))
			continue;
		fprintf(stderr, "op %d (%d %d %d) on r%u e%u s%u: kernel %d, model %d\n", op, (int)a, (int)b, (int)c,
			before.ruid, before.euid, before.suid, want, got);
		return 1;
	}
	return 0;
}

START_TEST(as_the_kernel)
{
	/* Only root may be anybody. */
	if (geteuid() != 0)
		return;
	for (unsigned seed = 1; seed <= 400; seed++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(sequence(seed));
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(status == 0, "sequence %u", seed);
	}
}
END_TEST

START_TEST(table)
{
	struct solo_ids *t = solo_id_tab_new();
	struct solo_id id = user(1, 1, 1);
	uint32_t groups[] = {4, 5}, before, after;
	const struct solo_file exe = {1, 2};
	struct solo_file got;
	int one, two, pending;

	ck_assert(solo_id_is_root(solo_id_tab_get(t, 0)));
	one = solo_id_tab_put(t, &id);
	id.groups = groups;
	id.ngroups = 2;
	two = solo_id_tab_put(t, &id);
	ck_assert_int_ne(one, two);
	ck_assert_int_eq(solo_id_tab_put(t, &id), two);
	groups[0] = 99; /* copied */
	ck_assert_uint_eq(solo_id_tab_get(t, (uint32_t)two)->groups[0], 4);
	pending = solo_id_tab_put_exec(t, 0, (uint32_t)one, &exe);
	ck_assert_int_eq(solo_id_tab_put_exec(t, 0, (uint32_t)one, &exe), pending);
	ck_assert_ptr_null(solo_id_tab_get(t, (uint32_t)pending));
	ck_assert(solo_id_tab_exec(t, (uint32_t)pending, &before, &after, &got));
	ck_assert(before == 0 && after == (uint32_t)one && got.ino == 2);
	ck_assert(!solo_id_tab_exec(t, 0, &before, &after, &got));
	ck_assert_ptr_null(solo_id_tab_get(t, 12345));
	solo_id_tab_free(t);
}
END_TEST

START_TEST(table_is_bounded)
{
	struct solo_ids *t = solo_id_tab_new();
	struct solo_id id = user(1, 1, 1);
	int n = 0;

	for (uint32_t i = 1; n >= 0 && i < 2 * SOLO_ID_MAX; i++) {
		id.ruid = i;
		n = solo_id_tab_put(t, &id);
	}
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert_int_eq(solo_id_tab_put_exec(t, 0, 1, &(struct solo_file){7, 7}), -EAGAIN);
	id.ruid = 1;
	ck_assert_int_eq(solo_id_tab_put(t, &id), 1);
	solo_id_tab_free(t);
}
END_TEST

UNIT_MAIN("solo_id", root_becomes_anybody, seteuid_goes_back, setuid_of_a_user_keeps_real_and_saved, real_and_effective,
	  minus_one_is_no_id, capabilities_over_a_change_of_user, programs_with_set_id_bits, permission, as_the_kernel,
	  table, table_is_bounded)
