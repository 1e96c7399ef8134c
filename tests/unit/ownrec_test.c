/* Recorded owners. */
#include <check.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "src/util/cleanup.h"
#include "src/util/ownrec.h"
#include "tests/unit/unit.h"

START_TEST(test_parse)
{
	static const struct {
		const char *text;
		int ret;
		struct ownrec want;
	} rows[] = {
		{"0:0", 0, {0}},
		{"1000:100", 0, {1000, 100, 0, 0, 0}},
		{"4294967294:4294967294", 0, {4294967294U, 4294967294U, 0, 0, 0}},
		{"0:6:60660:8:1", 0, {0, 6, S_IFBLK | 0660, 8, 1}},
		{"", -1, {0}},
		{"1", -1, {0}},
		{"1:", -1, {0}},
		{":1", -1, {0}},
		{"4294967295:0", -1, {0}},
		{"1:2:3", -1, {0}},
		{"1:2:3:4", -1, {0}},
		{"1:2:3:4:5:6", -1, {0}},
		{"1:2:8:4:5", -1, {0}},
		{"1:2:200000:4:5", -1, {0}},
		{"1:2:20644:4096:5", -1, {0}},
		{"1:2:20644:4:1048576", -1, {0}},
		{"-1:2", -1, {0}},
		{" 1:2", -1, {0}},
		{"1:2\n", -1, {0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ownrec r = {0};

		ck_assert_msg(ownrec_parse(rows[i].text, strlen(rows[i].text), &r) == rows[i].ret, "%s", rows[i].text);
		ck_assert_mem_eq(&r, &rows[i].want, sizeof(r));
	}
	ck_assert_int_eq(ownrec_parse("1:2\0", 4, &(struct ownrec){0}), -1);
}
END_TEST

START_TEST(test_file)
{
	UNIT_DIR(d);
	AUTO_CLOSE int fd = openat(d.fd, "f", O_RDWR | O_CREAT, 0600);
	struct ownrec in = {7, 8, S_IFCHR | 0644, 5, 1}, out;

	if (fsetxattr(fd, "user.test", "", 0, 0) < 0 && errno == ENOTSUP)
		return; /* a tmpfs before Linux 6.6 */
	ck_assert_int_eq(ownrec_get(fd, &out), 0);
	ck_assert_int_eq(ownrec_set(fd, &in), 0);
	ck_assert_int_eq(ownrec_get(fd, &out), 1);
	ck_assert_mem_eq(&in, &out, sizeof(in));
	in.mode = 0;
	ck_assert_int_eq(ownrec_set(fd, &in), 0);
	ck_assert_int_eq(ownrec_get(fd, &out), 1);
	ck_assert_uint_eq(out.mode, 0);
	ck_assert_int_eq(fsetxattr(fd, OWNREC_XATTR, "junk", 4, 0), 0);
	ck_assert_int_eq(ownrec_get(fd, &out), -1);
	ck_assert_int_eq(errno, EBADMSG);
	ck_assert_int_eq(fsetxattr(fd, OWNREC_XATTR,
				   "0:0000000000000000000000000000000000000000000000000000000000000000000000000", 75,
				   0),
			 0);
	ck_assert_int_eq(ownrec_get(fd, &out), -1);
	ck_assert_int_eq(errno, EBADMSG);
	ck_assert_int_eq(ownrec_get(-1, &out), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

UNIT_MAIN("ownrec", test_parse, test_file)
