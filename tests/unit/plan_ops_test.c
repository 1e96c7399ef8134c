/* The list of mounts of a step, and its environment. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "src/sandbox/plan_ops.h"
#include "src/sandbox/spec.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"

static struct tier_info root_tier = {.tier = TIER_ROOT};
static struct tier_info small_range = {
	.tier = TIER_RANGE, .uid = {{0, 1000, 1}}, .gid = {{0, 1000, 1}}, .nuid = 1, .ngid = 1};

static const char *const kinds[] = {
	[PLAN_FS] = "fs",   [PLAN_PROC] = "proc", [PLAN_SYS] = "sys",	      [PLAN_NODE] = "node",
	[PLAN_DIR] = "dir", [PLAN_LINK] = "link", [PLAN_TEXT] = "text",	      [PLAN_MASK] = "mask",
	[PLAN_RO] = "ro",   [PLAN_INIT] = "init", [PLAN_ENTRIES] = "entries", [PLAN_GONE] = "gone",
};

/* What stays out of reach (security.md rule 6) and what order it depends on. */
static const char golden[] = "fs dev tmpfs mode=0755,size=64m\n"
			     "node dev/null /dev/null\n"
			     "node dev/zero /dev/zero\n"
			     "node dev/full /dev/full\n"
			     "node dev/random /dev/random\n"
			     "node dev/urandom /dev/urandom\n"
			     "node dev/tty /dev/tty\n"
			     "link dev/fd /proc/self/fd\n"
			     "link dev/stdin /proc/self/fd/0\n"
			     "link dev/stdout /proc/self/fd/1\n"
			     "link dev/stderr /proc/self/fd/2\n"
			     "link dev/ptmx pts/ptmx\n"
			     "dir dev/pts\n"
			     "dir dev/shm\n"
			     "fs dev/pts devpts mode=0620,ptmxmode=0666,gid=5\n"
			     "fs dev/shm tmpfs mode=0755,size=1m\n"
			     "text etc/hosts\n"
			     "text etc/resolv.conf\n"
			     "gone dev/shm\n"
			     "fs dev/shm tmpfs mode=1777,size=67108864\n"
			     "proc proc\n"
			     "entries proc\n"
			     "init proc/1\n"
			     "ro proc/asound\n"
			     "ro proc/bus\n"
			     "ro proc/fs\n"
			     "ro proc/irq\n"
			     "ro proc/sys\n"
			     "ro proc/sysrq-trigger\n"
			     "mask proc/acpi\n"
			     "mask proc/interrupts\n"
			     "mask proc/kcore\n"
			     "mask proc/keys\n"
			     "mask proc/latency_stats\n"
			     "mask proc/sched_debug\n"
			     "mask proc/scsi\n"
			     "mask proc/timer_list\n"
			     "mask proc/timer_stats\n"
			     "sys sys\n"
			     "mask sys/firmware\n"
			     "mask sys/devices/virtual/powercap\n";

static char *listing(const struct plan_ops *p)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < p->n; i++) {
		const struct plan_op *op = &p->v[i];

		buf_printf(&b, "%s %s", kinds[op->kind], op->path);
		if (op->arg && op->kind != PLAN_TEXT)
			buf_printf(&b, " %s", op->arg);
		buf_printf(&b, "%s%s\n", op->options ? " " : "", op->options ? op->options : "");
	}
	return buf_steal(&b);
}

START_TEST(test_golden)
{
	struct sandbox_spec s = {.tier = &root_tier};
	AUTO_PLAN_OPS struct plan_ops ops = {0};
	AUTO_FREE char *got = NULL;
	struct err e = ERR_INIT;

	ck_assert_int_eq(plan_ops(&s, "nameserver 192.0.2.1\n", &ops, &e), 0);
	got = listing(&ops);
	ck_assert_str_eq(got, golden);
	ck_assert_str_eq(ops.v[17].arg, "nameserver 192.0.2.1\n");
}
END_TEST

START_TEST(test_options)
{
	struct sandbox_spec s = {.tier = &small_range, .shm_size = 4096};
	AUTO_PLAN_OPS struct plan_ops ops = {0};
	AUTO_FREE char *got = NULL;
	struct err e = ERR_INIT;

	ck_assert_int_eq(plan_ops(&s, "", &ops, &e), 0);
	got = listing(&ops);
	ck_assert_ptr_null(strstr(got, "gid=5")); /* not in the map */
	ck_assert_ptr_nonnull(strstr(got, "size=4096\n"));
	ck_assert_ptr_null(strstr(got, "entries proc")); /* its root is nobody to the kernel */
}
END_TEST

/* A mount of the step's own is the only one there. */
START_TEST(test_own_shm)
{
	static const struct sandbox_mount own = {.kind = SANDBOX_TMPFS, .target = "/dev/shm"};
	struct sandbox_spec s = {.tier = &root_tier, .mounts = &own, .nmounts = 1};
	AUTO_PLAN_OPS struct plan_ops ops = {0};
	AUTO_FREE char *got = NULL;
	struct err e = ERR_INIT;

	ck_assert_int_eq(plan_ops(&s, "", &ops, &e), 0);
	got = listing(&ops);
	ck_assert_ptr_null(strstr(got, "mode=1777"));
	ck_assert_ptr_nonnull(strstr(got, "gone dev/shm\n"));
}
END_TEST

