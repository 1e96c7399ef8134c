/* Hostile tars, each with its outcome. */
#include <sys/sysmacros.h>

#include "oci/apply_path.h"
#include "oci/tar_special.h"
#include "src/util/ownrec.h"
#include "tests/unit/tar_util.h"

/* --- names --- */

START_TEST(test_clean_paths)
{
	static const struct {
		const char *raw, *clean; /* NULL: refused */
	} table[] = {
		{"a", "a"},	{"./a", "a"},	 {"/a", "a"},	   {"//a//b/", "a/b"}, {"a/./b/.", "a/b"},
		{".", ""},	{"./", ""},	 {"/", ""},	   {"..", NULL},       {"a/..", NULL},
		{"../a", NULL}, {"/../a", NULL}, {"a/../b", NULL}, {"...", "..."},     {"a b\n", "a b\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err e = ERR_INIT;
		AUTO_FREE char *got = apply_path_clean(table[i].raw, &e);

		if (table[i].clean) {
			ck_assert_str_eq(got, table[i].clean);
			continue;
		}
		ck_assert_ptr_null(got);
		unit_failed(e, ERR_INPUT, "\"..\"");
	}
}
END_TEST

START_TEST(test_path_limits)
{
	AUTO_FREE char *longer = mem_alloc(5001), *deep = mem_alloc(4200);
	struct err e = ERR_INIT;

	memset(longer, 'a', 5000);
	longer[5000] = '\0';
	ck_assert_ptr_null(apply_path_clean(longer, &e));
	unit_failed(e, ERR_INPUT, "5000 bytes");
	for (size_t i = 0; i < 4198; i++)
		deep[i] = i % 2 ? '/' : 'd';
	deep[4198] = '\0';
	ck_assert_ptr_null(apply_path_clean(deep, &e));
	unit_failed(e, ERR_INPUT, "at most");
}
END_TEST

START_TEST(test_kinds)
{
	static const struct {
		const char *path;
		int kind; /* -1: refused */
		const char *name;
	} table[] = {
		{"a/b", APPLY_ORDINARY, NULL},
		{"a.wh.b", APPLY_ORDINARY, NULL},
		{".wh", APPLY_ORDINARY, NULL},
		{".wh.a", APPLY_WHITEOUT, "a"},
		{"d/.wh.a b", APPLY_WHITEOUT, "a b"},
		{"d/.wh....", APPLY_WHITEOUT, "..."},
		{"d/.wh..wh..opq", APPLY_OPAQUE, ".wh..opq"},
		{".wh..wh.plnk", APPLY_IGNORED, ".wh.plnk"},
		{".wh..wh.plnk/1.2", APPLY_IGNORED, NULL},
		{".wh.", -1, NULL},
		{".wh..", -1, NULL},
		{"a/.wh...", -1, NULL},
		{".wh.a/b", -1, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err e = ERR_INIT;
		enum apply_kind kind;
		const char *name;
		int r = apply_path_kind(table[i].path, &kind, &name, &e);

		if (table[i].kind < 0) {
			ck_assert_int_eq(r, -1);
			unit_failed(e, ERR_INPUT, table[i].path);
			continue;
		}
		unit_ok(r, e);
		ck_assert_int_eq((int)kind, table[i].kind);
		ck_assert_pstr_eq(name, table[i].name);
	}
}
END_TEST

START_TEST(test_special_bodies)
{
	static const struct {
		char type;
		const char *body;
		size_t n;
		const char *text; /* NULL: accepted */
	} table[] = {
		{'x', "", 0, NULL},
		{'x', "9 path=x\n", 9, NULL},
		{'x', "6 a=b\n6 c=d\n", 12, NULL},
		{'x', "20 SCHILY.xattr.a=\0\n", 20, NULL},
		{'x', "7 a=b\n", 6, "length"},
		{'x', "5 a=b\n", 6, "length"},
		{'x', "0 a=b\n", 6, "length"},
		{'x', "-6 a=b\n", 7, "length"},
		{'x', "6 a=b", 5, "length"},
		{'x', "6 a=b\n6", 7, "length"},
		{'x', "6 a-b\n", 6, "without \"=\""},
		{'x', "5 =b\n", 5, "key"},
		{'x', "10 path=x\0", 10, "length"},
		{'x', "11 path=x\0\n", 11, "NUL"},
		{'x', "15 linkpath=x\0\n", 15, "NUL"},
		{'x', "18446744073709551616 a=b\n", 25, "length"},
		{'L', "name\0\0\0", 7, NULL},
		{'L', "name", 4, NULL},
		{'K', "na\0me", 5, "NUL"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err e = ERR_INIT;
		int r = tar_special_body(table[i].type, (const uint8_t *)table[i].body, table[i].n, &e);

		ck_assert_msg((r < 0) == (table[i].text != NULL), "row %zu", i);
		if (r < 0)
			unit_failed(e, ERR_INPUT, table[i].text);
	}
}
END_TEST

/* --- archives that must be refused --- */

#define MEMBERS_MAX 4

static const struct bad {
	struct tar_member m[MEMBERS_MAX];
	const char *text;
} bad_table[] = {
	{{{.name = "../x"}}, "\"..\""},
	{{{.name = "a/../../x"}}, "\"..\""},
	{{{.name = "x", .prefix = "../.."}}, "\"..\""},
	{{{.name = "lnk", .type = '2', .link = "/tmp"}, {.name = "lnk/x", .data = "evil"}},
	 "lnk/x: lnk is a symbolic link"},
	{{{.name = "lnk", .type = '2', .link = ".."}, {.name = "lnk/d/", .type = '5'}}, "lnk is a symbolic link"},
	{{{.name = "a", .type = '2', .link = "b"}, {.name = "b", .type = '2', .link = "a"}, {.name = "a/x"}}, "a/x"},
	{{{.name = "f", .data = "x"}, {.name = "f/x"}}, "f is a file"},
	{{{.name = "h", .type = '1', .link = "/etc/passwd"}}, "is not in this layer"},
	{{{.name = "h", .type = '1', .link = "../x"}}, "\"..\""},
	{{{.name = "h", .type = '1', .link = "h"}}, "is itself"},
	{{{.name = "d/", .type = '5'}, {.name = "h", .type = '1', .link = "d"}}, "is a directory"},
	{{{.name = "h", .type = '1', .link = "/"}}, "is not in this layer"},
	{{{.name = "s", .type = '2', .link = "/etc"}, {.name = "h", .type = '1', .link = "s/passwd"}},
	 "is not in this layer"},
	{{{.name = ".wh.f"}, {.name = "h", .type = '1', .link = "f"}}, "is not in this layer"},
	{{{.name = "./", .type = '2', .link = "/tmp"}}, "root is no directory"},
	{{{.name = ".", .type = '0', .data = "x"}}, "root is no directory"},
	{{{.name = ".wh..."}}, "whiteout of \"..\""},
	{{{.name = "/.wh.a"}}, "absolute name"},
	{{{.name = ".wh.d/", .type = '5'}}, "no regular file"},
	{{{.name = ".wh..wh..opq"}}, "opaque root"},
	{{{.name = "l", .type = '2', .link = "/tmp"}, {.name = "l/.wh.x"}}, "symbolic link"},
	{{{.name = "l", .type = '2', .link = "/tmp"}, {.name = "l/.wh..wh..opq"}}, "symbolic link"},
	{{{.name = "dev", .type = '3', .major = 5000}}, "no device"},
	{{{.name = "a", .raw_size = "-0000000001"}}, "tar:"},
	{{{.name = "a", .raw_size = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}}, "negative size"},
	{{{.name = "a", .raw_size = "\x80\0\0\0\0\0\4\0\0\0\0\1"}}, "at most 1024 GiB"},
	{{{.name = "a"}, {.name = "b", .bad_sum = true}}, "Damaged tar"},
	{{{.name = "a", .data = "12345", .size = 5000}}, "Truncated"},
};

START_TEST(test_refused)
{
	const struct bad *bad = &bad_table[_i];
	UNIT_DIR(d);
	AUTO_CLOSE int dest = tar_util_subdir(d.fd, "dest");
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < MEMBERS_MAX && bad->m[i].name; i++)
		tar_util_add(&b, &bad->m[i]);
	tar_util_end(&b);
	ck_assert_msg(tar_util_apply(&b, dest, NULL, &info, &e) == -1, "%s", bad->text);
	unit_failed(e, ERR_INPUT, bad->text);
	ck_assert(!tar_util_has(d.fd, "x"));
}
END_TEST

START_TEST(test_special_headers_refused)
{
	AUTO_FREE char *big = mem_zalloc(70000);
	const struct {
		const char *key, *val;
		size_t n;
		const char *text;
	} table[] = {
		{"path", "ok\0/../../x", 11, "NUL"},	   {"path", "../x", 4, "\"..\""},
		{"uid", "4294967295", 10, "not possible"}, {"uid", "4294967296", 10, "not possible"},
		{"gid", "-5", 2, "not possible"},	   {"SCHILY.xattr.user.x", big, 70000, "at most 65536"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		UNIT_DIR(d);
		AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
		struct layer_info info;
		struct err e = ERR_INIT;

		/* Some content before, so that the header is far from the stream's beginning. */
		tar_util_add(&b, &(struct tar_member){.name = "first", .size = 400000});
		for (int k = 0; k < 400000; k++)
			buf_char_add(&b, 'c');
		tar_util_pad(&b);
		tar_util_pax(&b, table[i].key, table[i].val, table[i].n);
		tar_util_add(&b, &(struct tar_member){.name = "ok"});
		tar_util_end(&b);
		ck_assert_msg(tar_util_apply(&b, d.fd, NULL, &info, &e) == -1, "row %zu", i);
		unit_failed(e, ERR_INPUT, table[i].text);
	}
}
END_TEST

/* The last record of a header of many blocks is looked at, too. */
START_TEST(test_long_special_header)
{
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	AUTO_BUF struct buf body = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info;
	struct err e = ERR_INIT;
	char out[256];

	for (int i = 0; i < 30000; i++)
		buf_str_add(&body, "13 comment=x\n");
	buf_add(&body, "26 SCHILY.xattr.user.z=z\0\n", 26);
	tar_util_special(&b, 'x', body.p, body.n);
	tar_util_add(&b, &(struct tar_member){.name = "ok", .data = "fine"});
	tar_util_end(&b);
	unit_ok(tar_util_apply(&b, d.fd, NULL, &info, &e), e);
	ck_assert_str_eq(tar_util_xattr(d.fd, "ok", "user.z", out), "z");
	buf_clear(&b);
	buf_add(&body, "11 path=x\0\n", 11);
	tar_util_special(&b, 'x', body.p, body.n);
	tar_util_add(&b, &(struct tar_member){.name = "ok2"});
	tar_util_end(&b);
	ck_assert_int_eq(tar_util_apply(&b, d.fd, NULL, &info, &e), -1);
	unit_failed(e, ERR_INPUT, "NUL");
}
END_TEST

/* --- archives that are fine, with what they must give --- */

static void apply_members(const struct tar_member *m, size_t n, int fd, const struct layer_apply_opts *o,
			  struct layer_info *info)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		tar_util_add(&b, &m[i]);
	tar_util_end(&b);
	unit_ok(tar_util_apply(&b, fd, o, info, &e), e);
}

START_TEST(test_metadata)
{
	static const struct tar_member m[] = {
		{.name = "./", .type = '5', .mode = 0711, .uid = 3, .gid = 4, .mtime = 77},
		{.name = "d/", .type = '5', .mode = 02775, .uid = 5, .gid = 6, .mtime = 10},
		{.name = "d/su", .data = "x", .mode = 04755, .uid = 1000, .gid = 7, .mtime = 20},
		{.name = "d/l", .type = '2', .link = "/etc/passwd", .uid = 8, .gid = 9, .mtime = 30},
		{.name = "/abs/made/f", .data = "y", .mtime = 40},
		{.name = "fifo", .type = '6', .mode = 0622, .mtime = 50},
		{.name = "h", .type = '1', .link = "./d/su", .mode = 0777},
	};
	UNIT_DIR(d);
	struct layer_info info;
	struct stat st;
	char text[256];

	umask(077);
	apply_members(m, ARRAY_LEN(m), d.fd, NULL, &info);
	ck_assert_uint_eq(info.entries, 6);
	ck_assert(!info.lossy);
	st = tar_util_stat(d.fd, ".");
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0711);
	ck_assert_uint_eq(st.st_uid, 3);
	ck_assert_int_eq(st.st_mtim.tv_sec, 77);
	st = tar_util_stat(d.fd, "d");
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 02775);
	ck_assert_uint_eq(st.st_gid, 6);
	ck_assert_int_eq(st.st_mtim.tv_sec, 10);
	st = tar_util_stat(d.fd, "d/su");
	ck_assert_uint_eq(st.st_mode, S_IFREG | 04755);
	ck_assert_uint_eq(st.st_uid, 1000);
	ck_assert_uint_eq(st.st_gid, 7);
	ck_assert_uint_eq(st.st_nlink, 2);
	ck_assert_int_eq(st.st_mtim.tv_sec, 20);
	st = tar_util_stat(d.fd, "d/l");
	ck_assert_uint_eq(st.st_uid, 8);
	ck_assert_int_eq(st.st_mtim.tv_sec, 30);
	st = tar_util_stat(d.fd, "abs/made");
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0755);
	ck_assert_int_eq(st.st_mtim.tv_sec, 40);
	ck_assert_uint_eq(tar_util_stat(d.fd, "fifo").st_mode, S_IFIFO | 0622);
	tar_util_text(d.fd, "abs/made/f", text, sizeof text);
	ck_assert_str_eq(text, "y");
}
END_TEST

