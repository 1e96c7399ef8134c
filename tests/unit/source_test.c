/* Selections of files from contexts, mapped contexts and root file systems. */
#include "tests/unit/source_util.h"

static void tree(const struct unit_dir *d)
{
	static const char *const files[] = {"c/a.txt",	 "c/b.txt",	  "c/dir/x",   "c/dir/sub/y.txt",
					    "c/dir-2/z", "c/other/a.txt", "c/we[i]rd", "outside/secret"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		cache_util_file(d, files[i], files[i]);
}

START_TEST(literal)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;

	tree(&d);
	source_util_context(&s, &d, "c");
	source_util_selects(&s, "a.txt", "a.txt[]");
	source_util_selects(&s, "/a.txt ./b.txt", "a.txt[] b.txt[]");
	source_util_selects(&s, "dir", "dir[/ sub/ sub/y.txt x]");
	source_util_selects(&s, "dir/ ../dir/sub", "dir[/ sub/ sub/y.txt x] dir/sub[/ y.txt]");
	source_util_selects(&s, "dir/../../../b.txt", "b.txt[]");
	source_util_selects(
		&s, ".", "[/ a.txt b.txt dir/ dir/sub/ dir/sub/y.txt dir/x dir-2/ dir-2/z other/ other/a.txt we[i]rd]");
}
END_TEST

START_TEST(wildcards)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;

	tree(&d);
	source_util_context(&s, &d, "c");
	source_util_selects(&s, "*.txt", "a.txt[] b.txt[]");
	source_util_selects(&s, "?.txt a*", "a.txt[] b.txt[] a.txt[]");
	source_util_selects(&s, "[b-z].txt", "b.txt[]");
	source_util_selects(&s, "dir*", "dir[/ sub/ sub/y.txt x] dir-2[/ z]");
	source_util_selects(&s, "*/a.txt", "other/a.txt[]");
	source_util_selects(&s, "dir/*", "dir/sub[/ y.txt] dir/x[]");
	source_util_selects(&s, "**/*.txt", "a.txt[] b.txt[] dir/sub/y.txt[] other/a.txt[]");
	source_util_selects(&s, "nothing*", "");
	source_util_selects(&s, "nowhere/*", "");
	/* Go's filepath.Match: a backslash makes the bracket literal. */
	source_util_selects(&s, "we\\[i]rd", "we[i]rd[]");
	source_util_refuses(&s, "a[", ERR_INPUT, "\"a[\" is not a valid pattern", NULL);
}
END_TEST

START_TEST(missing)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;

	tree(&d);
	source_util_context(&s, &d, "c");
	source_util_refuses(&s, "a.txt none", ERR_INPUT, "\"none\": no such file or directory in the build context",
			    "relative to the build context, /");
	source_util_refuses(&s, "a.txt/x", ERR_INPUT, "\"a.txt/x\": no such file", "relative to");
	source_util_refuses(&s, "A.txt", ERR_INPUT, "\"A.txt\": no such file", "did you mean a.txt?");
	source_util_refuses(&s, "dir/sub/y.tx", ERR_INPUT, "no such file", "did you mean dir/sub/y.txt?");
	source_util_refuses(&s, "../outside/secret", ERR_INPUT, "\"../outside/secret\": no such file",
			    "--build-context");
	source_util_refuses(&s, "dir/../../up", ERR_INPUT, "\"dir/../../up\": no such file", "--build-context");
	source_util_ignore(&s, "b.txt\ndir\n");
	source_util_refuses(&s, "b.txt", ERR_INPUT, "\"b.txt\": no such file", "\"!b.txt\"");
	source_util_refuses(&s, "dir/x", ERR_INPUT, "no such file", "ignore file leaves it out");
	source_util_refuses(&s, "dir", ERR_INPUT, "no such file", "ignore file leaves it out");
	source_util_refuses(&s, "none", ERR_INPUT, "no such file", "relative to");
}
END_TEST

