/* Overlay mounts, by the new mount API and by mount(2). The source is included to reach the second where the kernel has
 * the first. */
#include "src/sandbox/overlay.c" /* NOLINT(bugprone-suspicious-include) */

#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "src/sandbox/probe.h"
#include "src/util/path.h"

static char dir[] = "/tmp/slct-overlay-test.XXXXXX";
static int fd;
static struct strv names;
static struct err e;

static void setup(void)
{
	umask(022);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(mkdirat(fd, "upper", 0755), 0);
	ck_assert_int_eq(mkdirat(fd, "work", 0755), 0);
}

static void teardown(void)
{
	err_release(&e);
	strv_release(&names);

	path_remove_tree(AT_FDCWD, dir, &e);
	close(fd);
}

static void put(int at, const char *path, const char *text)
{
	AUTO_CLOSE int f = openat(at, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_eq(write(f, text, strlen(text)), (ssize_t)strlen(text));
}

static void assert_text(int at, const char *path, const char *want)
{
	AUTO_CLOSE int f = openat(at, path, O_RDONLY | O_CLOEXEC);
	char got[64] = "";

	ck_assert_msg(f >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_ge(read(f, got, sizeof got - 1), 0);
	ck_assert_str_eq(got, want);
}

/* Layers l0 (bottom) to l<n-1>, each with its own file, and "which", which the topmost wins. */
static const char *const *layers(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *name = mem_printf("l%zu", i);
		AUTO_FREE char *which = mem_printf("%s/which", name), *own = mem_printf("%s/f%zu", name, i);

		ck_assert_int_eq(mkdirat(fd, name, 0755), 0);
		put(fd, which, name);
		put(fd, own, name);
		strv_add(&names, name);
	}
	return (const char *const *)names.v;
}

typedef int mount_fn(const struct overlay_spec *s, struct err *err);

/* As overlay_mount, without the new API. */
static int mount_by_mount2(const struct overlay_spec *s, struct err *err)
{
	AUTO_CLOSE int here = overlay_reopen(s->dirfd);
	AUTO_FREE char *empty = NULL;
	const char *list[2];
	struct ovl o = {s, s->lower, s->nlower, here};

	if (fill_up(&o, &empty, list, err) < 0 || fchdir(here) < 0)
		return -1;
	return mount_old(&o, err);
}

static mount_fn *const ways[] = {overlay_mount, mount_by_mount2};

static void stack(size_t n, int way)
{
	struct overlay_spec s = {fd, layers(n), n, NULL, "upper", "work", NULL};
	AUTO_FREE char *top = mem_printf("l%zu", n - 1);
	AUTO_CLOSE int mnt = -1;

	ck_assert_int_eq(overlay_enter(-1, &e), 0);
	mnt = ways[way](&s, &e);
	ck_assert_msg(mnt >= 0, "%s", e.msg);
	assert_text(mnt, "which", top);
	assert_text(mnt, "f0", "l0");
	put(mnt, "new", "x");
	assert_text(fd, "upper/new", "x");
	assert_text(fd, "l0/which", "l0"); /* nothing of ours hides it */
}

static const size_t depths[] = {1, 2, 40, 300};

START_TEST(test_stack)
{
	stack(depths[_i % 4], _i / 4);
}
END_TEST

START_TEST(test_readonly)
{
	struct overlay_spec s = {fd, layers(2), 2, NULL, NULL, NULL, NULL};
	AUTO_CLOSE int mnt = -1;

	ck_assert_int_eq(overlay_enter(-1, &e), 0);
	mnt = ways[_i](&s, &e);
	ck_assert_msg(mnt >= 0, "%s", e.msg);
	assert_text(mnt, "which", "l1");
	ck_assert_int_eq(openat(mnt, "new", O_WRONLY | O_CREAT, 0644), -1);
	ck_assert_int_eq(errno, EROFS);
}
END_TEST

/* Overlayfs wants two lowers where there is no upper. */
START_TEST(test_readonly_single)
{
	struct overlay_spec s = {fd, layers(1), 1, NULL, NULL, NULL, "empty"};
	AUTO_CLOSE int mnt = -1, none = -1;

	ck_assert_int_eq(overlay_enter(-1, &e), 0);
	ck_assert_int_eq(mkdirat(fd, "empty", 0755), 0);
	mnt = overlay_mount(&s, &e);
	ck_assert_msg(mnt >= 0, "%s", e.msg);
	ck_assert_int_eq(faccessat(mnt, "f0", F_OK, 0), 0);
	s.nlower = 0;
	none = overlay_mount(&s, &e);
	ck_assert_msg(none >= 0, "%s", e.msg);
	ck_assert(!overlay_upper_used(none));
}
END_TEST

START_TEST(test_no_lower)
{
	struct overlay_spec s = {fd, NULL, 0, NULL, "upper", "work", NULL};
	AUTO_CLOSE int mnt = -1;

	ck_assert_int_eq(overlay_enter(-1, &e), 0);
	mnt = ways[_i](&s, &e);
	ck_assert_msg(mnt >= 0, "%s", e.msg);
	put(mnt, "new", "x");
	assert_text(fd, "upper/new", "x");
	ck_assert(overlay_upper_used(openat(fd, "upper", O_RDONLY | O_DIRECTORY)));
	ck_assert(!overlay_upper_used(openat(fd, "work.lower", O_RDONLY | O_DIRECTORY)));
}
END_TEST

START_TEST(test_too_many)
{
	struct overlay_spec s = {fd, layers(501), 501, NULL, "upper", "work", NULL};

	ck_assert_int_eq(overlay_enter(-1, &e), 0);
	ck_assert_int_eq(overlay_mount(&s, &e), -1);
	ck_assert_msg(e.code == ERR_HOST && strstr(e.msg, "too many layers"), "%s", e.msg);
	ck_assert_ptr_nonnull(e.hint);
}
END_TEST

/* A page of options: by mount(2), more layers than it can name. */
START_TEST(test_options_too_long)
{
	int fds[1500];
	struct overlay_spec s = {.dirfd = fd};
	struct ovl o = {&s, NULL, ARRAY_LEN(fds), fd};
	AUTO_BUF struct buf opts = BUF_INIT(OVERLAY_OPTIONS_MAX);

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = (int)i;
	ck_assert_int_eq(options(&opts, &o, fds, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "too many layers"));
}
END_TEST

START_TEST(test_missing_layer)
{
	static const char *const lower[] = {"missing"};
	struct overlay_spec s = {fd, lower, 1, NULL, "upper", "work", NULL};

	ck_assert_int_eq(overlay_enter(-1, &e), 0);
	ck_assert_int_eq(ways[_i](&s, &e), -1);
	ck_assert_msg(strstr(e.msg, "missing") != NULL, "%s", e.msg);
}
END_TEST

START_TEST(test_probe)
{

	ck_assert_msg(probe_overlay(-1, dir, &e) == 0, "%s", e.msg);
	unlinkat(fd, "upper", AT_REMOVEDIR);
	unlinkat(fd, "work", AT_REMOVEDIR);
	ck_assert(!overlay_upper_used(fd)); /* all removed again */
	ck_assert_int_eq(probe_overlay(-1, "/proc", &e), -1);
	ck_assert_int_eq(e.code, ERR_HOST);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("overlay");
	TCase *t = tcase_create("overlay");
	SRunner *r;
	int failed;

	if (geteuid() != 0 || probe_overlay(-1, "/tmp", &e) < 0) {
		printf("SKIP overlay_test: %s\n", e.msg ? e.msg : "not root");
		err_release(&e);
		return 0;
	}
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, test_stack, 0, 2 * ARRAY_LEN(depths));
	tcase_add_loop_test(t, test_readonly, 0, ARRAY_LEN(ways));
	tcase_add_loop_test(t, test_no_lower, 0, ARRAY_LEN(ways));
	tcase_add_loop_test(t, test_missing_layer, 0, ARRAY_LEN(ways));
	tcase_add_test(t, test_readonly_single);
	tcase_add_test(t, test_too_many);
	tcase_add_test(t, test_options_too_long);
	tcase_add_test(t, test_probe);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
