/* Table of recorded owners. */
#include <check.h>
#include <errno.h>
#include <sys/stat.h>

#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/owntab.h"
#include "tests/unit/unit.h"

static struct owntab_key key(uint64_t ino, int64_t s, uint32_t ns)
{
	return (struct owntab_key){ino, s, ns};
}

START_TEST(test_rows)
{
	AUTO_OWNTAB struct owntab *t = owntab_new();
	struct owntab_key a = key(7, 100, 5), b = key(7, 100, 6), c = key(7, 101, 5);
	struct ownrec out;

	ck_assert(!owntab_get(t, &a, &out));
	ck_assert(!owntab_get(NULL, &a, &out));
	ck_assert_uint_eq(owntab_len(NULL), 0);
	ck_assert_int_eq(owntab_set(t, &a, &(struct ownrec){.uid = 1}), 0);
	ck_assert_int_eq(owntab_set(t, &b, &(struct ownrec){.uid = 2}), 0);
	ck_assert(!owntab_get(t, &c, &out));
	ck_assert(owntab_get(t, &b, &out));
	ck_assert_uint_eq(out.uid, 2);
	ck_assert_int_eq(owntab_set(t, &a, &(struct ownrec){.uid = 3}), 0);
	ck_assert(owntab_get(t, &a, &out));
	ck_assert_uint_eq(out.uid, 3);
	ck_assert_uint_eq(owntab_len(t), 2);
	ck_assert(owntab_del(t, &a));
	ck_assert(!owntab_del(t, &a));
	ck_assert(!owntab_get(t, &a, NULL));
	ck_assert(owntab_get(t, &b, NULL));
	ck_assert_uint_eq(owntab_len(t), 1);
}
END_TEST

/* Every second of many rows is removed: the rest must still be found, wherever it had been pushed to. */
START_TEST(test_many)
{
	enum { N = 20000 };
	AUTO_OWNTAB struct owntab *t = owntab_new();
	struct owntab_key k;
	struct ownrec r;
	size_t pos = 0, seen = 0;

	for (uint64_t i = 0; i < N; i++) {
		k = key(i, (int64_t)(i / 1000), 0);
		ck_assert_int_eq(owntab_set(t, &k, &(struct ownrec){.uid = (uid_t)i}), 0);
	}
	for (uint64_t i = 0; i < N; i += 2) {
		k = key(i, (int64_t)(i / 1000), 0);
		ck_assert(owntab_del(t, &k));
	}
	for (uint64_t i = 0; i < N; i++) {
		k = key(i, (int64_t)(i / 1000), 0);
		ck_assert(owntab_get(t, &k, &r) == (i % 2 == 1));
		ck_assert(i % 2 == 0 || r.uid == i);
	}
	while (owntab_next(t, &pos, &k, &r)) {
		ck_assert_uint_eq(k.ino, r.uid);
		seen++;
	}
	ck_assert_uint_eq(seen, N / 2);
	ck_assert_uint_eq(owntab_len(t), N / 2);
}
END_TEST

START_TEST(test_file)
{
	static const char want[] = "slct-owntab 1 3\n"
				   "2 -5 999999999 10:20\n"
				   "9 1 0 4294967294:0:120777:0:0\n"
				   "18446744073709551615 9223372036854775807 1 0:6:60660:8:1\n";
	UNIT_DIR(d);
	AUTO_CLOSE int fd = openat(d.fd, "t", O_RDWR | O_CREAT, 0600);
	AUTO_OWNTAB struct owntab *t = owntab_new();
	AUTO_OWNTAB struct owntab *u = owntab_new();
	AUTO_BUF struct buf text = BUF_INIT(4096);
	struct err e = ERR_INIT;
	struct owntab_key k[] = {key(UINT64_MAX, INT64_MAX, 1), key(2, -5, 999999999), key(9, 1, 0)};
	struct ownrec r;

	owntab_set(t, &k[0], &(struct ownrec){0, 6, S_IFBLK | 0660, 8, 1});
	owntab_set(t, &k[1], &(struct ownrec){10, 20, 0, 0, 0});
	owntab_set(t, &k[2], &(struct ownrec){4294967294U, 0, S_IFLNK | 0777, 0, 0});
	unit_ok(io_write_all(fd, want, sizeof want, "longer than the table", &e), e);
	unit_ok(owntab_save(t, fd, &e), e);
	unit_ok(io_read_file(d.fd, "t", &text, &e), e);
	ck_assert_str_eq(buf_str(&text), want);
	unit_ok(owntab_load(u, fd, &e), e);
	ck_assert_uint_eq(owntab_len(u), 3);
	ck_assert(owntab_get(u, &k[0], &r));
	ck_assert(r.mode == (S_IFBLK | 0660) && r.major == 8 && r.minor == 1 && r.uid == 0 && r.gid == 6);
}
END_TEST

START_TEST(test_reject)
{
	static const char *const bad[] = {
		"",
		"\n",
		"slct-owntab 1 0",
		"slct-owntab 2 0\n",
		"slct-owntab 0 0\n",
		"slct-owntab 1\n",
		"slct-owntab 1 0 \n",
		"slct-owntab 1 0\n\n",
		"slct-owntab 1 1\n",
		"slct-owntab 1 1\n1 2 3 4:5",
		"slct-owntab 1 0\n1 2 3 4:5\n",
		"slct-owntab 1 2\n1 2 3 4:5\n",
		"slct-owntab 1 1\n1 2 3\n",
		"slct-owntab 1 1\n-1 2 3 4:5\n",
		"slct-owntab 1 1\n1 --2 3 4:5\n",
		"slct-owntab 1 1\n1 - 3 4:5\n",
		"slct-owntab 1 1\n1 2 1000000000 4:5\n",
		"slct-owntab 1 1\n1 2 3 4\n",
		"slct-owntab 1 1\n1 2 3 4:5 \n",
		"slct-owntab 1 1\n1  2 3 4:5\n",
		"slct-owntab 1 1\n1 2 3 4294967295:5\n",
		"slct-owntab 1 1\n18446744073709551616 2 3 4:5\n",
		"slct-owntab 1 4194305\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		UNIT_DIR(d);
		AUTO_CLOSE int fd = openat(d.fd, "t", O_RDWR | O_CREAT, 0600);
		AUTO_OWNTAB struct owntab *t = owntab_new();
		struct err e = ERR_INIT;

		unit_ok(io_write_all(fd, bad[i], strlen(bad[i]), "bad", &e), e);
		ck_assert_msg(owntab_load(t, fd, &e) < 0, "accepted: %s", bad[i]);
		unit_failed(e, ERR_INTEGRITY, "malformed or cut off");
	}
}
END_TEST

START_TEST(test_key)
{
	struct statx st = {.stx_mask = STATX_INO | STATX_BTIME, .stx_ino = 5, .stx_btime = {.tv_sec = 3, .tv_nsec = 4}};
	struct owntab_key k = owntab_key_of(&st);

	ck_assert(k.ino == 5 && k.btime_s == 3 && k.btime_ns == 4);
	st.stx_mask = STATX_INO;
	k = owntab_key_of(&st);
	ck_assert(k.ino == 5 && k.btime_s == 0 && k.btime_ns == 0);
}
END_TEST

UNIT_MAIN("owntab", test_rows, test_many, test_file, test_reject, test_key)
