/* Recorded owners by path. */
#include <check.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "oci/owners.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "tests/unit/unit.h"

static const char file_text[] = "slct-owners 1 4\n"
				"5:6 .\0"
				"7:8:100755:0:0 a\0"
				"1:2 a b\0"
				"3:4:120777:0:0 l";

START_TEST(test_write_and_parse)
{
	AUTO_OWNERS struct owners o = {0}, back = {0};
	AUTO_BUF struct buf text = BUF_INIT(4096);
	struct err e = ERR_INIT;

	unit_ok(owners_add(&o, "l", &(struct ownrec){3, 4, S_IFLNK | 0777, 0, 0}, &e), e);
	unit_ok(owners_add(&o, "a", &(struct ownrec){9, 9, 0, 0, 0}, &e), e);
	unit_ok(owners_add(&o, "a b", &(struct ownrec){1, 2, 0, 0, 0}, &e), e);
	unit_ok(owners_add(&o, ".", &(struct ownrec){5, 6, 0, 0, 0}, &e), e);
	unit_ok(owners_add(&o, "a", &(struct ownrec){7, 8, S_IFREG | 0755, 0, 0}, &e), e);
	owners_write(&o, &text);
	ck_assert_uint_eq(text.n, sizeof file_text);
	ck_assert_mem_eq(text.p, file_text, sizeof file_text);
	unit_ok(owners_parse(buf_sv(&text), &back, &e), e);
	ck_assert_uint_eq(back.n, 4);
	ck_assert_str_eq(back.v[1].path, "a");
	ck_assert_uint_eq(back.v[1].rec.uid, 7);
}
END_TEST

#define ROW(text)                                                                                                      \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}

START_TEST(test_reject)
{
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {
		ROW(""),
		ROW("slct-owners 1 0"),
		ROW("slct-owners 2 0\n"),
		ROW("slct-owners 1 1\n"),
		ROW("slct-owners 1 1\n1:2 a"),
		ROW("slct-owners 1 0\n1:2 a\0"),
		ROW("slct-owners 1 1\n1:2 a\0\0"),
		ROW("slct-owners 1 1\n1:2 \0"),
		ROW("slct-owners 1 1\n1:2\0"),
		ROW("slct-owners 1 1\n1 a\0"),
		ROW("slct-owners 1 1\n1:2 /a\0"),
		ROW("slct-owners 1 1\n1:2 ..\0"),
		ROW("slct-owners 1 1\n1:2 ../a\0"),
		ROW("slct-owners 1 1\n1:2 a/../../b\0"),
		ROW("slct-owners 1 1\n1:2 a/\0"),
		ROW("slct-owners 1 1\n1:2 ./a\0"),
		ROW("slct-owners 1 2\n1:2 b\0001:2 a\0"),
		ROW("slct-owners 1 2\n1:2 a\0001:2 a\0"),
		ROW("slct-owners 1 99999999999\n"),
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_OWNERS struct owners o = {0};
		struct err e = ERR_INIT;

		ck_assert_msg(owners_parse(sv_of(bad[i].p, bad[i].n), &o, &e) < 0, "accepted: %s", bad[i].p);
		unit_failed(e, ERR_INTEGRITY, "malformed");
	}
}
END_TEST

START_TEST(test_check)
{
	UNIT_DIR(d);
	AUTO_OWNTAB struct owntab *rows = owntab_new();
	const struct ownview v = {.rows = rows, .plain = true};
	AUTO_OWNERS struct owners o = {0};
	struct err e = ERR_INIT;
	size_t repaired;
	struct stat st;

	ck_assert_int_eq(mkdirat(d.fd, "a", 0755), 0);
	ck_assert_int_eq(symlinkat("x", d.fd, "l"), 0);
	AUTO_CLOSE int fd = openat(d.fd, "a", O_RDONLY);

	if (fsetxattr(fd, "user.test", "", 0, 0) < 0)
		return;
	unit_ok(owners_add(&o, "a", &(struct ownrec){7, 8, 0, 0, 0}, &e), e);
	unit_ok(owners_add(&o, "l", &(struct ownrec){3, 4, S_IFLNK | 0777, 0, 0}, &e), e);
	unit_ok(owners_check(d.fd, &o, &v, false, &repaired, &e), e);
	ck_assert_uint_eq(repaired, 0);
	fstatat(d.fd, "l", &st, AT_SYMLINK_NOFOLLOW);
	ck_assert_int_eq(ownview_read(&v, d.fd, "l", &st), 1);
	ck_assert(st.st_uid == 3 && st.st_gid == 4);
	unit_ok(owners_check(d.fd, &o, &v, true, &repaired, &e), e);
	ck_assert_uint_eq(repaired, 1);
	unit_ok(owners_check(d.fd, &o, &v, true, &repaired, &e), e);
	ck_assert_uint_eq(repaired, 0);
	fstatat(d.fd, "a", &st, AT_SYMLINK_NOFOLLOW);
	ck_assert_int_eq(ownview_read(&v, d.fd, "a", &st), 1);
	ck_assert(st.st_uid == 7 && st.st_gid == 8);
	/* a link on the way is not followed, and what is not there is no tree of this list */
	unit_ok(owners_add(&o, "l/b", &(struct ownrec){1, 1, 0, 0, 0}, &e), e);
	ck_assert_int_lt(owners_check(d.fd, &o, &v, true, &repaired, &e), 0);
	unit_failed(e, ERR_INTEGRITY, "l/b");
}
END_TEST

UNIT_MAIN("owners", test_write_and_parse, test_reject, test_check)
