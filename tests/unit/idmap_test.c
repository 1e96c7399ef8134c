/* Id maps from the text of /etc/subuid. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/sandbox/idmap.h"
#include "src/util/buf.h"

static const struct {
	const char *text;
	const char *maps; /* "inside outside count" joined by ", "; NULL: error */
} cases[] = {
	{"", "0 1000 1"},
	{"u:100000:65536\n", "0 1000 1, 1 100000 65536"},
	{"u:100000:65536", "0 1000 1, 1 100000 65536"},
	{"1000:100000:65536\n", "0 1000 1, 1 100000 65536"},
	{"other:100000:65536\nu:200000:10\n1000:300000:5\n", "0 1000 1, 1 200000 10, 11 300000 5"},
	{"uu:1:1\n10000:1:1\n:1:1\n", "0 1000 1"},
	{"# u:1:2\nu\nu:\nu:5\nu:5:\nu:x:3\nu:5:0\nu:5:-1\nu:5:3:4\n", "0 1000 1"},
	{"u:4294967294:1\n", "0 1000 1, 1 4294967294 1"},
	{"u:4294967295:1\nu:4294967294:2\nu:99999999999:1\n", "0 1000 1"},
	{"u:0:4294967295\n", "0 1000 1"},
	{"u:1:4294967294\n", "0 1000 1, 1 1 4294967294"},
	{"u:1:4294967294\nu:1:1\n", "0 1000 1, 1 1 4294967294"},
	/* The same by name and by number; one that begins in another. */
	{"u:100000:65536\n1000:100000:65536\nu:165535:2\nu:165536:2\n", "0 1000 1, 1 100000 65536, 65537 165536 2"},
};

START_TEST(test_parse)
{
	char name[] = "u";
	const struct idmap_user u = {1000, 1001, name};
	AUTO_BUF struct buf got = BUF_INIT(BUF_TEXT_MAX);
	struct tier_map m[TIER_MAPS_MAX];
	struct err e = ERR_INIT;
	int n = idmap_parse(sv_from(cases[_i].text), &u, 1000, m, &e);

	for (int i = 0; i < n; i++)
		buf_printf(&got, "%s%u %u %u", i ? ", " : "", m[i].inside, m[i].outside, m[i].count);
	ck_assert_int_eq(n < 0, cases[_i].maps == NULL);
	if (n >= 0)
		ck_assert_str_eq(buf_str(&got), cases[_i].maps);
	ck_assert_int_eq(err_is_set(&e), n < 0);
	err_release(&e);
}
END_TEST

START_TEST(test_too_many)
{
	const struct idmap_user u = {1000, 1000, NULL};
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	struct tier_map m[TIER_MAPS_MAX];
	struct err e = ERR_INIT;

	for (int i = 1; i < TIER_MAPS_MAX; i++)
		buf_printf(&text, "1000:%d:1\n", i * 1000);
	ck_assert_int_eq(idmap_parse(buf_sv(&text), &u, 1000, m, &e), TIER_MAPS_MAX);
	buf_str_add(&text, "1000:1:1\n");
	ck_assert_int_eq(idmap_parse(buf_sv(&text), &u, 1000, m, &e), -1);
	ck_assert_int_eq(e.code, ERR_HOST);
	err_release(&e);
}
END_TEST

/* Names of layer forms in every store: must never change. sha256("uid 0 1000 1\nuid 1 100000 65536\ngid ..."). */
START_TEST(test_form)
{
	struct tier_info t = {.uid = {{0, 1000, 1}, {1, 100000, 65536}},
			      .gid = {{0, 1000, 1}, {1, 100000, 65536}},
			      .nuid = 2,
			      .ngid = 2};
	char form[80], other[80];

	idmap_form(&t, form);
	ck_assert_str_eq(form, "map-af5b4c9c5cc0546d");
	t.gid[0].outside = 1001;
	idmap_form(&t, other);
	ck_assert_str_ne(form, other);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("idmap");
	TCase *t = tcase_create("idmap");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, test_parse, 0, ARRAY_LEN(cases));
	tcase_add_test(t, test_too_many);
	tcase_add_test(t, test_form);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
