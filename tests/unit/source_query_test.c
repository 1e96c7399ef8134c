/* --exclude and --parents: what is left of a selection, and what only leads there. */
#include "tests/unit/source_util.h"

static void make_context(const struct unit_dir *d)
{
	static const char *const files[] = {"a.txt",	 "b.md",	   "x/a.txt",  "x/b.md",
					    "x/y/a.txt", "x/y/deep/c.txt", "z/only.md"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		cache_util_file(d, files[i], files[i]);
	ck_assert_int_eq(symlinkat("x", d->fd, "link"), 0);
}

/* As source_util_print, with "~" before what is only a passage. */
static char *print(const struct source_list *l)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < l->matches.n; i++) {
		const struct source_match *m = &l->matches.v[i];

		buf_printf(&b, "%s%s[", i ? " " : "", m->path);
		for (size_t k = 0; k < m->entries.n; k++)
			buf_printf(&b, "%s%s%s", k > 1 ? " " : "", m->entries.v[k].passage ? "~" : "",
				   m->entries.v[k].rel);
		buf_str_add(&b, "]");
	}
	return mem_strdup(buf_str(&b));
}

static int query(const char *patterns, const char *excludes, bool parents, struct source_list *l, struct err *e)
{
	AUTO_STRV struct strv p = {0}, x = {0};
	AUTO_SOURCE struct source_set s;
	struct unit_dir d = unit_dir_make();
	int rc;

	make_context(&d);
	source_util_context(&s, &d, ".");
	source_util_words(&p, patterns);
	if (excludes[0])
		source_util_words(&x, excludes);
	rc = source_select(&s, &(struct source_query){&p, &x, parents}, l, e);
	unit_dir_release(&d);
	return rc;
}

static const struct {
	const char *patterns, *excludes;
	bool parents;
	const char *want;
} rows[] = {
	/* excludes count from each directory that is copied */
	{".", "*.txt", false, "[b.md link x x/a.txt x/b.md x/y x/y/a.txt x/y/deep x/y/deep/c.txt z z/only.md]"},
	{".", "**/*.txt", false, "[b.md link x x/b.md x/y x/y/deep z z/only.md]"},
	{"x", "a.txt", false, "x[b.md y y/a.txt y/deep y/deep/c.txt]"},
	{"x", "y", false, "x[a.txt b.md]"},
	/* what comes back in needs its directories */
	{"x", "y !y/deep/c.txt", false, "x[a.txt b.md ~y ~y/deep y/deep/c.txt]"},
	/* what a pattern names itself is never excluded */
	{"a.txt", "*.txt", false, "a.txt[]"},
	{"*.txt", "**/*.txt", false, "a.txt[]"},
	/* parents */
	{"x/a.txt", "", true, "[~x x/a.txt]"},
	{"./x/a.txt ./z/only.md", "", true, "[~x x/a.txt] [~z z/only.md]"},
	{"x/y", "", true, "[~x x/y x/y/a.txt x/y/deep x/y/deep/c.txt]"},
	{"x/./y/a.txt", "", true, "x[~y y/a.txt]"},
	{"./x/./y/*", "", true, "x[~y y/a.txt y/deep y/deep/c.txt]"},
	{"x/./", "", true, "x[a.txt b.md y y/a.txt y/deep y/deep/c.txt]"},
	{"*/a.txt", "", true, "[~x x/a.txt]"},
	/* files that the start names are taken as they are (as the reference does) */
	{"x/*/./a.txt", "", true, "x/a.txt[] x/b.md[] x/y[a.txt]"},
	{"none*", "", true, "[]"},
	{"x", "**/*.txt", true, "[x x/b.md x/y x/y/deep]"},
	{"link", "", true, "[link]"},
};

START_TEST(selections)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_SOURCE_LIST struct source_list l = {0};
		struct err e = ERR_INIT;

		unit_ok(query(rows[i].patterns, rows[i].excludes, rows[i].parents, &l, &e), e);
		AUTO_FREE char *have = print(&l);

		ck_assert_msg(strcmp(have, rows[i].want) == 0, "%s without %s: %s, wanted %s", rows[i].patterns,
			      rows[i].excludes, have, rows[i].want);
		size_t n = 0;

		for (size_t k = 0; k < l.matches.n; k++)
			n += l.matches.v[k].entries.n;
		ck_assert_uint_eq(n, l.entries);
	}
}
END_TEST

static const struct {
	const char *patterns, *excludes;
	const char *text;
} bad[] = {
	{"x/none", "", "x/none"},
	{"x/./none", "", "x/./none"},
	{"none/./a.txt", "", "none"},
	/* no link is followed on the way */
	{"link/a.txt", "", "link/a.txt"},
	{"x", "[", "["},
};

START_TEST(refusals)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_SOURCE_LIST struct source_list l = {0};
		struct err e = ERR_INIT;

		ck_assert_msg(query(bad[i].patterns, bad[i].excludes, true, &l, &e) < 0, "%s", bad[i].patterns);
		unit_failed(e, ERR_INPUT, bad[i].text);
	}
}
END_TEST

UNIT_MAIN("source_query", selections, refusals)