START_TEST(test_later_members_replace)
{
	static const struct tar_member m[] = {
		{.name = "f", .data = "old"},
		{.name = "g", .type = '1', .link = "f"},
		{.name = "f", .data = "new"}, /* not through the link */
		{.name = "s", .type = '2', .link = "/tmp"},
		{.name = "s/", .type = '5', .mode = 0700},
		{.name = "s/later-members-replace", .data = "in"},
		{.name = "d/", .type = '5'},
		{.name = "d/e/f", .data = "deep"},
		{.name = "d", .data = "now a file"},
		{.name = "p", .type = '6'},
		{.name = "p", .data = "was a fifo"},
		{.name = "k/", .type = '5', .mode = 0700, .mtime = 5},
		{.name = "k/x", .data = "kept"},
		{.name = "k/", .type = '5', .mode = 0755, .mtime = 9},
		{.name = "t", .data = "x"},
		{.name = "t", .type = '2', .link = "f"},
	};
	static const struct {
		const char *path, *text;
	} want[] = {{"f", "new"},	 {"g", "old"},	      {"s/later-members-replace", "in"},
		    {"d", "now a file"}, {"p", "was a fifo"}, {"k/x", "kept"}};
	UNIT_DIR(d);
	struct layer_info info;
	char text[256];

	apply_members(m, ARRAY_LEN(m), d.fd, NULL, &info);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		tar_util_text(d.fd, want[i].path, text, sizeof text);
		ck_assert_str_eq(text, want[i].text);
	}
	ck_assert_uint_eq(tar_util_stat(d.fd, "k").st_mode, S_IFDIR | 0755);
	ck_assert_int_eq(tar_util_stat(d.fd, "k").st_mtim.tv_sec, 9);
	ck_assert(S_ISLNK(tar_util_stat(d.fd, "t").st_mode));
	ck_assert(!tar_util_has(AT_FDCWD, "/tmp/later-members-replace"));
}
END_TEST

