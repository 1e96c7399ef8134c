/* Access control lists in two parts. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "src/util/aclrec.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

#define NOBODY	    UINT32_MAX
#define ENTRIES_MAX 12

struct list {
	unsigned char v[4 + 8 * ENTRIES_MAX];
	size_t n;
};

/* Tags of 0 end it. */
static struct list list_of(const struct aclrec_entry *en)
{
	struct list l = {.v = {2}, .n = 4};

	for (; en->tag; en++, l.n += 8) {
		const unsigned char bytes[] = {(unsigned char)en->tag,	      0,
					       (unsigned char)en->perm,	      0,
					       (unsigned char)en->id,	      (unsigned char)(en->id >> 8),
					       (unsigned char)(en->id >> 16), (unsigned char)(en->id >> 24)};

		memcpy(l.v + l.n, bytes, sizeof bytes);
	}
	return l;
}

static const struct aclrec_entry plain[] = {
	{ACLREC_OWNER, 6, NOBODY}, {ACLREC_GROUP_OWNER, 4, NOBODY}, {ACLREC_OTHERS, 4, NOBODY}, {0}};
static const struct aclrec_entry ours[] = {{ACLREC_OWNER, 6, NOBODY},	    {ACLREC_USER, 7, 0},
					   {ACLREC_GROUP_OWNER, 4, NOBODY}, {ACLREC_MASK, 7, NOBODY},
					   {ACLREC_OTHERS, 4, NOBODY},	    {0}};
static const struct aclrec_entry foreign[] = {{ACLREC_OWNER, 6, NOBODY},
					      {ACLREC_USER, 7, 0},
					      {ACLREC_USER, 5, 70000},
					      {ACLREC_USER, 1, 12},
					      {ACLREC_GROUP_OWNER, 4, NOBODY},
					      {ACLREC_GROUP, 2, 4294967294U},
					      {ACLREC_MASK, 7, NOBODY},
					      {ACLREC_OTHERS, 0, NOBODY},
					      {0}};

