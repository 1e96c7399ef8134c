/* --ulimit: what is understood, one text for one meaning, what is refused. */
#include "src/sandbox/ulimit.h"

#include <string.h>
#include <sys/resource.h>

#include "src/util/cleanup.h"
#include "tests/unit/unit.h"

static const struct {
	const char *in, *out; /* NULL: refused */
} cases[] = {
	{"nofile=1024", "nofile=1024:1024"},
	{"nofile=1024:2048", "nofile=1024:2048"},
	{"core=0", "core=0:0"},
	{"core=-1", "core=-1:-1"},
	{"stack=unlimited", "stack=-1:-1"},
	{"stack=8388608:-1", "stack=8388608:-1"},
	{"as=1", "as=1:1"},
	{"rttime=5:6", "rttime=5:6"},
	{"nproc=18446744073709551614", "nproc=18446744073709551614:18446744073709551614"},
	{"nofile", NULL},
	{"=1", NULL},
	{"nofile=", NULL},
	{"nofile=:5", NULL},
	{"nofile=5:", NULL},
	{"nofile=5:4", NULL},
	{"nofile=-1:4", NULL},
	{"nofile=-2", NULL},
	{"nofile=1k", NULL},
	{"nofile=1:2:3", NULL},
	{"nofile=99999999999999999999", NULL},
	{"files=1", NULL},
	{"NOFILE=1", NULL},
	{"", NULL},
};

START_TEST(texts)
{
	struct ulimit l;
	struct err e = ERR_INIT;
	int rc = ulimit_parse(cases[_i].in, &l, &e);

	if (!cases[_i].out) {
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(e.code, ERR_USAGE);
		err_release(&e);
		return;
	}
	ck_assert_int_eq(rc, 0);
	AUTO_FREE char *text = ulimit_text(&l);

	ck_assert_str_eq(text, cases[_i].out);
}
END_TEST

START_TEST(order_and_repetition_do_not_matter)
{
	AUTO_STRV struct strv a = {0}, b = {0}, ca = {0}, cb = {0};
	struct err e = ERR_INIT;

	strv_add(&a, "nofile=10");
	strv_add(&a, "core=0");
	strv_add(&b, "core=0:0");
	strv_add(&b, "nofile=5");
	strv_add(&b, "nofile=10:10");
	ck_assert_int_eq(ulimit_canonical(&a, &ca, &e), 0);
	ck_assert_int_eq(ulimit_canonical(&b, &cb, &e), 0);
	ck_assert(strv_eq(&ca, &cb));
	ck_assert_uint_eq(ca.n, 2);
	ck_assert_str_eq(ca.v[0], "core=0:0");
}
END_TEST

START_TEST(applied)
{
	static const char *const limits[] = {"nofile=40:50", "core=0:0"};
	struct rlimit r;
	struct err e = ERR_INIT;

	ck_assert_int_eq(ulimit_apply(limits, 2, &e), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &r), 0);
	ck_assert_uint_eq(r.rlim_cur, 40);
	ck_assert_uint_eq(r.rlim_max, 50);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ulimit");
	TCase *t = tcase_create("ulimit");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, texts, 0, ARRAY_LEN(cases));
	tcase_add_test(t, order_and_repetition_do_not_matter);
	tcase_add_test(t, applied);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