/* RUN --security=insecure: nothing is hidden but slct's own process, nothing is read-only. */
START_TEST(test_insecure)
{
	struct sandbox_spec s = {.tier = &root_tier, .insecure = true};
	AUTO_PLAN_OPS struct plan_ops ops = {0};
	AUTO_FREE char *got = NULL;
	struct err e = ERR_INIT;

	ck_assert_int_eq(plan_ops(&s, "", &ops, &e), 0);
	got = listing(&ops);
	ck_assert_ptr_null(strstr(got, "\nmask "));
	ck_assert_ptr_null(strstr(got, "\nro "));
	ck_assert_ptr_nonnull(strstr(got, "init proc/1\n"));
	for (size_t i = 0; i < ops.n; i++)
		ck_assert(ops.v[i].kind != PLAN_SYS || !ops.v[i].attrs);
}
END_TEST

static const struct {
	const char *line, *out; /* NULL: refused */
} hosts[] = {
	{"a:1.2.3.4", "1.2.3.4\ta\n"},
	{"a.b-c_d=1.2.3.4", "1.2.3.4\ta.b-c_d\n"},
	{"a:::1", "::1\ta\n"},
	{"a:[fe80::1]", "fe80::1\ta\n"},
	{"a:host-gateway", NULL},
	{"a", NULL},
	{":1.2.3.4", NULL},
	{"a:", NULL},
	{"a b:1.2.3.4", NULL},
	{"a:1.2.3.4\n5.6.7.8 b", NULL},
	{"a\nb:1.2.3.4", NULL},
	{"a:1.2.3", NULL},
};

START_TEST(test_hosts)
{
	const char *const lines[] = {hosts[_i].line};
	struct sandbox_spec s = {.tier = &root_tier, .hostname = "h", .add_hosts = lines, .nadd_hosts = 1};
	static const char fixed[] = "127.0.0.1\tlocalhost h\n::1\tlocalhost ip6-localhost ip6-loopback\n";
	struct err e = ERR_INIT;
	AUTO_FREE char *text = plan_ops_hosts(&s, &e);

	ck_assert_int_eq(text == NULL, hosts[_i].out == NULL);
	if (text) {
		ck_assert_int_eq(strncmp(text, fixed, sizeof fixed - 1), 0);
		ck_assert_str_eq(text + sizeof fixed - 1, hosts[_i].out);
	} else {
		ck_assert_int_eq(e.code, ERR_INPUT);
		err_release(&e);
	}
}
END_TEST

START_TEST(test_environment)
{
	char path[] = "PATH=/p", home[] = "HOME=", longer[] = "HOMELY=1";
	char *env[] = {path, home, longer, NULL}, *little[] = {longer, NULL};
	struct sandbox_spec s = {.env = env};
	AUTO_STRV struct strv got = {0}, more = {0};
	AUTO_FREE char *a = NULL, *b = NULL;

	spec_environment(&s, "/root", &got);
	a = strv_join(&got, " ");
	ck_assert_str_eq(a, "PATH=/p HOME= HOMELY=1");
	s.env = little;
	spec_environment(&s, "/root", &more);
	b = strv_join(&more, " ");
	ck_assert_str_eq(b, "HOMELY=1 PATH=" SPEC_DEFAULT_PATH " HOME=/root");
}
END_TEST

START_TEST(test_check)
{
	char cmd[] = "true", empty[] = "";
	char *argv[] = {cmd, NULL}, *noargv[] = {empty, NULL}, *env[] = {NULL};
	const struct sandbox_spec good = {.tier = &root_tier,
					  .nsfd = -1,
					  .root = {.upper = "u", .work = "w"},
					  .scratch = "s",
					  .argv = argv,
					  .env = env,
					  .seccomp_prog = "",
					  .seccomp_len = 8};
	struct sandbox_spec s = good;
	struct err e = ERR_INIT;

	ck_assert_int_eq(spec_check(&s, &e), 0);
	s.workdir = "relative";
	ck_assert(spec_check(&s, &e) == -1 && e.code == ERR_INPUT);
	s = good;
	s.hostname = "no name";
	ck_assert(spec_check(&s, &e) == -1 && e.code == ERR_INPUT);
	s = good;
	s.argv = noargv;
	ck_assert(spec_check(&s, &e) == -1 && e.code == ERR_INPUT);
	s = good;
	s.nsfd = 7; /* a namespace in tier root */
	ck_assert(spec_check(&s, &e) == -1 && e.code == ERR_INTERNAL);
	s = good;
	s.seccomp_prog = NULL;
	ck_assert(spec_check(&s, &e) == -1 && e.code == ERR_INTERNAL);
	err_release(&e);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plan_ops");
	TCase *t = tcase_create("plan_ops");
	SRunner *r;
	int failed;

	tcase_add_test(t, test_golden);
	tcase_add_test(t, test_options);
	tcase_add_test(t, test_own_shm);
	tcase_add_test(t, test_insecure);
	tcase_add_loop_test(t, test_hosts, 0, ARRAY_LEN(hosts));
	tcase_add_test(t, test_environment);
	tcase_add_test(t, test_check);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
