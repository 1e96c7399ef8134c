/* Packages files. */
#include <check.h>

#include "src/flavor/packages.h"
#include "src/util/json.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

#define FILE_TEXT                                                                                                      \
	"build_steps:\n"                                                                                               \
	"- name: deps\n"                                                                                               \
	"  phases:\n"                                                                                                  \
	"  - name: apt\n"                                                                                              \
	"    apt: {packages: [{name: gcc, version: 3.10}]}\n"                                                          \
	"  variables:\n"                                                                                               \
	"    HOME: /x/{% if a %}b{% endif %}\n"                                                                        \
	"    ON: yes\n"                                                                                                \
	"- name: other\n"                                                                                              \
	"version: 1.0\n"

static struct json *cut(const struct packages *p, const char *stage)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *text = packages_cut(p, stage);
	struct json *j;

	ck_assert_ptr_nonnull(text);
	j = json_parse(text, strlen(text), 100000, ERR_INPUT, "cut", &e);
	ck_assert_msg(j != NULL, "%s", e.msg);
	return j;
}

START_TEST(test_cut)
{
	struct err e = ERR_INIT;
	AUTO_PACKAGES struct packages *p = packages_parse("packages.yml", SV(FILE_TEXT), &e);
	AUTO_JSON struct json *j = NULL;
	struct json *step, *package;

	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_null(packages_cut(p, "none"));
	ck_assert_ptr_null(packages_cut(NULL, "deps"));
	j = cut(p, "deps");
	ck_assert_uint_eq(json_len(json_get(j, "build_steps")), 1);
	ck_assert_str_eq(json_get_str(j, "version"), "1.0");
	ck_assert_ptr_nonnull(strstr(json_get_str(j, "comment"), "deps"));
	step = json_at(json_get(j, "build_steps"), 0);
	package = json_at(json_get(json_get(json_at(json_get(step, "phases"), 0), "apt"), "packages"), 0);
	ck_assert_str_eq(json_get_str(package, "version"), "3.10");
	ck_assert_str_eq(json_get_str(json_get(step, "variables"), "HOME"), "/x/{% if a %}b{% endif %}");
	ck_assert_str_eq(json_get_str(json_get(step, "variables"), "ON"), "yes");
}
END_TEST

/* What the scripts of flavors rely on that have no parser but awk. */
START_TEST(test_one_scalar_a_line)
{
	struct err e = ERR_INIT;
	AUTO_PACKAGES struct packages *p =
		packages_parse("p", SV("build_steps: [{name: a, l: [x, y]}]\nversion: 2\n"), &e);
	AUTO_FREE char *text = packages_cut(p, "a");

	ck_assert_str_eq(text, "{\n"
			       "  \"build_steps\": [\n"
			       "    {\n"
			       "      \"name\": \"a\",\n"
			       "      \"l\": [\n"
			       "        \"x\",\n"
			       "        \"y\"\n"
			       "      ]\n"
			       "    }\n"
			       "  ],\n"
			       "  \"version\": \"2\",\n"
			       "  \"comment\": \"The part of packages.yml that belongs to a\"\n"
			       "}\n");
}
END_TEST

/* A change for one stage leaves the files of the others alone. */
START_TEST(test_other_stage_is_untouched)
{
	struct err e = ERR_INIT;
	AUTO_PACKAGES struct packages *p = packages_parse("p", SV(FILE_TEXT), &e);
	AUTO_PACKAGES struct packages *q = packages_parse("p", SV("version: 1.0\nbuild_steps:\n- name: other\n"), &e);
	AUTO_FREE char *a = packages_cut(p, "other");
	AUTO_FREE char *b = packages_cut(q, "other");

	ck_assert_str_eq(a, b);
}
END_TEST

START_TEST(test_reject)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *msg;
	} cases[] = {
		{"- a\n", 1, "a mapping with a list"},
		{"version: 1\n", 1, "a mapping with a list"},
		{"version: 1\nbuild_steps: x\n", 2, "a mapping with a list"},
		{"build_steps:\n- name: a\n- apt: x\n", 3, "without a name"},
		{"build_steps:\n- name: a\n- name: b\n- name: a\n", 4, "a is there twice"},
		{"build_steps:\n- name: [a]\n", 2, "without a name"},
		{"build_steps: [\n", 2, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;

		ck_assert_msg(!packages_parse("p.yml", sv_from(cases[i].text), &e), "case %zu is accepted", i);
		ck_assert_msg(e.place.line == cases[i].line, "case %zu: line %u: %s", i, e.place.line, e.msg);
		unit_failed(e, ERR_INPUT, cases[i].msg);
	}
}
END_TEST

START_TEST(test_load)
{
	UNIT_DIR(d);
	AUTO_FREE char *file = path_join(d.path, "packages.yml");
	struct packages *p = NULL;
	struct err e = ERR_INIT;

	unit_ok(packages_load(file, &p, &e), e);
	ck_assert_ptr_null(p);
	ck_assert_int_eq(symlinkat("nowhere", d.fd, "packages.yml"), 0);
	ck_assert_int_eq(packages_load(file, &p, &e), -1);
	unit_failed(e, ERR_INPUT, "dangling");
}
END_TEST

UNIT_MAIN("packages", test_cut, test_one_scalar_a_line, test_other_stage_is_untouched, test_reject, test_load)