START_TEST(ignored)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;

	tree(&d);
	source_util_context(&s, &d, "c");
	source_util_ignore(&s, "*.txt\ndir\n!dir/sub\n");
	source_util_selects(&s, ".", "[/ dir/ dir/sub/ dir/sub/y.txt dir-2/ dir-2/z other/ other/a.txt we[i]rd]");
	source_util_selects(&s, "dir", "dir[/ sub/ sub/y.txt]");
	source_util_selects(&s, "dir/*", "dir/sub[/ y.txt]");
	source_util_ignore(&s, "*\n!other/a.txt\n");
	source_util_selects(&s, ".", "[/ other/ other/a.txt]");
	source_util_selects(&s, "*", "other[/ a.txt]");
	source_util_ignore(&s, "**\n");
	source_util_selects(&s, ".", "[/]");
}
END_TEST

START_TEST(links_of_a_context)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;

	tree(&d);
	cache_util_link(&d, "dir/sub", "c/to-dir");
	cache_util_link(&d, "/a.txt", "c/to-file");
	cache_util_link(&d, "../outside/secret", "c/out");
	cache_util_link(&d, "/etc", "c/abs");
	cache_util_link(&d, "loop", "c/loop");
	source_util_context(&s, &d, "c");
	/* named: followed inside; below a directory: kept */
	source_util_selects(&s, "to-dir", "to-dir[/ y.txt]");
	source_util_selects(&s, "to-dir/y.txt to-file", "to-dir/y.txt[] to-file[]");
	source_util_selects(&s, "*-file", "to-file[]");
	source_util_selects(&s, ".",
			    "[/ a.txt abs@/etc b.txt dir/ dir/sub/ dir/sub/y.txt dir/x dir-2/ dir-2/z loop@loop other/ "
			    "other/a.txt out@../outside/secret to-dir@dir/sub to-file@/a.txt we[i]rd]");
	/* out of the context: its root is "/" */
	source_util_refuses(&s, "out", ERR_INPUT, "no such file", "relative to");
	source_util_refuses(&s, "abs/passwd", ERR_INPUT, "no such file", "relative to");
	source_util_refuses(&s, "loop", ERR_INPUT, "no such file", "relative to");
}
END_TEST

static char *content(const struct source_set *s, const char *pattern, size_t entry)
{
	AUTO_STRV struct strv list = {0};
	AUTO_SOURCE_LIST struct source_list l = {0};
	AUTO_BUF struct buf text = BUF_INIT(4096);
	struct err e = ERR_INIT;

	strv_add(&list, pattern);
	unit_ok(source_select(s, &(struct source_query){.patterns = &list}, &l, &e), e);
	ck_assert_uint_eq(l.matches.n, 1);
	ck_assert_uint_gt(l.matches.v[0].entries.n, entry);
	AUTO_CLOSE int fd = source_open(s, &l.matches.v[0].entries.v[entry], &e);

	unit_ok(fd, e);
	unit_ok(io_read_all(fd, &text, pattern, &e), e);
	return mem_strdup(buf_str(&text));
}

static void reads(const struct source_set *s, const char *pattern, size_t entry, const char *want)
{
	AUTO_FREE char *have = content(s, pattern, entry);

	ck_assert_str_eq(have, want);
}

START_TEST(opening)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;
	AUTO_STRV struct strv list = {0};
	AUTO_SOURCE_LIST struct source_list l = {0};
	struct err e = ERR_INIT;

	tree(&d);
	cache_util_link(&d, "dir/sub/y.txt", "c/link");
	source_util_context(&s, &d, "c");
	reads(&s, "a.txt", 0, "c/a.txt");
	reads(&s, "dir", 2, "c/dir/sub/y.txt");
	reads(&s, "link", 0, "c/dir/sub/y.txt");
	/* exchanged for a link after the walk */
	strv_add(&list, "dir");
	unit_ok(source_select(&s, &(struct source_query){.patterns = &list}, &l, &e), e);
	ck_assert_int_eq(renameat(d.fd, "c/dir/x", d.fd, "c/dir/was-x"), 0);
	cache_util_link(&d, "../a.txt", "c/dir/x");
	ck_assert_int_lt(source_open(&s, &l.matches.v[0].entries.v[3], &e), 0);
	unit_failed(e, ERR_INPUT, "exchanged");
}
END_TEST