START_TEST(test_form)
{
	static const struct {
		struct aclrec_entry v[ENTRIES_MAX];
		bool good, foreign;
	} rows[] = {
		{{{1, 6, NOBODY}, {4, 4, NOBODY}, {32, 4, NOBODY}}, true, false},
		{{{1, 6, NOBODY}, {4, 4, NOBODY}, {16, 7, NOBODY}, {32, 4, NOBODY}}, true, false},
		{{{1, 6, NOBODY}, {2, 7, 0}, {4, 4, NOBODY}, {16, 7, NOBODY}, {32, 4, NOBODY}}, true, false},
		{{{1, 6, NOBODY}, {4, 4, NOBODY}, {8, 7, 5}, {16, 7, NOBODY}, {32, 4, NOBODY}}, true, true},
		{{{1, 6, NOBODY}, {2, 7, 5}, {2, 7, 5}, {4, 4, NOBODY}, {16, 7, NOBODY}, {32, 4, NOBODY}}, true, true},
		/* no mask, no owner, no others, wrong order, twice, unknown tag, permissions, nobody */
		{{{1, 6, NOBODY}, {2, 7, 5}, {4, 4, NOBODY}, {32, 4, NOBODY}}, false, false},
		{{{4, 4, NOBODY}, {32, 4, NOBODY}}, false, false},
		{{{1, 6, NOBODY}, {4, 4, NOBODY}}, false, false},
		{{{1, 6, NOBODY}, {4, 4, NOBODY}, {2, 7, 5}, {16, 7, NOBODY}, {32, 4, NOBODY}}, false, false},
		{{{1, 6, NOBODY}, {1, 6, NOBODY}, {4, 4, NOBODY}, {32, 4, NOBODY}}, false, false},
		{{{1, 6, NOBODY}, {3, 7, 5}, {4, 4, NOBODY}, {16, 7, NOBODY}, {32, 4, NOBODY}}, false, false},
		{{{1, 6, NOBODY}, {4, 4, NOBODY}, {32, 4, NOBODY}, {64, 4, NOBODY}}, false, false},
		{{{1, 8, NOBODY}, {4, 4, NOBODY}, {32, 4, NOBODY}}, false, false},
		{{{1, 6, NOBODY}, {2, 7, NOBODY}, {4, 4, NOBODY}, {16, 7, NOBODY}, {32, 4, NOBODY}}, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct list l = list_of(rows[i].v);

		ck_assert_msg((aclrec_count(l.v, l.n) != SIZE_MAX) == rows[i].good, "row %zu", i);
		ck_assert_msg(aclrec_is_foreign(l.v, l.n) == rows[i].foreign, "row %zu", i);
		/* cut short, and another version */
		ck_assert_uint_eq(aclrec_count(l.v, l.n - 1), SIZE_MAX);
		l.v[0] = 1;
		ck_assert_uint_eq(aclrec_count(l.v, l.n), SIZE_MAX);
	}
	ck_assert_uint_eq(aclrec_count("", 0), SIZE_MAX);
	ck_assert_ptr_null(aclrec_beside("user.slct.a"));
	ck_assert_str_eq(aclrec_beside("system.posix_acl_default"), "user.slct.d");
}
END_TEST

static void is(const struct aclrec_on *on, const char *name, const struct aclrec_entry *want)
{
	struct list l = list_of(want);
	AUTO_FREE unsigned char *got = mem_alloc(ACLREC_MAX);

	ck_assert_int_eq(aclrec_get(on, name, got), (ssize_t)l.n);
	ck_assert_mem_eq(got, l.v, l.n);
}

static bool has_beside(int fd)
{
	return fgetxattr(fd, ACLREC_ACCESS_BESIDE, NULL, 0) >= 0;
}

START_TEST(test_on_a_file)
{
	UNIT_DIR(d);
	AUTO_CLOSE int fd = openat(d.fd, "f", O_RDWR | O_CREAT, 0600);
	const struct aclrec_on on = {fd, NULL};
	struct list l = list_of(ours), f = list_of(foreign), p = list_of(plain);
	struct stat st;

	if (fsetxattr(fd, "user.test", "", 0, 0) < 0 || fsetxattr(fd, ACLREC_ACCESS, l.v, l.n, 0) < 0)
		return; /* a file system without either */
	is(&on, ACLREC_ACCESS, ours);
	ck_assert_int_eq(aclrec_set(&on, ACLREC_ACCESS, f.v, f.n), 0);
	is(&on, ACLREC_ACCESS, foreign);
	ck_assert_int_eq(fgetxattr(fd, ACLREC_ACCESS, NULL, 0), 4 + 4 * 8);
	/* The mask is the group's bits. */
	ck_assert_int_eq(fchmod(fd, 0610), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0610);
	ck_assert_int_eq(aclrec_set(&on, ACLREC_ACCESS, l.v, l.n), 0);
	is(&on, ACLREC_ACCESS, ours);
	ck_assert(!has_beside(fd));
	ck_assert_int_eq(aclrec_set(&on, ACLREC_ACCESS, f.v, f.n), 0);
	/* What is only mode bits is no list for the kernel. */
	ck_assert_int_eq(aclrec_set(&on, ACLREC_ACCESS, p.v, p.n), 0);
	ck_assert(!has_beside(fd));
	ck_assert_int_eq(aclrec_set(&on, ACLREC_ACCESS, f.v, f.n), 0);
	ck_assert_int_eq(aclrec_remove(&on, ACLREC_ACCESS), 0);
	ck_assert(!has_beside(fd));
	/* Refused: nothing stays behind. */
	ck_assert_int_eq(aclrec_set(&on, ACLREC_DEFAULT, f.v, f.n), -1);
	ck_assert_int_eq(errno, EACCES);
	ck_assert_int_lt(fgetxattr(fd, ACLREC_DEFAULT_BESIDE, NULL, 0), 0);
}
END_TEST

/* Of no use to anybody: an attribute that does not fit is not looked at. */
START_TEST(test_what_does_not_fit)
{
	UNIT_DIR(d);
	AUTO_CLOSE int fd = openat(d.fd, "f", O_RDWR | O_CREAT, 0600);
	const struct aclrec_on on = {fd, NULL};
	struct list l = list_of(ours), f = list_of(foreign);

	if (fsetxattr(fd, "user.test", "", 0, 0) < 0 || aclrec_set(&on, ACLREC_ACCESS, f.v, f.n) < 0)
		return;
	for (size_t n = 1; n < 8; n++) {
		AUTO_FREE unsigned char *got = mem_alloc(ACLREC_MAX);

		ck_assert_int_eq(fsetxattr(fd, ACLREC_ACCESS_BESIDE, "\x02\0\x07\0\x05\0\0\0\x09", n == 4 ? 9 : n, 0),
				 0);
		ck_assert_int_eq(aclrec_get(&on, ACLREC_ACCESS, got), 4 + 4 * 8);
	}
	/* The list has named entries of its own. */
	ck_assert_int_eq(fsetxattr(fd, ACLREC_ACCESS, l.v, l.n, 0), 0);
	ck_assert_int_eq(fsetxattr(fd, ACLREC_ACCESS_BESIDE, "\x02\0\x07\0\x05\0\0\0", 8, 0), 0);
	is(&on, ACLREC_ACCESS, ours);
	ck_assert_int_eq(aclrec_remove(&on, ACLREC_ACCESS), 0);
}
END_TEST

START_TEST(test_inheritance)
{
	UNIT_DIR(d);
	AUTO_CLOSE int fd = -1, sub = -1;
	const struct aclrec_on dir = {d.fd, NULL};
	struct list f = list_of(foreign);
	struct aclrec_entry want[ENTRIES_MAX];

	if (fsetxattr(d.fd, "user.test", "", 0, 0) < 0 || aclrec_set(&dir, ACLREC_DEFAULT, f.v, f.n) < 0)
		return;
	ck_assert(aclrec_inherits(&dir));
	fd = openat(d.fd, "f", O_RDWR | O_CREAT, 0640);
	ck_assert_int_eq(mkdirat(d.fd, "sub", 0777), 0);
	sub = openat(d.fd, "sub", O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(aclrec_inherit(&dir, &(struct aclrec_on){fd, NULL}, S_IFREG), 0);
	ck_assert_int_eq(aclrec_inherit(&dir, &(struct aclrec_on){sub, NULL}, S_IFDIR), 0);
	/* As the kernel does it for the rest: mask and others are limited by the mode. */
	memcpy(want, foreign, sizeof foreign);
	want[6].perm = 4;
	is(&(struct aclrec_on){fd, NULL}, ACLREC_ACCESS, want);
	is(&(struct aclrec_on){sub, NULL}, ACLREC_DEFAULT, foreign);
	is(&(struct aclrec_on){sub, NULL}, ACLREC_ACCESS, foreign);
	ck_assert(!aclrec_inherits(&(struct aclrec_on){fd, NULL}));
	ck_assert_int_eq(aclrec_remove(&dir, ACLREC_DEFAULT), 0);
	ck_assert(!aclrec_inherits(&dir));
}
END_TEST

UNIT_MAIN("aclrec", test_form, test_on_a_file, test_what_does_not_fit, test_inheritance)