START_TEST(test_changesets)
{
	static const struct tar_member m[] = {
		{.name = ".wh.gone"},
		{.name = "sub/.wh.gone", .type = '1', .link = ".wh..wh.aufs"},
		{.name = "p", .data = "new"},
		{.name = ".wh.p"}, /* after: the member of this layer stays */
		{.name = ".wh.q"}, /* before: likewise */
		{.name = "q", .data = "new"},
		{.name = ".wh.before"},
		{.name = "before/x", .data = "1"},
		{.name = "after/x", .data = "2"},
		{.name = ".wh.after"},
		{.name = ".wh.explicit"},
		{.name = "explicit/", .type = '5', .mode = 0700},
		{.name = "o/x", .data = "3"},
		{.name = "o/.wh..wh..opq"}, /* last */
		{.name = "e/.wh..wh..opq"}, /* in a directory that is not named */
		{.name = ".wh..wh.plnk/", .type = '5'},
		{.name = ".wh..wh.plnk/12.3", .data = "x"},
	};
	static const char *const opaque[] = {"before", "after", "explicit", "o", "e"}, *const gone[] = {"gone",
													"sub/gone"};
	UNIT_DIR(d);
	struct layer_info info;
	char text[256];

	apply_members(m, ARRAY_LEN(m), d.fd, NULL, &info);
	for (size_t i = 0; i < ARRAY_LEN(opaque); i++)
		ck_assert_str_eq(tar_util_xattr(d.fd, opaque[i], "user.overlay.opaque", text), "y");
	ck_assert_str_eq(tar_util_xattr(d.fd, "sub", "user.overlay.opaque", text), "");
	for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
		struct stat st = tar_util_stat(d.fd, gone[i]);

		ck_assert(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	}
	tar_util_text(d.fd, "p", text, sizeof text);
	ck_assert_str_eq(text, "new");
	tar_util_text(d.fd, "q", text, sizeof text);
	ck_assert_str_eq(text, "new");
	tar_util_text(d.fd, "before/x", text, sizeof text);
	ck_assert_str_eq(text, "1");
	ck_assert(!tar_util_has(d.fd, ".wh..wh.plnk"));
	ck_assert(!info.lossy);
}
END_TEST

