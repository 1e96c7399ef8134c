/* Destinations of COPY --link, of archives and of --chmod; passages. */
#include "src/build/copyto.h"

#include "tests/unit/source_util.h"

#define LOGICAL 1200000000

struct world {
	struct unit_dir d;
	int src, dst;
};

static void begin(struct world *w)
{
	umask(0);
	w->d = unit_dir_make();
	ck_assert_int_eq(mkdirat(w->d.fd, "src", 0755), 0);
	ck_assert_int_eq(mkdirat(w->d.fd, "dst", 0755), 0);
	w->src = openat(w->d.fd, "src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->dst = openat(w->d.fd, "dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void end(struct world *w)
{
	close(w->src);
	close(w->dst);
	unit_dir_release(&w->d);
}

/* The selection `pattern` of src with the options of c; passage (may be NULL): an entry that only leads to others. */
static int copy(const struct world *w, const char *pattern, const char *passage, struct copyto c, struct err *e)
{
	AUTO_SOURCE_LIST struct source_list l = {0};
	AUTO_STRV struct strv p = {0};
	struct source_set s;

	source_init(&s);
	source_of_root(&s, w->src, NULL);
	strv_add(&p, pattern);
	unit_ok(source_select(&s, &(struct source_query){.patterns = &p}, &l, e), *e);
	for (size_t i = 0; i < l.matches.v[0].entries.n; i++)
		l.matches.v[0].entries.v[i].passage = passage && strcmp(l.matches.v[0].entries.v[i].rel, passage) == 0;
	c.rootfd = w->dst;
	c.src = &s;
	c.list = &l;
	c.uid = c.gid = COPYTO_KEEP;
	c.from_root = true;
	c.origin = c.logical = LOGICAL;
	return copyto_run(&c, e);
}

static void copies(const struct world *w, const char *pattern, const char *passage, struct copyto c)
{
	struct err e = ERR_INIT;

	unit_ok(copy(w, pattern, passage, c, &e), e);
}

static mode_t mode_of(const struct world *w, const char *path)
{
	struct stat st;

	ck_assert_msg(fstatat(w->dst, path, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s", path);
	return st.st_mode;
}

/* --link does not see what is there: links on the way and at the end give way. */
START_TEST(link_replaces)
{
	struct world w;

	begin(&w);
	cache_util_file(&w.d, "src/f", "text");
	cache_util_file(&w.d, "dst/real/old", "old");
	ck_assert_int_eq(symlinkat("real", w.dst, "way"), 0);
	ck_assert_int_eq(symlinkat("real/old", w.dst, "end"), 0);
	copies(&w, "f", NULL, (struct copyto){.dest = "/way/f", .link = true, .replace = true});
	copies(&w, "f", NULL, (struct copyto){.dest = "/end", .link = true, .replace = true});
	copies(&w, "f", NULL, (struct copyto){.dest = "/real", .link = true, .replace = true});
	ck_assert(S_ISDIR(mode_of(&w, "way")));
	ck_assert(S_ISREG(mode_of(&w, "way/f")));
	ck_assert(S_ISREG(mode_of(&w, "end")));
	ck_assert(S_ISREG(mode_of(&w, "real")));
	end(&w);
}
END_TEST

/* The same without --link: links are followed, a directory takes the file. */
START_TEST(plain_follows)
{
	struct world w;

	begin(&w);
	cache_util_file(&w.d, "src/f", "text");
	cache_util_file(&w.d, "dst/real/old", "old");
	ck_assert_int_eq(symlinkat("real", w.dst, "way"), 0);
	copies(&w, "f", NULL, (struct copyto){.dest = "/way/g"});
	copies(&w, "f", NULL, (struct copyto){.dest = "/real"});
	ck_assert(S_ISLNK(mode_of(&w, "way")));
	ck_assert(S_ISREG(mode_of(&w, "real/g")));
	ck_assert(S_ISREG(mode_of(&w, "real/f")));
	end(&w);
}
END_TEST

/* An archive replaces what is of another type, and uses what it only implies, also through links. */
START_TEST(archive_merges)
{
	const struct copyto c = {.dest = "/", .replace = true, .from_archive = true};
	struct world w;

	begin(&w);
	cache_util_file(&w.d, "src/file", "new");
	cache_util_file(&w.d, "src/dir/f", "new");
	cache_util_file(&w.d, "src/implied/f", "new");
	cache_util_file(&w.d, "dst/file/below", "old");
	cache_util_file(&w.d, "dst/dir", "old");
	cache_util_file(&w.d, "dst/real/old", "old");
	ck_assert_int_eq(fchmodat(w.dst, "real", 0700, 0), 0);
	ck_assert_int_eq(symlinkat("/real", w.dst, "implied"), 0);
	copies(&w, "/", "implied", c);
	ck_assert(S_ISREG(mode_of(&w, "file")));
	ck_assert(S_ISREG(mode_of(&w, "dir/f")));
	ck_assert(S_ISLNK(mode_of(&w, "implied")));
	ck_assert(S_ISREG(mode_of(&w, "real/f")));
	ck_assert(S_ISREG(mode_of(&w, "real/old")));
	ck_assert_uint_eq(mode_of(&w, "real") & 07777, 0700);
	end(&w);
}
END_TEST

/* A passage keeps what is there as it is, and is made like its source where nothing is. */
START_TEST(passages)
{
	struct world w;

	begin(&w);
	cache_util_file(&w.d, "src/a/f", "f");
	ck_assert_int_eq(fchmodat(w.src, "a", 0770, 0), 0);
	copies(&w, "/", "a", (struct copyto){.dest = "/new"});
	ck_assert_uint_eq(mode_of(&w, "new/a") & 07777, 0770);
	ck_assert_int_eq(fchmodat(w.dst, "new/a", 0711, 0), 0);
	copies(&w, "/", "a", (struct copyto){.dest = "/new"});
	ck_assert_uint_eq(mode_of(&w, "new/a") & 07777, 0711);
	copies(&w, "/", NULL, (struct copyto){.dest = "/new"});
	ck_assert_uint_eq(mode_of(&w, "new/a") & 07777, 0770);
	end(&w);
}
END_TEST

START_TEST(modes_on_the_way)
{
	static const struct {
		const char *mode;
		mode_t made, file;
	} rows[] = {{"0700", 0700, 0700}, {"a+x", 0755, 0755}, {"go=", 0755, 0600}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_INIT;
		struct dmode mode;
		struct world w;

		begin(&w);
		unit_ok(dmode_parse(rows[i].mode, &mode, &e), e);
		cache_util_file(&w.d, "src/f", "f");
		ck_assert_int_eq(fchmodat(w.src, "f", 0644, 0), 0);
		copies(&w, "f", NULL, (struct copyto){.dest = "/d/f", .mode = &mode});
		ck_assert_uint_eq(mode_of(&w, "d") & 07777, rows[i].made);
		ck_assert_uint_eq(mode_of(&w, "d/f") & 07777, rows[i].file);
		end(&w);
	}
}
END_TEST

UNIT_MAIN("copydest", link_replaces, plain_follows, archive_merges, passages, modes_on_the_way)