static void map(struct source_set *s, const struct unit_dir *d, const char *dest, const char *path)
{
	AUTO_FREE char *full = path_join(d->path, path);

	source_add(s, dest, full);
}

START_TEST(mapped_parts_merge)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;
	struct err e = ERR_INIT;

	cache_util_file(&d, "one/a", "one a");
	cache_util_file(&d, "one/b", "one b");
	cache_util_file(&d, "one/sub/c", "one c");
	cache_util_file(&d, "two/b", "two b");
	cache_util_file(&d, "two/sub/d", "two d");
	cache_util_file(&d, "file", "a file");
	source_init(&s);
	map(&s, &d, "base", "one");
	map(&s, &d, "base", "two");
	map(&s, &d, "deep/er/named", "file");
	source_add_text(&s, "base/text", "literal", 7);
	source_add_text(&s, "empty", "", 0);
	unit_ok(source_prepare(&s, &e), e);
	source_util_selects(&s, "base", "base[/ a b sub/ sub/c sub/d text]");
	source_util_selects(&s, ".",
			    "[/ base/ base/a base/b base/sub/ base/sub/c base/sub/d base/text deep/ deep/er/ "
			    "deep/er/named empty]");
	source_util_selects(&s, "base/sub deep", "base/sub[/ c d] deep[/ er/ er/named]");
	source_util_selects(&s, "deep/er/named base/text empty", "deep/er/named[] base/text[] empty[]");
	source_util_selects(&s, "base/[ab] **/named", "base/a[] base/b[] deep/er/named[]");
	reads(&s, "base/b", 0, "two b");
	reads(&s, "base", 2, "two b");
	reads(&s, "base", 6, "literal");
	reads(&s, "deep", 2, "a file");
	reads(&s, "empty", 0, "");
	source_util_refuses(&s, "bas", ERR_INPUT, "no such file", NULL);
	source_util_refuses(&s, "base/text/x", ERR_INPUT, "no such file", NULL);
	source_util_refuses(&s, "deep/er/named/x", ERR_INPUT, "no such file", NULL);
}
END_TEST

START_TEST(later_parts_hide)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;
	struct err e = ERR_INIT;

	cache_util_file(&d, "one/a", "one");
	cache_util_file(&d, "two", "two");
	source_init(&s);
	source_add_text(&s, "x/a", "text", 4);
	map(&s, &d, "x", "one");
	map(&s, &d, "y", "two");
	source_add_text(&s, "y", "later", 5);
	unit_ok(source_prepare(&s, &e), e);
	source_util_selects(&s, ".", "[/ x/ x/a y]");
	reads(&s, "x/a", 0, "one");
	reads(&s, "x", 1, "one");
	reads(&s, "y", 0, "later");
}
END_TEST

/* What cannot be one tree is an error, not a mixture. */
START_TEST(parts_that_contradict)
{
	static const char *const rows[][2] = {{"a", "two"}, {"a/b", "two"}, {"", "dir-a"}};
	UNIT_DIR(d);

	cache_util_file(&d, "one/a", "a file");
	cache_util_file(&d, "two", "another");
	cache_util_file(&d, "dir-a/a/b", "below a directory");
	cache_util_file(&d, "sub/a/x", "below a directory");
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		AUTO_SOURCE struct source_set s;
		struct err e = ERR_INIT;
		bool hides = strcmp(rows[i % 3][0], "a") == 0;

		source_init(&s);
		map(&s, &d, "", hides ? "sub" : "one");
		if (i < ARRAY_LEN(rows))
			map(&s, &d, rows[i][0], rows[i][1]);
		else
			source_add_text(&s, "a/c", "text", 4);
		if (i >= ARRAY_LEN(rows) && hides)
			continue;
		unit_ok(source_prepare(&s, &e), e);
		source_util_refuses(&s, ".", ERR_INPUT, "a directory in one mapping", "context");
	}
}
END_TEST