START_TEST(test_plain_refuses_whiteouts)
{
	static const char *const names[] = {".wh.x", "d/.wh..wh..opq", ".wh..wh.plnk"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		UNIT_DIR(d);
		AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
		struct layer_info info;
		struct err e = ERR_INIT;

		tar_util_add(&b, &(struct tar_member){.name = names[i]});
		tar_util_end(&b);
		ck_assert_int_eq(tar_util_apply(&b, d.fd, &(struct layer_apply_opts){.plain = true}, &info, &e), -1);
		unit_failed(e, ERR_INPUT, names[i]);
	}
}
END_TEST

START_TEST(test_devices)
{
	static const struct tar_member m[] = {
		{.name = "null", .type = '3', .major = 1, .minor = 3, .mode = 0666},
		{.name = "sda", .type = '4', .major = 8, .mode = 0660, .gid = 6},
		{.name = "zero", .type = '3', .mode = 0600}, /* 0:0 is never made: it would be a whiteout */
	};

	for (int may = 0; may < 2; may++) {
		UNIT_DIR(d);
		struct layer_apply_opts o = {.may_mknod = may};
		struct layer_info info;
		struct stat st;
		char text[256];

		apply_members(m, ARRAY_LEN(m), d.fd, &o, &info);
		st = tar_util_stat(d.fd, "null");
		ck_assert_uint_eq(st.st_mode, may ? S_IFCHR | 0666 : S_IFREG | 0666);
		if (may)
			ck_assert_uint_eq(st.st_rdev, makedev(1, 3));
		else
			ck_assert_str_eq(tar_util_xattr(d.fd, "null", OWNREC_XATTR, text), "0:0:20666:1:3");
		if (!may)
			ck_assert_str_eq(tar_util_xattr(d.fd, "sda", OWNREC_XATTR, text), "0:6:60660:8:0");
		ck_assert_str_eq(tar_util_xattr(d.fd, "zero", OWNREC_XATTR, text), "0:0:20600:0:0");
		ck_assert(!info.lossy);
	}
}
END_TEST

