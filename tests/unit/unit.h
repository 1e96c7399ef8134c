/* What unit tests share: a main that runs a list of tests, a directory of one's own. */
#ifndef SLCT_UNIT_H
#define SLCT_UNIT_H

#include <check.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/path.h"

/* int main(void) of a test program: UNIT_MAIN("sv", test_a, test_b) */
#define UNIT_MAIN(name, ...)                                                                                           \
	int main(void)                                                                                                 \
	{                                                                                                              \
		const TTest *const tests[] = {__VA_ARGS__};                                                            \
		return unit_run(name, tests, ARRAY_LEN(tests));                                                        \
	}

static inline int unit_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	tcase_set_timeout(tc, 200);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

struct unit_dir {
	char path[64];
	int fd;
};

static inline void unit_dir_release(struct unit_dir *d)
{
	struct err e = ERR_INIT;

	close(d->fd);
	ck_assert_msg(path_remove_tree(AT_FDCWD, d->path, &e) == 0, "%s", e.msg);
}

static inline struct unit_dir unit_dir_make(void)
{
	struct unit_dir d = {.path = "/tmp/slct-unit.XXXXXX"};

	ck_assert_ptr_nonnull(mkdtemp(d.path));
	d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(d.fd, 0);
	return d;
}

/* Declares a directory `name` that is removed at the end of the scope. */
#define UNIT_DIR(name) struct unit_dir name __attribute__((cleanup(unit_dir_release))) = unit_dir_make()

/* The call succeeds; else the message is shown. */
#define unit_ok(call, e) ck_assert_msg((call) >= 0, "%s", (e).msg ? (e).msg : "no message")
/* The call has failed with this class, and its message contains this text; the error is released. */
#define unit_failed(e, want, text)                                                                                     \
	do {                                                                                                           \
		ck_assert_msg((e).code == (want), "code %d: %s", (int)(e).code, (e).msg ? (e).msg : "no message");     \
		ck_assert_msg(strstr((e).msg, (text)) != NULL, "\"%s\" is not in: %s", (text), (e).msg);               \
		err_release(&(e));                                                                                     \
	} while (0)

#endif
