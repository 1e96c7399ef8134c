/* Merged trees as one tar. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "oci/flatten.h"
#include "tests/unit/tar_util.h"

static void make_tree(int fd)
{
	static const char *const dirs[] = {"dev", "etc", "home", "home/dev", "var", "var/cache", "var/cache/apt"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		close(tar_util_subdir(fd, dirs[i]));
	tar_util_file(fd, "dev/x", "", 0644, 5);
	tar_util_file(fd, "home/dev/x", "kept", 0644, 6);
	tar_util_file(fd, "etc/hosts", "127.0.0.1", 0644, 7);
	tar_util_file(fd, "etc/.wh.odd", "a name like any other here", 0644, 8);
	tar_util_file(fd, "var/cache/apt/big", "", 0644, 1000);
	ck_assert_int_eq(linkat(fd, "etc/.wh.odd", fd, "link", 0), 0);
	ck_assert_int_eq(symlinkat("home", fd, "h"), 0);
	tar_util_set_time(fd, "h", 1);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		tar_util_set_time(fd, dirs[i], 9);
}

static int flatten(int fd, const struct flatten_opts *o, struct buf *names, struct layer_info *info, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct wstream *w = tar_util_to_buf(&b);
	int r = flatten_write(fd, o, NULL, w, info, e);

	stream_wclose(w);
	for (size_t at = 0; r == 0 && b.p[at];) {
		const char *h = b.p + at;

		buf_printf(names, "%s%s%s %lo\n", h, h[157] ? " -> " : "", h + 157, strtoul(h + 136, NULL, 8));
		at += 512 + (strtoul(h + 124, NULL, 8) + 511) / 512 * 512;
	}
	return r;
}

START_TEST(test_export)
{
	static const char *const exclude[] = {"dev/*", "/etc/hosts", "var/cache/apt", "proc/*"};
	static const struct flatten_link links[] = {{"/etc/hosts", "/conf/hosts"}, {"conf/sub/x", "y"}};
	static const struct flatten_extra last[] = {{"exasol-manifest.json", "{}", 2, 0644}};
	static const struct flatten_opts o = {
		.exclude = exclude, .nexclude = 4, .links = links, .nlinks = 2, .last = last, .nlast = 1};
	UNIT_DIR(d);
	AUTO_BUF struct buf names = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info, again;
	struct err e = ERR_INIT;

	make_tree(d.fd);
	unit_ok(flatten(d.fd, &o, &names, &info, &e), e);
	ck_assert_str_eq(buf_str(&names), "./dev/ 11\n"
					  "./etc/ 11\n"
					  "./etc/.wh.odd 10\n"
					  "./h -> home 1\n"
					  "./home/ 11\n"
					  "./home/dev/ 11\n"
					  "./home/dev/x 6\n"
					  "./link -> ./etc/.wh.odd 10\n"
					  "./var/ 11\n"
					  "./var/cache/ 11\n"
					  "./etc/hosts -> /conf/hosts 11\n"
					  "./conf/ 11\n"
					  "./conf/sub/ 11\n"
					  "./conf/sub/x -> y 11\n"
					  "./exasol-manifest.json 11\n");
	ck_assert_uint_eq(info.entries, 15);
	unit_ok(flatten_write(d.fd, &o, &(struct layer_codec){CODEC_GZIP, 1}, NULL, &again, &e), e);
	ck_assert_str_eq(info.diff_id.text, again.diff_id.text);
}
END_TEST

/* Files are put like links: in the place of what is there, their directories made, before the last members. */
START_TEST(test_files)
{
	static const char *const exclude[] = {"etc/*", "var"};
	static const struct flatten_link links[] = {{"etc/a", "b"}};
	static const struct flatten_extra files[] = {
		{"/etc/hosts", "new", 3, 0644}, {"opt/run", "x", 1, 0755}, {"h", "", 0, 0644}};
	static const struct flatten_extra last[] = {{"z", "{}", 2, 0644}};
	static const struct flatten_opts o = {.exclude = exclude,
					      .nexclude = 2,
					      .links = links,
					      .nlinks = 1,
					      .files = files,
					      .nfiles = 3,
					      .last = last,
					      .nlast = 1,
					      .flat_names = true};
	static const struct flatten_extra below[] = {{"etc/a/x", "", 0, 0644}};
	struct flatten_opts bad = {.links = links, .nlinks = 1, .files = below, .nfiles = 1};
	UNIT_DIR(d);
	AUTO_BUF struct buf names = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info;
	struct err e = ERR_INIT;

	make_tree(d.fd);
	unit_ok(flatten(d.fd, &o, &names, &info, &e), e);
	ck_assert_str_eq(buf_str(&names), "dev/ 11\n"
					  "dev/x 5\n"
					  "etc/ 11\n"
					  "home/ 11\n"
					  "home/dev/ 11\n"
					  "home/dev/x 6\n"
					  "link 10\n"
					  "etc/a -> b 11\n"
					  "etc/hosts 11\n"
					  "opt/ 11\n"
					  "opt/run 11\n"
					  "h 11\n"
					  "z 11\n");
	ck_assert_int_eq(flatten(d.fd, &bad, &names, &info, &e), -1);
	unit_failed(e, ERR_INPUT, "below the other");
}
END_TEST