START_TEST(test_xattrs)
{
	static const struct {
		const char *name, *val;
		size_t n;
	} table[] = {
		{"user.a", "1", 1},
		{"user.overlay.opaque", "y", 1},
		{"trusted.overlay.opaque", "y", 1},
		{"user.slct.o", "1:2", 3},
		{"security.selinux", "x", 1},
		{"security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20},
	};
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info;
	struct err e = ERR_INIT;
	char text[256];

	for (int dir = 0; dir < 2; dir++) {
		size_t from = ARRAY_LEN(table);
		AUTO_BUF struct buf body = BUF_INIT(BUF_TEXT_MAX);

		for (size_t i = 0; i < from - (dir ? 1 : 0); i++) {
			AUTO_BUF struct buf one = BUF_INIT(BUF_TEXT_MAX);
			AUTO_FREE char *key = mem_printf("SCHILY.xattr.%s", table[i].name);

			tar_util_pax(&one, key, table[i].val, table[i].n);
			buf_add(&body, one.p + 512, strtoul(one.p + 124, NULL, 8));
		}
		tar_util_special(&b, 'x', body.p, body.n);
		tar_util_add(&b, &(struct tar_member){.name = dir ? "d/" : "f", .type = dir ? '5' : '0'});
	}
	tar_util_end(&b);
	unit_ok(tar_util_apply(&b, d.fd, NULL, &info, &e), e);
	ck_assert(!info.lossy);
	ck_assert_str_eq(tar_util_xattr(d.fd, "f", "user.a", text), "1");
	ck_assert_str_eq(tar_util_xattr(d.fd, "d", "user.a", text), "1");
	ck_assert_int_eq(tar_util_xattr(d.fd, "f", "security.capability", text)[0], 1);
	for (size_t i = 1; i < 5; i++) {
		ck_assert_str_eq(tar_util_xattr(d.fd, "f", table[i].name, text), "");
		ck_assert_str_eq(tar_util_xattr(d.fd, "d", table[i].name, text), "");
	}
}
END_TEST

/* A default ACL is not inherited by the members that come after it. */
START_TEST(test_default_acl_comes_last)
{
	static const unsigned char acl[] = {2, 0, 0,   0,   1,	 0,   7,  0, 255, 255, 255, 255, 2,   0,  7,
					    0, 5, 0,   0,   0,	 4,   0,  5, 0,	  255, 255, 255, 255, 16, 0,
					    7, 0, 255, 255, 255, 255, 32, 0, 5,	  0,   255, 255, 255, 255};
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info;
	struct err e = ERR_INIT;
	char text[256];
	int fd;

	tar_util_pax(&b, "SCHILY.xattr.system.posix_acl_default", acl, sizeof acl);
	tar_util_add(&b, &(struct tar_member){.name = "d/", .type = '5', .mode = 0755});
	tar_util_add(&b, &(struct tar_member){.name = "d/f", .data = "x"});
	tar_util_end(&b);
	unit_ok(tar_util_apply(&b, d.fd, NULL, &info, &e), e);
	ck_assert(!info.lossy);
	ck_assert_int_eq(tar_util_xattr(d.fd, "d", "system.posix_acl_default", text)[0], 2);
	fd = openat(d.fd, "d/f", O_RDONLY);
	ck_assert_int_lt(fgetxattr(fd, "system.posix_acl_access", text, sizeof text), 0);
	close(fd);
}
END_TEST

START_TEST(test_odd_names)
{
	static const char *const names[] = {"a\nb", "\xff\xfe", "\x1b[2J", "-rf", " ", "a\\b", "e\xcc\x81", "..."};
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *long_name = mem_printf("pax/%s", names[i]);

		tar_util_add(&b, &(struct tar_member){.name = names[i]});
		tar_util_pax(&b, "path", long_name, strlen(long_name));
		tar_util_add(&b, &(struct tar_member){.name = "replaced"});
	}
	tar_util_end(&b);
	unit_ok(tar_util_apply(&b, d.fd, NULL, &info, &e), e);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *long_name = mem_printf("pax/%s", names[i]);

		ck_assert(tar_util_has(d.fd, names[i]));
		ck_assert(tar_util_has(d.fd, long_name)); /* bytes as they are, not normalised */
	}
}
END_TEST