START_TEST(missing_part)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;
	struct err e = ERR_INIT;

	source_init(&s);
	map(&s, &d, "", "nowhere");
	ck_assert_int_lt(source_prepare(&s, &e), 0);
	unit_failed(e, ERR_INPUT, "/nowhere");
}
END_TEST

START_TEST(follow_mode)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;

	cache_util_file(&d, "shared/lib/x", "shared x");
	cache_util_link(&d, "../shared", "c/sub");
	cache_util_link(&d, "../shared/lib/x", "c/x");
	source_util_context(&s, &d, "c");
	s.follow = true;
	source_util_selects(&s, ".", "[/ sub/ sub/lib/ sub/lib/x x]");
	source_util_selects(&s, "sub/lib", "sub/lib[/ x]");
	reads(&s, ".", 3, "shared x");
	reads(&s, "x", 0, "shared x");
	/* twice the same directory is no loop */
	cache_util_link(&d, "sub", "c/again");
	source_util_selects(&s, "*", "again[/ lib/ lib/x] sub[/ lib/ lib/x] x[]");
}
END_TEST

START_TEST(follow_mode_refuses)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;

	cache_util_file(&d, "c/dir/x", "x");
	cache_util_link(&d, "..", "c/dir/up");
	source_util_context(&s, &d, "c");
	s.follow = true;
	source_util_refuses(&s, ".", ERR_INPUT, "dir/up: symbolic link loop", "remove the link");
	source_util_refuses(&s, "dir", ERR_INPUT, "symbolic link loop", "remove the link");
	ck_assert_int_eq(unlinkat(d.fd, "c/dir/up", 0), 0);
	cache_util_link(&d, "../../submodule/y", "c/dir/y");
	source_util_refuses(&s, "dir", ERR_INPUT, "c/dir/y: symbolic link leads nowhere",
			    "git submodule update --init");
	source_util_refuses(&s, "dir/y", ERR_INPUT, "symbolic link leads nowhere", "git submodule update --init");
}
END_TEST

START_TEST(roots)
{
	UNIT_DIR(d);
	AUTO_SOURCE struct source_set s;
	AUTO_CLOSE int root = -1;

	cache_util_file(&d, "r/usr/lib/a", "a");
	cache_util_link(&d, "usr/lib", "r/lib");
	cache_util_link(&d, "/usr/lib/a", "r/usr/abs");
	cache_util_link(&d, "../../../../..", "r/up");
	root = openat(d.fd, "r", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	source_init(&s);
	source_of_root(&s, root, NULL);
	source_util_selects(&s, "/", "[/ lib@usr/lib up@../../../../.. usr/ usr/abs@/usr/lib/a usr/lib/ usr/lib/a]");
	source_util_selects(&s, "/lib", "lib[/ a]");
	source_util_selects(&s, "/lib/* /usr/abs", "lib/a[] usr/abs[]");
	source_util_selects(&s, "/up/usr/lib", "up/usr/lib[/ a]");
	reads(&s, "/usr/abs", 0, "a");
	source_util_refuses(&s, "/etc/passwd", ERR_INPUT, "no such file or directory in the source", NULL);
}
END_TEST

UNIT_MAIN("source", literal, wildcards, missing, ignored, links_of_a_context, opening, mapped_parts_merge,
	  later_parts_hide, parts_that_contradict, missing_part, follow_mode, follow_mode_refuses, roots)
