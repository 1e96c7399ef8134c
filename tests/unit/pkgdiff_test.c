/* What became of packages. */
#include "src/flavor/pkgdiff.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static struct unit_dir dir;

static char *put(const char *name, const char *text)
{
	struct err e = ERR_INIT;
	char *path = mem_printf("%s/%s", dir.path, name);

	ck_assert_int_eq(io_write_output(path, text, strlen(text), &e), 0);
	return path;
}

#define STEP(name, packages) "- name: " name "\n  phases: [{name: p, apt: {packages: [" packages "]}}]\n"

START_TEST(test_compare)
{
	static const struct {
		const char *package;
		unsigned status;
	} expected[] = {{"both", PKGDIFF_UPDATED | PKGDIFF_MOVED},
			{"up", PKGDIFF_UPDATED},
			{"gone", PKGDIFF_REMOVED},
			{"fresh", PKGDIFF_NEW},
			{"moved", PKGDIFF_MOVED},
			{"same", 0},
			{"twice", 0}};
	struct err e = ERR_INIT;
	AUTO_PKGDIFF struct pkgdiff d = {0};

	dir = unit_dir_make();
	AUTO_FREE char *old = put(
		"old",
		"build_steps:\n" STEP(
			"a",
			"{name: both, version: 1}, {name: up, version: 1}, {name: gone}, {name: moved, version: 1}, "
			"{name: same, version: 1.10}, {name: twice, version: 1}, {name: twice, version: 2}"));
	AUTO_FREE char *new =
		put("new", "build_steps:\n" STEP("a", "{name: up, version: 2}, {name: fresh, version: 1}, "
						      "{name: same, version: 1.10}, {name: twice, version: 1}")
				   STEP("b", "{name: both, version: 2}, {name: moved, version: 1}"));
	ck_assert_int_eq(pkgdiff_compare(old, new, &d, &e), 0);
	ck_assert(d.there);
	ck_assert_uint_eq(d.installer[0].n, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		ck_assert_str_eq(d.installer[0].v[i].package, expected[i].package);
		ck_assert_uint_eq(d.installer[0].v[i].status, expected[i].status);
	}
	ck_assert_str_eq(d.installer[0].v[2].old_version, "No version specified");
	ck_assert_str_eq(d.installer[0].v[5].new_version, "1.10");
	unit_dir_release(&dir);
}
END_TEST

START_TEST(test_missing_files)
{
	struct err e = ERR_INIT;
	AUTO_PKGDIFF struct pkgdiff d = {0}, none = {0};
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	struct pkgdiff_title t = {"Public packages", "a-b", "a-b", "2", "1", false};

	dir = unit_dir_make();
	AUTO_FREE char *file = put("new", "build_steps:\n" STEP("a", "{name: x, version: 1}"));
	ck_assert_int_eq(pkgdiff_compare("/nowhere/at/all", file, &d, &e), 0);
	ck_assert_uint_eq(d.installer[0].v[0].status, PKGDIFF_NEW);
	ck_assert_int_eq(pkgdiff_compare(file, NULL, &none, &e), 0);
	ck_assert(!none.there);
	pkgdiff_markdown(&none, &t, &text);
	ck_assert_str_eq(buf_str(&text),
			 "# Public packages comparison between flavor \"A B\" in 2 and flavor \"A B\" in 1\n\n"
			 "<!-- markdown-link-check-disable -->\nNo packages found.\n");
	AUTO_FREE char *bad =
		put("bad", "build_steps:\n- name: a\n- name: b\n  phases: [{apt: {packages: [{version: 1}]}}]\n");
	ck_assert_int_eq(pkgdiff_compare(NULL, bad, &none, &e), -1);
	ck_assert_msg(strstr(e.msg, "bad:3") != NULL, "%s", e.msg);
	err_release(&e);
	unit_dir_release(&dir);
}
END_TEST

START_TEST(test_texts)
{
	char out[40];
	AUTO_FREE char *title = pkgdiff_title_case("template-Exasol-8-python-3.10_x");

	ck_assert_str_eq(title, "Template Exasol 8 Python 3.10 X");
	ck_assert_str_eq(pkgdiff_status_text(0, out), "");
	ck_assert_str_eq(pkgdiff_status_text(PKGDIFF_UPDATED | PKGDIFF_MOVED, out), "UPDATED & MOVED");
	ck_assert_str_eq(pkgdiff_status_text(15, out), "NEW & REMOVED & UPDATED & MOVED");
}
END_TEST

UNIT_MAIN("pkgdiff", test_compare, test_missing_files, test_texts)
