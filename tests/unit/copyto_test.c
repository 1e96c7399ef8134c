/* COPY's writing: plain directories as contexts, roots and destinations. */
#include "src/build/copyto.h"

#include <sys/xattr.h>

#include "tests/unit/source_util.h"

#define ORIGIN	1100000000
#define LOGICAL 1200000000
#define OLD	1000000000

/* One copy from d/src to d/dst. */
struct copying {
	bool from_root;
	const char *sources, *dest;
	uint32_t uid, gid; /* 0: the source's */
	const char *mode;
	bool real_times;
	struct digest *sum;
};

#define FROM_CONTEXT(...) (&(struct copying){__VA_ARGS__})
#define FROM_ROOT(...)	  FROM_CONTEXT(.from_root = true, __VA_ARGS__)

static uint32_t or_keep(uint32_t v)
{
	return v ? v : COPYTO_KEEP;
}

static int run(const struct unit_dir *d, const struct copying *x, struct err *e)
{
	AUTO_SOURCE struct source_set s;
	AUTO_SOURCE_LIST struct source_list l = {0};
	AUTO_STRV struct strv list = {0};
	AUTO_CLOSE int src = openat(d->fd, "src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int dst = openat(d->fd, "dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dmode mode;
	int rc;

	umask(0);
	if (x->mode)
		unit_ok(dmode_parse(x->mode, &mode, e), *e);
	source_util_context(&s, d, "src");
	if (x->from_root)
		source_of_root(&s, src, NULL);
	source_util_words(&list, x->sources);
	if (source_select(&s, &(struct source_query){.patterns = &list}, &l, e) < 0)
		return -1;
	struct copyto c = {.rootfd = dst,
			   .src = &s,
			   .list = &l,
			   .dest = x->dest,
			   .uid = or_keep(x->uid),
			   .gid = or_keep(x->gid),
			   .mode = x->mode ? &mode : NULL,
			   .from_root = x->from_root,
			   .real_times = x->real_times,
			   .origin = ORIGIN,
			   .logical = LOGICAL,
			   .sum = x->sum ? treesum_new(false, 0) : NULL};

	rc = copyto_run(&c, e);
	if (x->sum)
		treesum_end(c.sum, x->sum);
	return rc;
}

static void copies(const struct unit_dir *d, const struct copying *x)
{
	struct err e = ERR_INIT;

	unit_ok(run(d, x, &e), e);
}

static void refuses(const struct unit_dir *d, const struct copying *x, const char *text)
{
	struct err e = ERR_INIT;

	ck_assert_msg(run(d, x, &e) < 0, "%s to %s", x->sources, x->dest);
	ck_assert_msg(e.hint != NULL, "no hint: %s", e.msg);
	unit_failed(e, ERR_INPUT, text);
}

static struct unit_dir begin(void)
{
	struct unit_dir d = unit_dir_make();

	ck_assert_int_eq(mkdirat(d.fd, "src", 0755), 0);
	ck_assert_int_eq(mkdirat(d.fd, "dst", 0755), 0);
	return d;
}
#define COPY_DIR(name) struct unit_dir name __attribute__((cleanup(unit_dir_release))) = begin()

static void is_file(const struct unit_dir *d, const char *path, const char *want)
{
	AUTO_FREE char *full = mem_printf("dst/%s", path);
	AUTO_FREE char *have = cache_util_read(d, full);

	ck_assert_str_eq(have, want);
}

static struct stat at(const struct unit_dir *d, const char *path)
{
	struct stat st;

	ck_assert_msg(fstatat(d->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s", path);
	return st;
}

static void has(const struct unit_dir *d, const char *path, mode_t mode, uid_t uid, gid_t gid, time_t mtime)
{
	struct stat st = at(d, path);

	ck_assert_msg((st.st_mode & 07777) == mode, "%s: mode %o", path, st.st_mode);
	ck_assert_msg(st.st_uid == uid && st.st_gid == gid, "%s: owner %u:%u", path, st.st_uid, st.st_gid);
	ck_assert_msg(st.st_mtim.tv_sec == mtime && st.st_mtim.tv_nsec == 0, "%s: time %ld", path,
		      (long)st.st_mtim.tv_sec);
}

static void set_time(const struct unit_dir *d, const char *path, time_t t, long nsec)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = t, .tv_nsec = nsec}};

	ck_assert_int_eq(utimensat(d->fd, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* --- places --- */

START_TEST(a_file)
{
	static const struct {
		const char *dest, *at;
	} rows[] = {
		{"/b", "b"},
		{"/new/dir/b", "new/dir/b"},
		{"/there", "there/a"},
		{"/there/", "there/a"},
		{"/fresh/", "fresh/a"},
		{"/", "a"},
		{"/to-there", "there/a"},
		{"/to-there/x/", "there/x/a"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		COPY_DIR(d);

		cache_util_file(&d, "src/a", "text");
		cache_util_file(&d, "dst/there/other", "kept");
		cache_util_link(&d, "/there", "dst/to-there");
		copies(&d, FROM_CONTEXT(.sources = "a", .dest = rows[i].dest));
		is_file(&d, rows[i].at, "text");
		is_file(&d, "there/other", "kept");
	}
}
END_TEST

START_TEST(several_files)
{
	COPY_DIR(d);

	cache_util_file(&d, "src/a", "1");
	cache_util_file(&d, "src/sub/b", "2");
	cache_util_file(&d, "src/dir/c/d", "3");
	copies(&d, FROM_CONTEXT(.sources = "a sub/b dir", .dest = "/to/"));
	is_file(&d, "to/a", "1");
	is_file(&d, "to/b", "2");
	/* a directory's content is copied, not the directory */
	is_file(&d, "to/c/d", "3");
}
END_TEST

START_TEST(a_directory_into_a_tree)
{
	COPY_DIR(d);

	cache_util_file(&d, "src/t/a", "new a");
	cache_util_file(&d, "src/t/sub/b", "new b");
	cache_util_link(&d, "sub/b", "src/t/link");
	cache_util_file(&d, "dst/to/a", "old a");
	cache_util_file(&d, "dst/to/sub/c", "old c");
	cache_util_file(&d, "dst/to/link", "was a file");
	ck_assert_int_eq(fchmodat(d.fd, "dst/to", 0700, 0), 0);
	ck_assert_int_eq(fchmodat(d.fd, "src/t/sub", 0711, 0), 0);
	copies(&d, FROM_CONTEXT(.sources = "t", .dest = "/to"));
	is_file(&d, "to/a", "new a");
	is_file(&d, "to/sub/b", "new b");
	is_file(&d, "to/sub/c", "old c");
	ck_assert(S_ISLNK(at(&d, "dst/to/link").st_mode));
	/* the destination itself stays as it was; directories below it become the source's */
	ck_assert_uint_eq(at(&d, "dst/to").st_mode & 07777, 0700);
	ck_assert_uint_eq(at(&d, "dst/to/sub").st_mode & 07777, 0711);
}
END_TEST

START_TEST(a_link_at_the_destination_is_replaced)
{
	COPY_DIR(d);

	cache_util_file(&d, "src/a", "new");
	cache_util_file(&d, "dst/target", "old");
	cache_util_link(&d, "/etc/passwd", "dst/link");
	cache_util_link(&d, "target", "dst/dir/a");
	copies(&d, FROM_CONTEXT(.sources = "a", .dest = "/link"));
	is_file(&d, "link", "new");
	ck_assert(S_ISREG(at(&d, "dst/link").st_mode));
	copies(&d, FROM_CONTEXT(.sources = "a", .dest = "/dir/"));
	is_file(&d, "dir/a", "new");
	is_file(&d, "target", "old");
}
END_TEST

/* Links on the way are followed inside the root. */
START_TEST(stays_inside)
{
	COPY_DIR(d);
	AUTO_FREE char *outside = mem_printf("%s/outside", d.path);

	cache_util_file(&d, "src/a", "text");
	ck_assert_int_eq(mkdirat(d.fd, "outside", 0755), 0);
	cache_util_link(&d, outside, "dst/abs");
	cache_util_link(&d, "../../../outside", "dst/dir/up");
	copies(&d, FROM_CONTEXT(.sources = "a", .dest = "/abs/"));
	copies(&d, FROM_CONTEXT(.sources = "a", .dest = "/dir/up/"));
	ck_assert_int_lt(faccessat(d.fd, "outside/a", F_OK, 0), 0);
	is_file(&d, "outside/a", "text");
}
END_TEST

START_TEST(conflicts)
{
	COPY_DIR(d);

	cache_util_file(&d, "src/t/x", "file");
	cache_util_file(&d, "src/u/x/y", "file in a directory");
	cache_util_file(&d, "dst/to/x/keep", "kept");
	cache_util_file(&d, "dst/file", "kept");
	refuses(&d, FROM_CONTEXT(.sources = "t", .dest = "/to"), "cannot copy a file over the directory x");
	copies(&d, FROM_CONTEXT(.sources = "t", .dest = "/two"));
	refuses(&d, FROM_CONTEXT(.sources = "u", .dest = "/two"), "cannot copy a directory over x");
	is_file(&d, "to/x/keep", "kept");
	is_file(&d, "two/x", "file");
}
END_TEST

/* A destination below a file, or a tree over one: the error is the input's. */
START_TEST(no_directory_on_the_way)
{
	static const char *const rows[][2] = {{"t", "/file"}, {"t/x", "/file/"}, {"t/x", "/file/below/x"}};
	COPY_DIR(d);

	cache_util_file(&d, "src/t/x", "file");
	cache_util_file(&d, "dst/file", "kept");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_INIT;

		ck_assert_int_lt(run(&d, FROM_CONTEXT(.sources = rows[i][0], .dest = rows[i][1]), &e), 0);
		unit_failed(e, ERR_INPUT, "file");
		is_file(&d, "file", "kept");
	}
}
END_TEST

/* --- metadata --- */

START_TEST(of_a_context)
{
	COPY_DIR(d);

	cache_util_file(&d, "src/t/a", "text");
	cache_util_link(&d, "a", "src/t/l");
	ck_assert_int_eq(fchmodat(d.fd, "src/t/a", 04751, 0), 0);
	ck_assert_int_eq(mkdirat(d.fd, "src/t/sub", 0755), 0);
	ck_assert_int_eq(fchmodat(d.fd, "src/t/sub", 01770, 0), 0);
	ck_assert_int_eq(fchownat(d.fd, "src/t/a", 12, 34, 0), 0);
	ck_assert_int_eq(fchmodat(d.fd, "src/t/a", 04751, 0), 0);
	set_time(&d, "src/t/a", OLD, 0);
	copies(&d, FROM_CONTEXT(.sources = "t", .dest = "/up/to"));
	has(&d, "dst/up/to/a", 04751, 0, 0, LOGICAL);
	has(&d, "dst/up/to/l", 0777, 0, 0, LOGICAL);
	/* what is named is a directory: only its content has the source's metadata */
	ck_assert_uint_eq(at(&d, "dst/up/to").st_mode & 07777, 0755);
	has(&d, "dst/up/to/sub", 01770, 0, 0, LOGICAL);
	copies(&d, FROM_CONTEXT(.sources = "t", .dest = "/own", .uid = 7, .gid = 8, .mode = "0640"));
	has(&d, "dst/own/a", 0640, 7, 8, LOGICAL);
	has(&d, "dst/own/l", 0777, 7, 8, LOGICAL);
	has(&d, "dst/own/sub", 0640, 7, 8, LOGICAL);
	ck_assert_uint_eq(at(&d, "dst/own").st_uid, 7);
	copies(&d, FROM_CONTEXT(.sources = "t/a", .dest = "/new/dir/a", .uid = 7, .gid = 8));
	ck_assert_uint_eq(at(&d, "dst/new/dir").st_uid, 7);
	ck_assert_uint_eq(at(&d, "dst/new").st_gid, 8);
}
END_TEST

START_TEST(of_a_root)
{
	COPY_DIR(d);

	cache_util_file(&d, "src/t/old", "text");
	cache_util_file(&d, "src/t/late", "text");
	ck_assert_int_eq(fchownat(d.fd, "src/t/old", 12, 34, 0), 0);
	ck_assert_int_eq(mkdirat(d.fd, "src/t/sub", 0755), 0);
	ck_assert_int_eq(fchownat(d.fd, "src/t/sub", 56, 78, 0), 0);
	set_time(&d, "src/t/old", ORIGIN, 7);
	set_time(&d, "src/t/late", ORIGIN + 1, 0);
	set_time(&d, "src/t/sub", OLD, 0);
	copies(&d, FROM_ROOT(.sources = "/t", .dest = "/to"));
	has(&d, "dst/to/old", 0644, 12, 34, ORIGIN);
	has(&d, "dst/to/late", 0644, 0, 0, LOGICAL);
	has(&d, "dst/to/sub", 0755, 56, 78, OLD);
	copies(&d, FROM_ROOT(.sources = "/t", .dest = "/real", .real_times = true));
	has(&d, "dst/real/late", 0644, 0, 0, ORIGIN + 1);
	copies(&d, FROM_ROOT(.sources = "/t", .dest = "/own", .uid = 1, .gid = 2));
	has(&d, "dst/own/old", 0644, 1, 2, ORIGIN);
	/* all of a root */
	copies(&d, FROM_ROOT(.sources = "/", .dest = "/all/"));
	is_file(&d, "all/t/old", "text");
}
END_TEST

START_TEST(directories_without_write_permission)
{
	COPY_DIR(d);

	cache_util_file(&d, "src/t/ro/x", "text");
	ck_assert_int_eq(fchmodat(d.fd, "src/t/ro", 0555, 0), 0);
	set_time(&d, "src/t/ro", OLD, 0);
	copies(&d, FROM_ROOT(.sources = "/t", .dest = "/to"));
	has(&d, "dst/to/ro", 0555, 0, 0, OLD);
	is_file(&d, "to/ro/x", "text");
}
END_TEST

START_TEST(special_files)
{
	COPY_DIR(d);

	ck_assert_int_eq(mkdirat(d.fd, "src/t", 0755), 0);
	ck_assert_int_eq(mknodat(d.fd, "src/t/fifo", S_IFIFO | 0600, 0), 0);
	ck_assert_int_eq(mknodat(d.fd, "src/t/sock", S_IFSOCK | 0600, 0), 0);
	copies(&d, FROM_ROOT(.sources = "/t", .dest = "/to"));
	ck_assert(S_ISFIFO(at(&d, "dst/to/fifo").st_mode));
	ck_assert_uint_eq(at(&d, "dst/to/fifo").st_mode & 07777, 0600);
	ck_assert_int_lt(faccessat(d.fd, "dst/to/sock", F_OK, AT_SYMLINK_NOFOLLOW), 0);
}
END_TEST

START_TEST(hard_links)
{
	for (int from_root = 0; from_root < 2; from_root++) {
		COPY_DIR(d);

		cache_util_file(&d, "src/t/a", "text");
		ck_assert_int_eq(mkdirat(d.fd, "src/t/sub", 0755), 0);
		ck_assert_int_eq(linkat(d.fd, "src/t/a", d.fd, "src/t/sub/b", 0), 0);
		cache_util_file(&d, "src/t/c", "text");
		cache_util_file(&d, "dst/to/sub/b", "replaced");
		copies(&d, FROM_CONTEXT(.from_root = from_root, .sources = "t", .dest = "/to"));
		ck_assert_uint_eq(at(&d, "dst/to/a").st_ino, at(&d, "dst/to/sub/b").st_ino);
		ck_assert_uint_ne(at(&d, "dst/to/a").st_ino, at(&d, "src/t/a").st_ino);
		ck_assert_uint_eq(at(&d, "dst/to/a").st_nlink, 2);
		ck_assert_uint_eq(at(&d, "dst/to/c").st_nlink, 1);
		is_file(&d, "to/sub/b", "text");
	}
}
END_TEST

static bool has_xattr(const struct unit_dir *d, const char *path, const char *name)
{
	AUTO_FREE char *full = mem_printf("%s/%s", d->path, path);
	char value[16];

	return lgetxattr(full, name, value, sizeof value) == 1 && value[0] == 'v';
}

START_TEST(extended_attributes)
{
	COPY_DIR(d);
	AUTO_FREE char *file = mem_printf("%s/src/t/a", d.path), *dir = mem_printf("%s/src/t/sub", d.path);

	cache_util_file(&d, "src/t/a", "text");
	ck_assert_int_eq(mkdirat(d.fd, "src/t/sub", 0755), 0);
	if (setxattr(file, "user.note", "v", 1, 0) < 0 || setxattr(dir, "user.dir", "v", 1, 0) < 0 ||
	    setxattr(file, "user.overlay.x", "v", 1, 0) < 0 || setxattr(file, "user.slct.o", "1:1", 3, 0) < 0)
		return; /* this file system has none */
	copies(&d, FROM_ROOT(.sources = "/t", .dest = "/to"));
	ck_assert(has_xattr(&d, "dst/to/a", "user.note"));
	ck_assert(has_xattr(&d, "dst/to/sub", "user.dir"));
	ck_assert(!has_xattr(&d, "dst/to/a", "user.overlay.x"));
	ck_assert(!has_xattr(&d, "dst/to/a", "user.slct.o"));
	copies(&d, FROM_CONTEXT(.sources = "t", .dest = "/ctx"));
	ck_assert(has_xattr(&d, "dst/ctx/a", "user.note"));
	ck_assert(has_xattr(&d, "dst/ctx/sub", "user.dir"));
}
END_TEST

/* What is there already keeps its inode, so that it does not enter the layer. */
START_TEST(identical_files_are_left_out)
{
	COPY_DIR(d);
	ino_t ino[4];
	static const char *const names[] = {"same", "text", "mode", "link"};

	for (size_t i = 0; i < 3; i++) {
		AUTO_FREE char *path = mem_printf("src/t/%s", names[i]);

		cache_util_file(&d, path, "aaaa");
		set_time(&d, path, OLD, 0);
	}
	cache_util_link(&d, "same", "src/t/link");
	set_time(&d, "src/t/link", OLD, 0);
	copies(&d, FROM_ROOT(.sources = "/t", .dest = "/to"));
	for (size_t i = 0; i < 4; i++) {
		AUTO_FREE char *path = mem_printf("dst/to/%s", names[i]);

		ino[i] = at(&d, path).st_ino;
	}
	cache_util_file(&d, "src/t/text", "aaab");
	set_time(&d, "src/t/text", OLD, 0);
	ck_assert_int_eq(fchmodat(d.fd, "src/t/mode", 0600, 0), 0);
	/* A descriptor keeps the old inodes from being given anew. */
	AUTO_CLOSE int text = openat(d.fd, "dst/to/text", O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int mode = openat(d.fd, "dst/to/mode", O_RDONLY | O_CLOEXEC);

	ck_assert(text >= 0 && mode >= 0);
	copies(&d, FROM_ROOT(.sources = "/t", .dest = "/to"));
	ck_assert_uint_eq(at(&d, "dst/to/same").st_ino, ino[0]);
	ck_assert_uint_ne(at(&d, "dst/to/text").st_ino, ino[1]);
	ck_assert_uint_ne(at(&d, "dst/to/mode").st_ino, ino[2]);
	ck_assert_uint_eq(at(&d, "dst/to/link").st_ino, ino[3]);
	is_file(&d, "to/text", "aaab");
	has(&d, "dst/to/mode", 0600, 0, 0, OLD);
}
END_TEST

/* The sum of what was copied is the scan's digest of it. */
START_TEST(sum_is_the_scans)
{
	static const char *const selections[] = {"t", "t/a", "t/a t/sub", "t/*"};
	COPY_DIR(d);
	AUTO_STORE struct store *store = cache_util_store(&d);

	cache_util_file(&d, "src/t/a", "text");
	cache_util_file(&d, "src/t/sub/b", "more");
	cache_util_link(&d, "a", "src/t/l");
	ck_assert_int_eq(linkat(d.fd, "src/t/a", d.fd, "src/t/sub/hard", 0), 0);
	ck_assert_int_eq(mknodat(d.fd, "src/t/sock", S_IFSOCK | 0600, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(selections); i++) {
		AUTO_SOURCE struct source_set s;
		AUTO_SOURCE_LIST struct source_list l = {0};
		AUTO_STRV struct strv list = {0};
		struct statidx *x = statidx_open(store, "x");
		struct digest scanned, copied;
		struct err e = ERR_INIT;

		source_util_context(&s, &d, "src");
		source_util_words(&list, selections[i]);
		unit_ok(source_select(&s, &(struct source_query){.patterns = &list}, &l, &e), e);
		unit_ok(treesum_of_context(&s, &l, x, &scanned, NULL, &e), e);
		statidx_free(x);
		copies(&d, FROM_CONTEXT(.sources = selections[i], .dest = "/to/", .sum = &copied));
		ck_assert_str_eq(scanned.text, copied.text);
	}
}
END_TEST

/* --- ADD --- */

static int take_tars(void *arg, const struct source_entry *en, const char *dest, struct err *e)
{
	struct strv *seen = arg;

	strv_printf(seen, "%s>%s", en->open_path, dest);
	if (strstr(en->open_path, "bad"))
		return err_set(e, ERR_INPUT, "a bad archive");
	return strstr(en->open_path, "tar") != NULL;
}

START_TEST(archives)
{
	COPY_DIR(d);
	AUTO_SOURCE struct source_set s;
	AUTO_STRV struct strv list = {0}, seen = {0};
	AUTO_SOURCE_LIST struct source_list l = {0};
	AUTO_CLOSE int dst = openat(d.fd, "dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	cache_util_file(&d, "src/x.tar", "archive");
	cache_util_file(&d, "src/plain", "text");
	cache_util_file(&d, "src/t/y.tar", "not named itself");
	cache_util_file(&d, "src/bad", "archive");
	source_util_context(&s, &d, "src");
	source_util_words(&list, "x.tar plain t");
	unit_ok(source_select(&s, &(struct source_query){.patterns = &list}, &l, &e), e);
	struct copyto c = {.rootfd = dst,
			   .src = &s,
			   .list = &l,
			   .dest = "/to/",
			   .uid = COPYTO_KEEP,
			   .gid = COPYTO_KEEP,
			   .unpack = take_tars,
			   .unpack_arg = &seen};

	unit_ok(copyto_run(&c, &e), e);
	AUTO_FREE char *calls = strv_join(&seen, " ");

	ck_assert_str_eq(calls, "x.tar>/to/ plain>/to/");
	is_file(&d, "to/plain", "text");
	is_file(&d, "to/y.tar", "not named itself");
	ck_assert_int_lt(faccessat(d.fd, "dst/to/x.tar", F_OK, 0), 0);
	source_list_release(&l);
	strv_add(&list, "bad");
	unit_ok(source_select(&s, &(struct source_query){.patterns = &list}, &l, &e), e);
	ck_assert_int_lt(copyto_run(&c, &e), 0);
	unit_failed(e, ERR_INPUT, "a bad archive");
}
END_TEST

static int run_as_root(const TTest *const *tests, size_t n)
{
	if (geteuid() != 0) {
		puts("copyto: skipped, it changes owners and must be root");
		return 0;
	}
	return unit_run("copyto", tests, n);
}

int main(void)
{
	const TTest *const tests[] = {a_file,
				      several_files,
				      a_directory_into_a_tree,
				      a_link_at_the_destination_is_replaced,
				      stays_inside,
				      conflicts,
				      no_directory_on_the_way,
				      of_a_context,
				      of_a_root,
				      directories_without_write_permission,
				      special_files,
				      hard_links,
				      extended_attributes,
				      identical_files_are_left_out,
				      sum_is_the_scans,
				      archives};

	return run_as_root(tests, ARRAY_LEN(tests));
}
