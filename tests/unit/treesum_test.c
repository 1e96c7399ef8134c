/* Tree digests: what changes them, and what does not. */
#include "src/plan/treesum.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "tests/unit/source_util.h"

#define OLD    1000000000 /* an mtime older than ORIGIN */
#define ORIGIN 1100000000

static void make(const struct unit_dir *d)
{
	cache_util_file(d, "c/a", "aaa");
	cache_util_file(d, "c/dir/b", "bbb");
	cache_util_link(d, "dir", "c/link");
}

static struct digest sum_of(const struct unit_dir *d, const char *patterns)
{
	AUTO_STORE struct store *store = cache_util_store(d);
	AUTO_SOURCE struct source_set s;
	AUTO_SOURCE_LIST struct source_list l = {0};
	AUTO_STRV struct strv list = {0};
	struct statidx *x = statidx_open(store, d->path);
	struct err e = ERR_INIT;
	struct digest sum;

	source_util_context(&s, d, "c");
	source_util_words(&list, patterns);
	unit_ok(source_select(&s, &(struct source_query){.patterns = &list}, &l, &e), e);
	unit_ok(treesum_of_context(&s, &l, x, &sum, NULL, &e), e);
	statidx_save(x);
	statidx_free(x);
	return sum;
}

static void set_time(const struct unit_dir *d, const char *path, time_t t)
{
	struct timespec times[2] = {{.tv_sec = t}, {.tv_sec = t}};

	ck_assert_int_eq(utimensat(d->fd, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* Each changes one thing. */
static void new_content(const struct unit_dir *d)
{
	cache_util_file(d, "c/dir/b", "bbc");
}

static void new_time(const struct unit_dir *d)
{
	set_time(d, "c/dir/b", OLD);
	set_time(d, "c/dir", OLD);
}

static void new_mode(const struct unit_dir *d)
{
	ck_assert_int_eq(fchmodat(d->fd, "c/dir/b", 0755, 0), 0);
}

static void new_dir_mode(const struct unit_dir *d)
{
	ck_assert_int_eq(fchmodat(d->fd, "c/dir", 01755, 0), 0);
}

static void new_target(const struct unit_dir *d)
{
	ck_assert_int_eq(unlinkat(d->fd, "c/link", 0), 0);
	cache_util_link(d, "dir/", "c/link");
}

static void new_name(const struct unit_dir *d)
{
	ck_assert_int_eq(renameat(d->fd, "c/dir/b", d->fd, "c/dir/B"), 0);
}

static void new_type(const struct unit_dir *d)
{
	ck_assert_int_eq(unlinkat(d->fd, "c/dir/b", 0), 0);
	ck_assert_int_eq(mkdirat(d->fd, "c/dir/b", 0644), 0);
}

static void new_file(const struct unit_dir *d)
{
	cache_util_file(d, "c/dir/empty", "");
}

static void new_empty_dir(const struct unit_dir *d)
{
	ck_assert_int_eq(mkdirat(d->fd, "c/zdir", 0755), 0);
}

static void new_socket(const struct unit_dir *d)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof a.sun_path, "%s/c/sock", d->path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
}

static void new_owner(const struct unit_dir *d)
{
	ck_assert_int_eq(fchownat(d->fd, "c/a", 1, 2, 0), 0);
}

static void other_inode(const struct unit_dir *d)
{
	ck_assert_int_eq(renameat(d->fd, "c/a", d->fd, "was-a"), 0);
	cache_util_file(d, "c/a", "aaa");
}

static void new_xattr(const struct unit_dir *d)
{
	AUTO_CLOSE int fd = openat(d->fd, "c/a", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(fsetxattr(fd, "user.note", "v", 1, 0), 0);
}

static void new_dir_xattr(const struct unit_dir *d)
{
	AUTO_CLOSE int fd = openat(d->fd, "c/dir", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(fsetxattr(fd, "user.note", "v", 1, 0), 0);
}

START_TEST(of_a_context)
{
	static const struct {
		const char *what;
		void (*change)(const struct unit_dir *d);
		bool differs, needs_root;
	} rows[] = {
		{"content", new_content, true, false},
		{"time", new_time, false, false},
		{"mode", new_mode, true, false},
		{"mode of a directory", new_dir_mode, true, false},
		{"link target", new_target, true, false},
		{"name", new_name, true, false},
		{"type", new_type, true, false},
		{"new file", new_file, true, false},
		{"new directory", new_empty_dir, true, false},
		{"socket", new_socket, false, false},
		{"owner", new_owner, false, true},
		{"inode", other_inode, false, false},
		{"attribute", new_xattr, true, false},
		{"attribute of a directory", new_dir_xattr, true, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		UNIT_DIR(d);
		struct digest before, after;

		if (rows[i].needs_root && geteuid() != 0)
			continue;
		make(&d);
		before = sum_of(&d, ".");
		rows[i].change(&d);
		after = sum_of(&d, ".");
		ck_assert_msg(digest_eq(&before, &after) != rows[i].differs, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(same_elsewhere)
{
	UNIT_DIR(one);
	UNIT_DIR(two);
	struct digest a, b;

	make(&one);
	make(&two);
	a = sum_of(&one, ".");
	b = sum_of(&two, ".");
	ck_assert_str_eq(a.text, b.text);
	/* The form is part of every key: a change of it needs a new CKEY_FORMAT_VERSION. */
	ck_assert_str_eq(a.text, "sha256:7e4cbe70873a76bbb5060fa876091a8ef3692a7c36265b51f8c2ed7e2015a2cb");
}
END_TEST

/* The selection counts as it was named: which match, in which order. */
START_TEST(of_the_selection)
{
	static const char *const selections[] = {".",	  "a dir",   "dir a",	   "a", "dir",
						 "dir/b", "dir dir", "a dir link", "*"};
	struct digest sums[ARRAY_LEN(selections)];
	UNIT_DIR(d);

	make(&d);
	for (size_t i = 0; i < ARRAY_LEN(selections); i++) {
		sums[i] = sum_of(&d, selections[i]);
		for (size_t k = 0; k < i; k++) {
			bool same = strcmp(selections[i], "*") == 0 && strcmp(selections[k], "a dir link") == 0;

			ck_assert_msg(digest_eq(&sums[i], &sums[k]) == same, "%s and %s", selections[i], selections[k]);
		}
	}
}
END_TEST

/* Hard links are kept by a copy, so they count; a second name outside of the selection does not. */
START_TEST(hard_links)
{
	UNIT_DIR(d);
	struct digest copies, links, first;

	cache_util_file(&d, "c/x", "same");
	cache_util_file(&d, "c/y", "same");
	copies = sum_of(&d, ".");
	first = sum_of(&d, "x");
	ck_assert_int_eq(unlinkat(d.fd, "c/y", 0), 0);
	ck_assert_int_eq(linkat(d.fd, "c/x", d.fd, "c/y", 0), 0);
	links = sum_of(&d, ".");
	ck_assert(!digest_eq(&copies, &links));
	links = sum_of(&d, "x");
	ck_assert(digest_eq(&first, &links));
}
END_TEST

/* --- of a root --- */

static struct digest root_sum(const struct unit_dir *d)
{
	AUTO_SOURCE struct source_set s;
	AUTO_SOURCE_LIST struct source_list l = {0};
	AUTO_STRV struct strv list = {0};
	AUTO_CLOSE int root = openat(d->fd, "c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct treesum *t = treesum_new(true, ORIGIN);
	struct err e = ERR_INIT;
	struct digest sum;

	source_init(&s);
	source_of_root(&s, root, NULL);
	strv_add(&list, "/");
	unit_ok(source_select(&s, &(struct source_query){.patterns = &list}, &l, &e), e);
	treesum_match(t, &l.matches.v[0]);
	for (size_t i = 0; i < l.matches.v[0].entries.n; i++) {
		const struct source_entry *en = &l.matches.v[0].entries.v[i];
		struct source_xattrs x = {0};

		unit_ok(source_xattrs_get(&s, en, &x, &e), e);
		treesum_entry(t, en, &x, NULL);
		source_xattrs_release(&x);
	}
	treesum_end(t, &sum);
	return sum;
}

START_TEST(of_a_root)
{
	UNIT_DIR(d);
	struct digest before, after;

	make(&d);
	before = root_sum(&d);
	/* later than the origin: one marker, whatever the time */
	set_time(&d, "c/a", ORIGIN + 1);
	after = root_sum(&d);
	ck_assert(digest_eq(&before, &after));
	set_time(&d, "c/a", ORIGIN);
	before = root_sum(&d);
	ck_assert(!digest_eq(&before, &after));
	set_time(&d, "c/a", OLD);
	after = root_sum(&d);
	ck_assert(!digest_eq(&before, &after));
	if (fsetxattr(d.fd, "user.probe", "", 0, 0) == 0) {
		AUTO_FREE char *path = mem_printf("%s/c/a", d.path);

		ck_assert_int_eq(setxattr(path, "user.note", "x", 1, 0), 0);
		before = root_sum(&d);
		ck_assert(!digest_eq(&before, &after));
		AUTO_FREE char *own = mem_printf("%u:%u", geteuid(), getegid());

		/* a record is the owner: what is on disk stands in for it */
		ck_assert_int_eq(setxattr(path, "user.slct.o", own, strlen(own), 0), 0);
		after = root_sum(&d);
		ck_assert(digest_eq(&before, &after));
		ck_assert_int_eq(setxattr(path, "user.slct.o", "123:124", 7, 0), 0);
		after = root_sum(&d);
		ck_assert(!digest_eq(&before, &after));
		ck_assert_int_eq(removexattr(path, "user.slct.o"), 0);
	}
	if (geteuid() == 0) {
		before = root_sum(&d);
		ck_assert_int_eq(fchownat(d.fd, "c/a", 0, 7, 0), 0);
		set_time(&d, "c/a", OLD);
		after = root_sum(&d);
		ck_assert(!digest_eq(&before, &after));
	}
}
END_TEST

UNIT_MAIN("treesum", of_a_context, same_elsewhere, of_the_selection, hard_links, of_a_root)
