/* What an overlay has copied up and nobody changed: it goes, and nothing else does. */
#include "oci/untouched.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include "tests/unit/tar_util.h"

struct fixture {
	struct unit_dir d;
	int lower, upper;
};

/* Both have /d/f, equal in everything. */
static void begin(struct fixture *f)
{
	static const char *const names[] = {"lower", "upper"};
	int *const fds[] = {&f->lower, &f->upper};

	f->d = unit_dir_make();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		*fds[i] = tar_util_subdir(f->d.fd, names[i]);
		close(tar_util_subdir(*fds[i], "d"));
		tar_util_file(*fds[i], "d/f", "same", 0644, 5);
		tar_util_set_time(*fds[i], "d", 6);
	}
}

static void end(struct fixture *f)
{
	close(f->lower);
	close(f->upper);
	unit_dir_release(&f->d);
}

static bool is_there(const struct fixture *f, const char *path)
{
	return faccessat(f->upper, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void drop(const struct fixture *f)
{
	struct err e = ERR_INIT;

	unit_ok(untouched_drop(f->upper, f->lower, &e), e);
}

START_TEST(equal_entries_go)
{
	struct fixture f;

	begin(&f);
	drop(&f);
	ck_assert(!is_there(&f, "d"));
	end(&f);
}
END_TEST

START_TEST(directories_that_stay_keep_their_time)
{
	struct fixture f;
	struct stat st;

	begin(&f);
	tar_util_file(f.upper, "d/new", "new", 0644, 7);
	tar_util_set_time(f.upper, "d", 8);
	drop(&f);
	ck_assert(!is_there(&f, "d/f") && is_there(&f, "d/new"));
	ck_assert_int_eq(fstatat(f.upper, "d", &st, 0), 0);
	ck_assert_int_eq(st.st_mtim.tv_sec, 8);
	ck_assert_int_eq(st.st_mtim.tv_nsec, 0);
	end(&f);
}
END_TEST

static void edit(const struct fixture *f)
{
	tar_util_file(f->upper, "d/f", "Same", 0644, 5);
}

static void set_mode(const struct fixture *f)
{
	ck_assert_int_eq(fchmodat(f->upper, "d/f", 0600, 0), 0);
}

static void set_nanosecond(const struct fixture *f)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {5, 1}};

	ck_assert_int_eq(utimensat(f->upper, "d/f", times, 0), 0);
}

static void add_xattr(const struct fixture *f)
{
	AUTO_FREE char *path = mem_printf("%s/upper/d/f", f->d.path);

	ck_assert_int_eq(setxattr(path, "user.color", "blue", 4, 0), 0);
}

static void add_name(const struct fixture *f)
{
	ck_assert_int_eq(linkat(f->upper, "d/f", f->upper, "d/g", 0), 0);
}

static void replace_directory(const struct fixture *f)
{
	AUTO_FREE char *path = mem_printf("%s/upper/d", f->d.path);

	ck_assert_int_eq(setxattr(path, "user.overlay.opaque", "y", 1, 0), 0);
}

static void mark_deleted(const struct fixture *f)
{
	AUTO_FREE char *path = mem_printf("%s/upper/d/f", f->d.path);

	ck_assert_int_eq(setxattr(path, "user.overlay.whiteout", "", 0, 0), 0);
}

static void not_below(const struct fixture *f)
{
	ck_assert_int_eq(unlinkat(f->lower, "d/f", 0), 0);
}

static void link_below(const struct fixture *f)
{
	ck_assert_int_eq(renameat(f->lower, "d", f->lower, "elsewhere"), 0);
	ck_assert_int_eq(symlinkat("elsewhere", f->lower, "d"), 0);
}

static const struct {
	const char *name;
	void (*change)(const struct fixture *f);
} changes[] = {
	{"content", edit},
	{"mode", set_mode},
	{"time", set_nanosecond},
	{"attribute", add_xattr},
	{"second name", add_name},
	{"directory replaced as a whole", replace_directory},
	{"whiteout as attribute", mark_deleted},
	{"not in the lower tree", not_below},
	{"a link in the lower tree", link_below},
};

START_TEST(what_differs_stays)
{
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct fixture f;

		begin(&f);
		changes[i].change(&f);
		drop(&f);
		ck_assert_msg(is_there(&f, "d/f"), "%s", changes[i].name);
		end(&f);
	}
}
END_TEST

static void mark(const struct fixture *f, const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/upper/%s", f->d.path, name);

	if (!is_there(f, name))
		ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(setxattr(path, "user.overlay.opaque", "y", 1, 0), 0);
}

static bool has_mark(const struct fixture *f, const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/upper/%s", f->d.path, name);

	return getxattr(path, "user.overlay.opaque", NULL, 0) == 1;
}

/* The kernel marks what was renamed or made; a mark counts where the lower tree has that name, and nothing above hides
 * it. */
START_TEST(marks_that_hide_nothing_go)
{
	static const struct {
		const char *path;
		bool stays;
	} marked[] = {{"d", true},	    {"d/below", false}, {"new", false},
		      {"new/below", false}, {"file", true},	{"other", false}};

	for (int only = 0; only < 2; only++) {
		struct err e = ERR_INIT;
		struct fixture f;

		begin(&f);
		tar_util_file(f.lower, "file", "", 0644, 5);
		for (size_t i = 0; i < ARRAY_LEN(marked); i++)
			mark(&f, marked[i].path);
		unit_ok((only ? untouched_marks : untouched_drop)(f.upper, f.lower, &e), e);
		for (size_t i = 0; i < ARRAY_LEN(marked); i++)
			ck_assert_msg(has_mark(&f, marked[i].path) == marked[i].stays, "%s", marked[i].path);
		ck_assert(is_there(&f, "d/f"));
		end(&f);
	}
}
END_TEST

UNIT_MAIN("untouched", equal_entries_go, directories_that_stay_keep_their_time, what_differs_stays,
	  marks_that_hide_nothing_go)