START_TEST(test_plain)
{
	static const struct flatten_opts o = {.flat_names = true};
	UNIT_DIR(d);
	AUTO_BUF struct buf names = BUF_INIT(BUF_TEXT_MAX);
	struct layer_info info;
	struct err e = ERR_INIT;

	tar_util_file(d.fd, "b", "", 0644, 1);
	tar_util_file(d.fd, "a", "", 0644, 1);
	ck_assert_int_eq(mknodat(d.fd, "c", S_IFCHR | 0600, makedev(0, 0)), 0);
	tar_util_set_time(d.fd, "c", 1);
	unit_ok(flatten(d.fd, &o, &names, &info, &e), e);
	ck_assert_str_eq(buf_str(&names), "a 1\nb 1\nc 1\n");
}
END_TEST

START_TEST(test_bad_links)
{
	static const struct {
		struct flatten_link links[2];
		size_t n;
		const char *text;
	} table[] = {
		{{{"/", "x"}}, 1, "root cannot"},
		{{{"..", "x"}}, 1, "root cannot"},
		{{{"a", "x"}, {"a/b", "y"}}, 2, "below the other"},
		{{{"a", "x"}, {"/a/", "y"}}, 2, "below the other"},
		{{{"h/x", "y"}}, 1, "h"},
		{{{"etc/hosts/x", "y"}}, 1, "etc/hosts is no directory"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		UNIT_DIR(d);
		struct flatten_opts o = {.links = table[i].links, .nlinks = table[i].n};
		AUTO_BUF struct buf names = BUF_INIT(BUF_TEXT_MAX);
		struct layer_info info;
		struct err e = ERR_INIT;

		make_tree(d.fd);
		ck_assert_msg(flatten(d.fd, &o, &names, &info, &e) == -1, "row %zu", i);
		unit_failed(e, ERR_INPUT, table[i].text);
	}
}
END_TEST

/* Layers that overlayfs merges: what was unpacked as a changeset hides what it should. */
START_TEST(test_overlay)
{
	static const struct tar_member lower[] = {{.name = "a", .data = "1"},
						  {.name = "d/old", .data = "1"},
						  {.name = "gone", .data = "1"}},
				       upper[] = {{.name = ".wh.gone"},
						  {.name = "d/.wh..wh..opq"},
						  {.name = "d/new", .data = "2"},
						  {.name = "e", .type = '1', .link = "d/new"}};
	static const struct flatten_opts o = {.flat_names = true};
	UNIT_DIR(d);
	AUTO_CLOSE int one = -1, two = -1, merged = -1;
	AUTO_BUF struct buf a = BUF_INIT(BUF_TEXT_MAX), b = BUF_INIT(BUF_TEXT_MAX), names = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *options = mem_printf("lowerdir=%s/two:%s/one,userxattr", d.path, d.path);
	AUTO_FREE char *at = mem_printf("%s/merged", d.path);
	struct layer_info info;
	struct err e = ERR_INIT;

	one = tar_util_subdir(d.fd, "one");
	two = tar_util_subdir(d.fd, "two");
	close(tar_util_subdir(d.fd, "merged"));
	for (size_t i = 0; i < ARRAY_LEN(lower); i++)
		tar_util_add(&a, &lower[i]);
	for (size_t i = 0; i < ARRAY_LEN(upper); i++)
		tar_util_add(&b, &upper[i]);
	unit_ok(tar_util_apply(&a, one, NULL, &info, &e), e);
	unit_ok(tar_util_apply(&b, two, NULL, &info, &e), e);
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_msg(mount("overlay", at, "overlay", 0, options) == 0, "%m");
	merged = open(at, O_RDONLY | O_DIRECTORY);
	unit_ok(flatten(merged, &o, &names, &info, &e), e);
	close(merged);
	merged = -1;
	ck_assert_int_eq(umount(at), 0);
	ck_assert_str_eq(buf_str(&names), "a 0\nd/ 0\nd/new 0\ne -> d/new 0\n");
}
END_TEST

UNIT_MAIN("flatten", test_export, test_files, test_plain, test_bad_links, test_overlay)
