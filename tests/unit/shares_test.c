/* Whose inodes a tree may have: written and read again; what cannot be understood is never taken for "nobody's". */
#include "oci/shares.h"

#include <sys/xattr.h>

#include "tests/unit/tar_util.h"

#define HEX_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX_B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static int get(const struct unit_dir *d, struct strv *out)
{
	return shares_get(d->fd, "tree", out);
}

START_TEST(written_and_read)
{
	struct unit_dir d = unit_dir_make();
	AUTO_CLOSE int tree = tar_util_subdir(d.fd, "tree");
	AUTO_STRV struct strv want = {0}, got = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(get(&d, &got), 0);
	ck_assert_uint_eq(got.n, 0);
	strv_add(&want, HEX_A);
	strv_add(&want, HEX_B);
	unit_ok(shares_set(tree, &want, &e), e);
	ck_assert_int_eq(get(&d, &got), 0);
	ck_assert(strv_eq(&want, &got));
	unit_dir_release(&d);
}
END_TEST

START_TEST(no_more_than_there_is_room_for)
{
	struct unit_dir d = unit_dir_make();
	AUTO_CLOSE int tree = tar_util_subdir(d.fd, "tree");
	AUTO_STRV struct strv want = {0}, got = {0};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < SHARES_MAX; i++)
		strv_add(&want, HEX_A);
	unit_ok(shares_set(tree, &want, &e), e);
	ck_assert_int_eq(get(&d, &got), 0);
	ck_assert_uint_eq(got.n, SHARES_MAX);
	strv_add(&want, HEX_A);
	ck_assert_int_eq(shares_set(tree, &want, &e), -1);
	err_release(&e);
	unit_dir_release(&d);
}
END_TEST

START_TEST(what_is_not_understood)
{
	static const char *const bad[] = {
		"x",  HEX_A "0",      HEX_A " " HEX_B,
		"\n", HEX_A "\n0123", "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"};
	struct unit_dir d = unit_dir_make();
	AUTO_CLOSE int tree = tar_util_subdir(d.fd, "tree");

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_STRV struct strv got = {0};

		ck_assert_int_eq(fsetxattr(tree, SHARES_XATTR, bad[i], strlen(bad[i]), 0), 0);
		ck_assert_msg(get(&d, &got) == -1, "%s", bad[i]);
	}
	AUTO_STRV struct strv got = {0};

	ck_assert_int_eq(shares_get(d.fd, "missing", &got), -1);
	unit_dir_release(&d);
}
END_TEST

UNIT_MAIN("shares", written_and_read, no_more_than_there_is_room_for, what_is_not_understood)