START_TEST(test_gnu_and_sparse)
{
	static const char long_name[] = "gnu/name/that/is/long", map[] = "1\n100000\n3\n";
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	AUTO_BUF struct buf body = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info;
	struct err e = ERR_INIT;
	struct stat st;
	char text[8] = "";
	int fd;

	tar_util_special(&b, 'L', long_name, sizeof long_name);
	tar_util_add(&b, &(struct tar_member){.name = "short", .gnu = true, .data = "g"});
	buf_str_add(&body, "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n25 GNU.sparse.name=holes\n"
			   "30 GNU.sparse.realsize=200000\n");
	tar_util_special(&b, 'x', body.p, body.n);
	tar_util_header(&b, &(struct tar_member){.name = "GNUSparseFile.0/holes", .size = 512 + 3});
	buf_str_add(&b, map);
	tar_util_pad(&b);
	buf_str_add(&b, "end");
	tar_util_pad(&b);
	tar_util_end(&b);
	unit_ok(tar_util_apply(&b, d.fd, NULL, &info, &e), e);
	ck_assert(tar_util_has(d.fd, long_name));
	st = tar_util_stat(d.fd, "holes");
	ck_assert_int_eq(st.st_size, 200000);
	ck_assert_int_lt(st.st_blocks, 100);
	fd = openat(d.fd, "holes", O_RDONLY);
	ck_assert_int_eq(pread(fd, text, 4, 99999), 4);
	ck_assert_mem_eq(text, "\0end", 4);
	close(fd);
}
END_TEST

