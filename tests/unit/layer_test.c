/* Layers: canonical bytes, round trips, times. */
#include <sched.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "oci/layer.h"
#include "src/util/ownrec.h"
#include "tests/unit/tar_util.h"

#define T0 1700000000

/* A small tree with one of everything, the same each time. */
static void make_tree(int fd)
{
	static const struct ownrec owner = {.uid = 70000, .gid = 5, .mode = 0}, device = {1, 2, S_IFBLK | 0640, 8, 17};
	static const unsigned char cap3[24] = {1, 0, 0, 3, 0, 4, 0, 0, [20] = 1};
	AUTO_FREE char *longer = mem_alloc(121);
	AUTO_CLOSE int dir = tar_util_subdir(fd, "etc"), deep = -1, f = -1;

	umask(022);
	memset(longer, 'n', 120);
	longer[120] = '\0';
	tar_util_file(dir, "passwd", "root:x:0:0\n", 0644, T0);
	tar_util_file(dir, "shadow", "", 0600, T0 + 1);
	tar_util_file(fd, "a b", "space", 0755, T0);
	tar_util_file(fd, "a-b", "dash", 06755, -5);
	tar_util_file(fd, longer, "long name", 0644, T0);
	ck_assert_int_eq(fchownat(fd, "a-b", 1000, 3000000, 0), 0);
	ck_assert_int_eq(fchmodat(fd, "a-b", 06755, 0), 0);
	ck_assert_int_eq(linkat(fd, "etc/passwd", fd, "z-link", 0), 0);
	ck_assert_int_eq(linkat(fd, "etc/passwd", fd, "0-link", 0), 0);
	ck_assert_int_eq(symlinkat("../etc/passwd", fd, "sym"), 0);
	tar_util_set_time(fd, "sym", T0 + 7);
	ck_assert_int_eq(mkfifoat(fd, "fifo", 0622), 0);
	ck_assert_int_eq(fchmodat(fd, "fifo", 0622, 0), 0);
	tar_util_set_time(fd, "fifo", T0);
	deep = tar_util_subdir(fd, "opaque");
	tar_util_set_xattr(fd, "opaque", "user.overlay.opaque", "y", 1);
	tar_util_set_xattr(fd, "opaque", "user.overlay.origin", "o", 1);
	tar_util_set_xattr(fd, "opaque", "user.keep", "k", 1);
	tar_util_file(deep, "-first", "", 0644, T0);
	ck_assert_int_eq(mknodat(deep, "gone", S_IFCHR, makedev(0, 0)), 0);
	ck_assert_int_eq(mknodat(fd, "also-gone", S_IFCHR, makedev(0, 0)), 0);
	tar_util_file(fd, "xattr-whiteout", "", 0644, T0);
	tar_util_set_xattr(fd, "xattr-whiteout", "user.overlay.whiteout", "", 0);
	tar_util_file(fd, "cap", "c", 0755, T0);
	tar_util_set_xattr(fd, "cap", "security.capability", cap3, sizeof cap3);
	tar_util_set_xattr(fd, "cap", "user.a", "1\0002", 3);
	tar_util_file(fd, "rec", "owned", 0640, T0);
	f = openat(fd, "rec", O_RDONLY);
	ck_assert_int_eq(ownrec_set(f, &owner), 0);
	close(f);
	tar_util_file(fd, "sda", "", 0600, T0);
	f = openat(fd, "sda", O_RDONLY);
	ck_assert_int_eq(ownrec_set(f, &device), 0);
	close(f);
	f = -1;
	ck_assert_int_eq(mknodat(fd, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	ck_assert_int_eq(fchmodat(fd, "null", 0666, 0), 0);
	tar_util_set_time(fd, "null", T0);
	tar_util_set_time(fd, "etc", T0 + 2);
	tar_util_set_time(fd, "opaque", T0 + 3);
}

/* Names and types in the order of the tar; only ustar headers. */
static void listing(const struct buf *b, struct buf *out)
{
	for (size_t at = 0; at + 512 <= b->n && b->p[at];) {
		const char *h = b->p + at;

		if (h[156] != 'x')
			buf_printf(out, "%c %.20s%s%s\n", h[156], h, h[157] ? " -> " : "", h + 157);
		at += 512 + (strtoul(h + 124, NULL, 8) + 511) / 512 * 512;
	}
}

START_TEST(test_order_and_kinds)
{
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	AUTO_BUF struct buf list = BUF_INIT(BUF_TEXT_MAX);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	AUTO_CLOSE int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	struct layer_info info;

	make_tree(d.fd);
	snprintf(sun.sun_path, sizeof sun.sun_path, "%s/socket", d.path);
	ck_assert_int_eq(bind(sock, (struct sockaddr *)&sun, sizeof sun), 0);
	tar_util_pack(d.fd, &b, &info);
	listing(&b, &list);
	ck_assert_str_eq(buf_str(&list), "0 0-link\n"
					 "0 a b\n"
					 "0 a-b\n"
					 "0 .wh.also-gone\n"
					 "0 cap\n"
					 "5 etc/\n"
					 "1 etc/passwd -> 0-link\n"
					 "0 etc/shadow\n"
					 "6 fifo\n"
					 "0 nnnnnnnnnnnnnnnnnnnn\n"
					 "3 null\n"
					 "5 opaque/\n"
					 "0 opaque/.wh..wh..opq\n"
					 "0 opaque/-first\n"
					 "0 opaque/.wh.gone\n"
					 "0 rec\n"
					 "4 sda\n"
					 "2 sym -> ../etc/passwd\n"
					 "0 .wh.xattr-whiteout\n"
					 "1 z-link -> 0-link\n");
	ck_assert_uint_eq(info.entries, 20);
	ck_assert_uint_eq(info.size, b.n);
	ck_assert_uint_eq(info.blob_size, 0);
	ck_assert(!digest_is_set(&info.blob));
}
END_TEST

/* The form is part of cache keys: other bytes need a new LAYER_FORM_VERSION. */
START_TEST(test_golden)
{
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char hex[HASH_HEX_MAX];
	struct layer_info info;

	make_tree(d.fd);
	tar_util_pack(d.fd, &b, &info);
	tar_util_sha(&b, hex);
	ck_assert_str_eq(digest_hex(&info.diff_id), hex);
	ck_assert_int_eq(LAYER_FORM_VERSION, 1);
	ck_assert_str_eq(hex, "d91bdf702d1241a840dcbfc55224144a4cdf07304100a50ca588bcd4086379a9");
}
END_TEST

START_TEST(test_diff_id_only)
{
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info with, without;
	struct err e = ERR_INIT;
	AUTO_CLOSE int path = open(d.path, O_PATH | O_DIRECTORY);

	make_tree(d.fd);
	tar_util_pack(d.fd, &b, &with);
	unit_ok(layer_pack(path, &(struct layer_codec){CODEC_GZIP, 1}, NULL, &without, &e), e);
	ck_assert_str_eq(with.diff_id.text, without.diff_id.text);
	ck_assert(!digest_is_set(&without.blob));
}
END_TEST

START_TEST(test_empty_layer)
{
	UNIT_DIR(d);
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info;

	tar_util_pack(d.fd, &b, &info);
	ck_assert_uint_eq(info.entries, 0);
	ck_assert_str_eq(info.diff_id.text, "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
}
END_TEST

START_TEST(test_round_trip)
{
	static const struct layer_codec codecs[] = {{CODEC_NONE, 0}, {CODEC_GZIP, 1}, {CODEC_ZSTD, 3}};
	UNIT_DIR(d);
	AUTO_CLOSE int tree = tar_util_subdir(d.fd, "tree");

	make_tree(tree);
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		for (int mknod = 0; mknod < 2; mknod++) {
			char name[32], hex[HASH_HEX_MAX];
			AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
			AUTO_CLOSE int copy =
				(snprintf(name, sizeof name, "copy%zu%d", i, mknod), tar_util_subdir(d.fd, name));
			struct wstream *w = tar_util_to_buf(&b);
			struct layer_info packed, applied, again;
			struct layer_apply_opts o = {.may_mknod = mknod};
			struct err e = ERR_INIT;

			unit_ok(layer_pack(tree, &codecs[i], w, &packed, &e), e);
			stream_wclose(w);
			unit_ok(tar_util_apply(&b, copy, &o, &applied, &e), e);
			ck_assert_str_eq(applied.diff_id.text, packed.diff_id.text);
			ck_assert_str_eq(applied.blob.text, packed.blob.text);
			ck_assert_uint_eq(applied.blob_size, packed.blob_size);
			ck_assert_uint_eq(applied.entries, packed.entries);
			ck_assert(!applied.lossy);
			if (codecs[i].codec != CODEC_NONE) {
				tar_util_sha(&b, hex);
				ck_assert_str_eq(digest_hex(&packed.blob), hex);
			}
			unit_ok(layer_pack(copy, NULL, NULL, &again, &e), e);
			ck_assert_str_eq(again.diff_id.text, packed.diff_id.text);
		}
}
END_TEST

/* Deeper than a process may have descriptors. */
START_TEST(test_deep_tree)
{
	UNIT_DIR(d);
	AUTO_CLOSE int fd = openat(d.fd, ".", O_RDONLY | O_DIRECTORY), copy = -1;
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info, again;
	struct err e = ERR_INIT;

	ck_assert_int_eq(mkdirat(d.fd, "tree", 0755), 0);
	for (int i = 0; i < 1500; i++) {
		const char *name = i ? "d" : "tree";
		int next;

		if (i)
			ck_assert_int_eq(mkdirat(fd, name, 0755), 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY);
		ck_assert_int_ge(next, 0);
		close(fd);
		fd = next;
	}
	tar_util_file(fd, "last", "x", 0644, T0);
	close(fd);
	fd = openat(d.fd, "tree", O_RDONLY | O_DIRECTORY);
	unit_ok(layer_clamp(fd, T0, true, &e), e);
	tar_util_pack(fd, &b, &info);
	ck_assert_uint_eq(info.entries, 1500);
	copy = tar_util_subdir(d.fd, "copy");
	unit_ok(tar_util_apply(&b, copy, NULL, &again, &e), e);
	unit_ok(layer_pack(copy, NULL, NULL, &again, &e), e);
	ck_assert_str_eq(again.diff_id.text, info.diff_id.text);
}
END_TEST

START_TEST(test_clamp)
{
	static const struct {
		const char *path;
		int64_t first, all; /* time after clamp to T0, then after all to T0 - 1 */
	} table[] = {
		{".", T0, T0 - 1},    {"etc", T0, T0 - 1},    {"etc/shadow", T0, T0 - 1},
		{"a b", T0, T0 - 1},  {"a-b", -5, T0 - 1},    {"sym", T0, T0 - 1},
		{"fifo", T0, T0 - 1}, {"opaque", T0, T0 - 1}, {"opaque/gone", T0, T0 - 1},
	};
	UNIT_DIR(d);
	struct timespec fraction[2] = {{.tv_sec = 1, .tv_nsec = 1}, {.tv_sec = T0 - 9, .tv_nsec = 5}};
	struct err e = ERR_INIT;
	struct stat st;

	make_tree(d.fd);
	tar_util_file(d.fd, "fraction", "", 0644, 0);
	ck_assert_int_eq(utimensat(d.fd, "fraction", fraction, 0), 0);
	unit_ok(layer_clamp(d.fd, T0, false, &e), e);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		ck_assert_msg(tar_util_stat(d.fd, table[i].path).st_mtim.tv_sec == table[i].first, "%s", table[i].path);
	st = tar_util_stat(d.fd, "fraction");
	ck_assert_int_eq(st.st_mtim.tv_sec, T0 - 9);
	ck_assert_int_eq(st.st_mtim.tv_nsec, 0);
	ck_assert_int_eq(st.st_atim.tv_nsec, 1); /* access times stay */
	unit_ok(layer_clamp(d.fd, T0 - 1, true, &e), e);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		ck_assert_int_eq(tar_util_stat(d.fd, table[i].path).st_mtim.tv_sec, table[i].all);
}
END_TEST

START_TEST(test_bad_names)
{
	UNIT_DIR(d);
	AUTO_CLOSE int sub = tar_util_subdir(d.fd, "dir");
	struct layer_info info;
	struct err e = ERR_INIT;

	tar_util_file(sub, ".wh.x", "", 0644, T0);
	ck_assert_int_eq(layer_pack(d.fd, NULL, NULL, &info, &e), -1);
	unit_failed(e, ERR_INPUT, "dir/.wh.x");
	ck_assert_int_eq(unlinkat(sub, ".wh.x", 0), 0);
	tar_util_set_xattr(d.fd, "dir", "user.overlay.redirect", "/x", 2);
	ck_assert_int_eq(layer_pack(d.fd, NULL, NULL, &info, &e), -1);
	unit_failed(e, ERR_INTERNAL, "user.overlay.redirect");
}
END_TEST

/* Changes a file of the tree as soon as its first bytes arrive. */
struct meddler {
	int dir;
	off_t size;
	bool done;
};

static int meddle(struct wstream *s, const void *p, size_t n, struct err *e)
{
	struct meddler *m = s->self;
	int fd;

	(void)e;
	if (!m->done && n && ((const char *)p)[0] == 'B') {
		m->done = true;
		fd = openat(m->dir, "big", O_RDWR);
		ck_assert_int_eq(ftruncate(fd, m->size), 0);
		close(fd);
	}
	return 0;
}

START_TEST(test_file_changes_while_read)
{
	static const struct {
		off_t size;
		const char *text;
	} table[] = {{10, "became shorter"}, {9000000, "changed its size"}, {3000000, "was written to"}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		UNIT_DIR(d);
		AUTO_FREE char *text = mem_alloc(3000001);
		struct meddler m = {d.fd, table[i].size, false};
		struct wstream w = {.write = meddle, .self = &m};
		struct layer_info info;
		struct err e = ERR_INIT;

		memset(text, 'B', 3000000);
		text[3000000] = '\0';
		tar_util_file(d.fd, "big", text, 0644, T0);
		ck_assert_int_eq(layer_pack(d.fd, NULL, &w, &info, &e), -1);
		unit_failed(e, ERR_INPUT, table[i].text);
	}
}
END_TEST

/* In a namespace with one id, true owners and devices are recorded and packed again as they were. */
START_TEST(test_one_id_namespace)
{
	UNIT_DIR(d);
	AUTO_CLOSE int tree = tar_util_subdir(d.fd, "tree"), copy = tar_util_subdir(d.fd, "copy"), fd = -1;
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info packed, applied, again;
	struct layer_apply_opts o = {.may_mknod = false};
	struct err e = ERR_INIT;
	struct ownrec rec;

	tar_util_file(tree, "f", "x", 04755, T0);
	ck_assert_int_eq(fchownat(tree, "f", 1000, 50, 0), 0);
	ck_assert_int_eq(fchmodat(tree, "f", 04755, 0), 0);
	close(tar_util_subdir(tree, "dir"));
	ck_assert_int_eq(fchownat(tree, "dir", 1, 1, 0), 0);
	tar_util_set_time(tree, "dir", T0);
	ck_assert_int_eq(mknodat(tree, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	tar_util_set_time(tree, "null", T0);
	tar_util_pack(tree, &b, &packed);
	ck_assert_int_eq(unshare(CLONE_NEWUSER), 0);
	fd = open("/proc/self/setgroups", O_WRONLY);
	ck_assert_int_eq(write(fd, "deny", 4), 4);
	close(fd);
	fd = open("/proc/self/gid_map", O_WRONLY);
	ck_assert_int_eq(write(fd, "0 0 1", 5), 5);
	close(fd);
	fd = open("/proc/self/uid_map", O_WRONLY);
	ck_assert_int_eq(write(fd, "0 0 1", 5), 5);
	close(fd);
	unit_ok(tar_util_apply(&b, copy, &o, &applied, &e), e);
	ck_assert(!applied.lossy);
	fd = openat(copy, "f", O_RDONLY);
	ck_assert_int_eq(ownrec_get(fd, &rec), 1);
	ck_assert_uint_eq(rec.uid, 1000);
	ck_assert_uint_eq(rec.mode, S_IFREG | 04755);
	ck_assert_uint_eq(tar_util_stat(copy, "f").st_mode, S_IFREG | 0755); /* not setuid for who stands in */
	unit_ok(layer_pack(copy, NULL, NULL, &again, &e), e);
	ck_assert_str_eq(again.diff_id.text, packed.diff_id.text);
	/* A link cannot carry a record: that is said. */
	buf_clear(&b);
	tar_util_add(&b, &(struct tar_member){.name = "l", .type = '2', .link = "x", .uid = 1000});
	tar_util_end(&b);
	unit_ok(tar_util_apply(&b, copy, &o, &applied, &e), e);
	ck_assert(applied.lossy);
}
END_TEST

START_TEST(test_codec_names)
{
	static const struct {
		struct layer_codec codec;
		const char *name;
	} table[] = {
		{{CODEC_GZIP, 0}, "gzip:isal:1"},
		{{CODEC_GZIP, 9}, "gzip:zlib:9"},
		{{CODEC_ZSTD, 0}, "zstd:3"},
		{{CODEC_NONE, 0}, "none"},
	};
	char name[32];

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		ck_assert_str_eq(layer_codec_name(&table[i].codec, name), table[i].name);
}
END_TEST

UNIT_MAIN("layer", test_order_and_kinds, test_golden, test_diff_id_only, test_empty_layer, test_round_trip,
	  test_deep_tree, test_clamp, test_bad_names, test_file_changes_while_read, test_one_id_namespace,
	  test_codec_names)
