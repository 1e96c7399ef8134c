/* Control groups: where ours is. The rest needs groups that the test may make: test_limits.py. */
#include "src/sandbox/cgroup.h"
#include "src/sandbox/cgroupfs.h"

#include <string.h>

#include "src/util/cleanup.h"
#include "tests/unit/unit.h"

#define SYSTEMD "24 18 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define HYBRID                                                                                                         \
	"30 24 0:26 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"                                   \
	"31 24 0:27 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw\n"
/* A container whose mount shows a part of the hierarchy only. */
#define PART "40 30 0:22 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"

static const struct {
	const char *cgroup, *mounts, *dir;
} cases[] = {
	{"0::/user.slice/session-1.scope\n", SYSTEMD, "/sys/fs/cgroup/user.slice/session-1.scope"},
	{"0::/\n", SYSTEMD, "/sys/fs/cgroup"},
	{"9:memory:/x\n0::/\n", HYBRID, "/sys/fs/cgroup/unified"},
	{"9:memory:/x\n0::/a/b\n", HYBRID, "/sys/fs/cgroup/unified/a/b"},
	{"0::/docker/abc\n", PART, "/sys/fs/cgroup"},
	{"0::/docker/abc/in\n", PART, "/sys/fs/cgroup/in"},
	{"0::/docker/abcd\n", PART, NULL},
	{"0::/other\n", PART, NULL},
	{"0::/../outside\n", SYSTEMD, NULL},
	{"9:memory:/x\n", HYBRID, NULL},
	{"0::/\n", "30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", NULL},
	{"0::/\n", "", NULL},
	{"", SYSTEMD, NULL},
	{"0::\n", SYSTEMD, NULL},
	{"0::/\n", "cgroup2\n - cgroup2 \n1 2 - cgroup2 x\n", NULL},
};

START_TEST(own_dir)
{
	AUTO_FREE char *dir = cgroupfs_dir_in(cases[_i].cgroup, cases[_i].mounts);

	if (cases[_i].dir)
		ck_assert_str_eq(dir, cases[_i].dir);
	else
		ck_assert_msg(!dir, "%s", dir);
}
END_TEST

START_TEST(nothing_wanted)
{
	struct cgroup_limits none = {0};
	struct cgroup_base base;
	struct cgroup g;
	struct cgroup_events events;
	struct err e = ERR_INIT;

	ck_assert(!cgroup_wanted(&none));
	ck_assert_int_eq(cgroup_find(&none, &base, &e), 0);
	ck_assert_ptr_null(base.dir);
	ck_assert_int_eq(cgroup_make(&base, &none, &g, &e), 0);
	ck_assert_int_eq(g.procs, -1);
	cgroup_events(&g, &events);
	ck_assert_uint_eq(events.oom_kills + events.pids_refused, 0);
	cgroup_remove(&g);
	cgroup_leave(&base);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cgroup");
	TCase *t = tcase_create("cgroup");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, own_dir, 0, ARRAY_LEN(cases));
	tcase_add_test(t, nothing_wanted);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