START_TEST(test_ends)
{
	static const struct {
		size_t zeros;
		const char *after;
	} table[] = {{0, ""}, {512, ""}, {1024, ""}, {10240, ""}, {1024, "trailing bytes count for the diff id"}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		UNIT_DIR(d);
		AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
		char hex[HASH_HEX_MAX];
		struct layer_info info;
		struct err e = ERR_INIT;

		tar_util_add(&b, &(struct tar_member){.name = "f", .data = "x"});
		for (size_t k = 0; k < table[i].zeros; k++)
			buf_char_add(&b, '\0');
		buf_str_add(&b, table[i].after);
		unit_ok(tar_util_apply(&b, d.fd, NULL, &info, &e), e);
		tar_util_sha(&b, hex);
		ck_assert_str_eq(digest_hex(&info.diff_id), hex);
		ck_assert_uint_eq(info.size, b.n);
	}
}
END_TEST

START_TEST(test_empty)
{
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info;
	struct err e = ERR_INIT;

	unit_ok(tar_util_apply(&b, d.fd, NULL, &info, &e), e);
	ck_assert_uint_eq(info.entries, 0);
	tar_util_end(&b);
	unit_ok(tar_util_apply(&b, d.fd, NULL, &info, &e), e);
	ck_assert_uint_eq(info.entries, 0);
	buf_clear(&b);
	buf_str_add(&b, "this is no tar");
	ck_assert_int_eq(tar_util_apply(&b, d.fd, NULL, &info, &e), -1);
	unit_failed(e, ERR_INPUT, "tar:");
}
END_TEST

START_TEST(test_digests_are_verified)
{
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct digest right, wrong;
	struct descriptor want = {0};
	struct layer_apply_opts o = {.want = &want};
	struct layer_info info;
	struct err e = ERR_INIT;

	tar_util_add(&b, &(struct tar_member){.name = "f", .data = "x"});
	tar_util_end(&b);
	digest_of_bytes(b.p, b.n, &right);
	digest_of_bytes("", 0, &wrong);
	want.digest = right;
	want.size = b.n;
	o.want_diff = &right;
	unit_ok(tar_util_apply(&b, d.fd, &o, &info, &e), e);
	o.want_diff = &wrong;
	ck_assert_int_eq(tar_util_apply(&b, d.fd, &o, &info, &e), -1);
	unit_failed(e, ERR_INTEGRITY, "diff id");
	o.want_diff = NULL;
	want.size = b.n + 1;
	ck_assert_int_eq(tar_util_apply(&b, d.fd, &o, &info, &e), -1);
	unit_failed(e, ERR_INTEGRITY, right.text);
	want.size = b.n - 1;
	ck_assert_int_eq(tar_util_apply(&b, d.fd, &o, &info, &e), -1);
	unit_failed(e, ERR_INTEGRITY, "is larger than");
	/* A flipped bit that breaks the tar is reported as what it is. */
	want.size = b.n;
	b.p[3] ^= 1;
	ck_assert_int_eq(tar_util_apply(&b, d.fd, &o, &info, &e), -1);
	unit_failed(e, ERR_INTEGRITY, "has the digest");
}
END_TEST

static int apply_suite(void)
{
	const TTest *const tests[] = {test_clean_paths,
				      test_path_limits,
				      test_kinds,
				      test_special_bodies,
				      test_special_headers_refused,
				      test_long_special_header,
				      test_metadata,
				      test_later_members_replace,
				      test_changesets,
				      test_plain_refuses_whiteouts,
				      test_devices,
				      test_xattrs,
				      test_default_acl_comes_last,
				      test_odd_names,
				      test_gnu_and_sparse,
				      test_ends,
				      test_empty,
				      test_digests_are_verified};
	Suite *suite = suite_create("apply");
	TCase *tc = tcase_create("apply");
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(tc, tests[i]);
	tcase_add_loop_test(tc, test_refused, 0, ARRAY_LEN(bad_table));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

int main(void)
{
	return apply_suite();
}
