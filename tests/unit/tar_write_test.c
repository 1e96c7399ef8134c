/* Bytes of tar members. */
#include "oci/tar_write.h"
#include "tests/unit/tar_util.h"

static void write_one(const struct entry *en, struct buf *out)
{
	struct wstream *w = tar_util_to_buf(out);
	struct tar_write *t = tar_write_new(w);
	struct err e = ERR_INIT;

	unit_ok(tar_write_entry(t, en, &e), e);
	tar_write_free(t);
	stream_wclose(w);
}

/* Path of n bytes: components of 9 letters, the last one `last` long. */
static char *path_of(size_t n, size_t last)
{
	char *p = mem_alloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (n - i) > last && i % 10 == 9 ? '/' : 'a';
	if (n > last)
		p[n - last - 1] = '/';
	p[n] = '\0';
	return p;
}

START_TEST(test_names)
{
	static const struct {
		size_t n, last;
		bool dir, pax;
	} table[] = {
		{1, 1, false, false},	 {99, 9, true, false},	 {100, 9, false, false}, {100, 100, false, false},
		{101, 101, false, true}, {101, 1, false, false}, {100, 100, true, true}, {256, 100, false, false},
		{257, 101, false, true}, {255, 99, true, false}, {256, 99, true, true},	 {300, 9, false, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO_BUF struct buf b = BUF_INIT(1 << 20);
		AUTO_FREE char *path = path_of(table[i].n, table[i].last);
		AUTO_FREE char *full = mem_printf("%s%s", path, table[i].dir ? "/" : "");
		struct entry en = {.path = path, .mode = table[i].dir ? S_IFDIR | 0755 : S_IFREG | 0644};
		char got[512] = "";

		write_one(&en, &b);
		ck_assert_msg((b.p[156] == 'x') == table[i].pax, "row %zu: pax", i);
		ck_assert_uint_eq(b.n, table[i].pax ? 512 + (strlen(full) + 11 > 512 ? 1024 : 512) + 512 : 512);
		if (table[i].pax) {
			ck_assert(strstr(b.p + 512, full) != NULL);
			ck_assert_mem_eq(b.p, "PaxHeader", 10);
			continue;
		}
		if (b.p[345])
			snprintf(got, sizeof got, "%.155s/", b.p + 345);
		snprintf(got + strlen(got), sizeof got - strlen(got), "%.100s", b.p);
		ck_assert_str_eq(got, full);
	}
}
END_TEST

START_TEST(test_values)
{
	static const struct {
		uid_t uid;
		int64_t mtime;
		uint64_t size;
		const char *pax; /* expected records, "" for none */
	} table[] = {
		{2097151, 8589934591, 8589934591, ""},
		{2097152, 0, 0, "15 uid=2097152\n"},
		{0, -1, 0, "12 mtime=-1\n"},
		{0, 8589934592, 0, "20 mtime=8589934592\n"},
		{0, 0, 8589934592, "19 size=8589934592\n"},
		{4294967294, -5, 0, "18 uid=4294967294\n12 mtime=-5\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO_BUF struct buf b = BUF_INIT(1 << 20);
		char path[] = "f";
		struct entry en = {.path = path,
				   .mode = S_IFREG | 04755,
				   .uid = table[i].uid,
				   .mtime = table[i].mtime,
				   .size = table[i].size};
		const char *h;

		write_one(&en, &b);
		h = b.p + b.n - 512;
		if (*table[i].pax)
			ck_assert_msg(strncmp(b.p + 512, table[i].pax, strlen(table[i].pax) + 1) == 0, "row %zu: %s", i,
				      b.p + 512);
		else
			ck_assert_uint_eq(b.n, 512);
		ck_assert_str_eq(h, "f");
		ck_assert_str_eq(h + 100, "0004755");
		ck_assert_str_eq(h + 108, table[i].uid == 2097151 ? "7777777" : "0000000");
		ck_assert_mem_eq(h + 257,
				 "ustar\0"
				 "00",
				 8);
		ck_assert_mem_eq(h + 265, "\0\0\0\0", 4); /* no user name */
	}
}
END_TEST

START_TEST(test_xattrs_are_sorted_and_binary)
{
	AUTO_BUF struct buf b = BUF_INIT(1 << 20);
	AUTO_ENTRY struct entry en = {.path = mem_strdup("f"), .mode = S_IFREG | 0644};
	static const char want[] = "32 SCHILY.xattr.user.a=one\0two\n\n27 SCHILY.xattr.user.b=two\n";

	entry_add_xattr(&en, "user.b", "one", 3);
	entry_add_xattr(&en, "user.a", "one\0two\n", 8);
	entry_add_xattr(&en, "user.b", "two", 3);
	entry_sort_xattrs(&en);
	write_one(&en, &b);
	ck_assert_uint_eq(b.n, 1536);
	ck_assert_mem_eq(b.p + 512, want, sizeof want - 1);
}
END_TEST

START_TEST(test_errors)
{
	AUTO_BUF struct buf b = BUF_INIT(1 << 20);
	struct wstream *w = tar_util_to_buf(&b);
	AUTO_TAR_WRITE struct tar_write *t = tar_write_new(w);
	struct err e = ERR_INIT;
	char path[] = "dir/f";
	struct entry en = {.path = path, .mode = S_IFSOCK | 0644};
	AUTO_ENTRY struct entry odd = {.path = mem_strdup("f"), .mode = S_IFREG | 0644};

	ck_assert_int_eq(tar_write_entry(t, &en, &e), -1);
	unit_failed(e, ERR_INPUT, "dir/f");
	entry_add_xattr(&odd, "user.a=b", "x", 1);
	ck_assert_int_eq(tar_write_entry(t, &odd, &e), -1);
	unit_failed(e, ERR_INPUT, "user.a=b");
	en.mode = S_IFREG | 0644;
	en.size = 5;
	unit_ok(tar_write_entry(t, &en, &e), e);
	unit_ok(tar_write_data(t, "abc", 3, &e), e);
	ck_assert_int_eq(tar_write_data(t, "abc", 3, &e), -1);
	unit_failed(e, ERR_INTERNAL, "dir/f");
	ck_assert_int_eq(tar_write_end(t, &e), -1);
	unit_failed(e, ERR_INTERNAL, "2 bytes");
	unit_ok(tar_write_data(t, "de", 2, &e), e);
	unit_ok(tar_write_end(t, &e), e);
	ck_assert_uint_eq(b.n, 512 + 512 + 1024);
	stream_wclose(w);
}
END_TEST

START_TEST(test_prefix)
{
	AUTO_BUF struct buf b = BUF_INIT(1 << 20);
	struct wstream *w = tar_util_to_buf(&b);
	AUTO_TAR_WRITE struct tar_write *t = tar_write_new(w);
	struct err e = ERR_INIT;
	char path[] = "b", link[] = "a";
	struct entry en = {.path = path, .link = link, .hard = true, .mode = S_IFREG | 0644};

	tar_write_prefix(t, "./");
	unit_ok(tar_write_file(t, "a", 0600, 7, "x", 1, &e), e);
	unit_ok(tar_write_entry(t, &en, &e), e);
	unit_ok(tar_write_dir(t, "d", 0755, 9, &e), e);
	ck_assert_str_eq(b.p, "./a");
	ck_assert_str_eq(b.p + 1024, "./b");
	ck_assert_str_eq(b.p + 1024 + 157, "./a");
	ck_assert_int_eq(b.p[1024 + 156], '1');
	ck_assert_str_eq(b.p + 1536, "./d/");
	ck_assert_uint_eq(tar_write_count(t), 3);
	ck_assert_int_eq(tar_write_newest(t), 9);
	stream_wclose(w);
}
END_TEST

UNIT_MAIN("tar_write", test_names, test_values, test_xattrs_are_sorted_and_binary, test_errors, test_prefix)
