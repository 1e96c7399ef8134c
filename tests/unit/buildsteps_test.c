/* Static reader of build_steps.py. */
#include <check.h>

#include "src/flavor/buildsteps.h"
#include "src/util/io.h"
#include "tests/unit/unit.h"

#define HEAD "class A(DockerFlavorAnalyzeImageTask):\n"
#define STEP "    def get_build_step(self) -> str:\n        return \"a\"\n"

static struct buildsteps *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct buildsteps *b = buildsteps_parse("build_steps.py", sv_from(text), &e);

	ck_assert_msg(b != NULL, "%u:%u: %s", e.place.line, e.place.col, e.msg ? e.msg : "no message");
	return b;
}

START_TEST(test_all_methods)
{
	AUTO_BUILDSTEPS struct buildsteps *b =
		parse("\"\"\"Module\n\ndocstring\"\"\"\n"
		      "import os, sys\n"
		      "from typing import (\n    Dict,\n    List,  # with a comment\n)\n"
		      "\n"
		      "class Base(x.y.DockerFlavorAnalyzeImageTask): # comment\n"
		      "    '''doc'''\n"
		      "    def get_build_step(self) -> str:\n"
		      "    # a comment that stands to the left\n"
		      "        '''doc'''\n"
		      "        return 'base_deps'\n"
		      "\n"
		      "    def get_path_in_flavor(self) -> Path | None: return None\n"
		      "    def requires_tasks(self): return {}\n"
		      "    def get_language_definition(self):\n"
		      "        return ''\n"
		      "\n"
		      "class Release(DockerFlavorAnalyzeImageTask):\n"
		      "    def get_build_step(self) -> str:\n"
		      "        return \"release\"\n"
		      "    def requires_tasks(self) -> Dict[str, \"X\"]:\n"
		      "        return {\"base\": Base,\n"
		      "                'other': self.create_child_task_with_common_params(Base),\n"
		      "                'third': Base(flavor_path=self.flavor_path, x=[(1)]),}\n"
		      "    def get_additional_build_directories_mapping(self):\n"
		      "        return {\"scripts\": \"ext/scripts\", 'a': r'b\\c'}\n"
		      "    def get_path_in_flavor(self):\n"
		      "        return \"flavor_base\"\n"
		      "    def get_image_changing_build_arguments(self):\n"
		      "        return {\"K\": \"a\\tb\"}\n"
		      "    def get_transparent_build_arguments(self):\n"
		      "        return dict()\n"
		      "    def get_language_definition(self) -> str:\n"
		      "        return \"language_definitions.json\"");
	const struct buildsteps_class *base = buildsteps_find(b, "Base"), *r = buildsteps_find(b, "Release");

	ck_assert_uint_eq(b->n, 2);
	ck_assert_str_eq(base->step, "base_deps");
	ck_assert_uint_eq(base->line, 10);
	ck_assert_ptr_null(base->path_in_flavor);
	ck_assert_ptr_null(base->language_definition);
	ck_assert_uint_eq(base->requires.n, 0);
	ck_assert_str_eq(r->step, "release");
	ck_assert_str_eq(r->path_in_flavor, "flavor_base");
	ck_assert_str_eq(r->language_definition, "language_definitions.json");
	ck_assert_uint_eq(r->requires.n, 3);
	ck_assert_str_eq(r->requires.v[0].key, "base");
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(r->requires.v[i].val, "Base");
	ck_assert_uint_eq(r->requires.v[1].line, 27);
	ck_assert_uint_eq(r->mapping.n, 2);
	ck_assert_str_eq(r->mapping.v[0].key, "scripts");
	ck_assert_str_eq(r->mapping.v[0].val, "ext/scripts");
	ck_assert_str_eq(r->mapping.v[1].val, "b\\c");
	ck_assert_uint_eq(r->args.n, 1);
	ck_assert_str_eq(r->args.v[0].val, "a\tb");
	ck_assert_uint_eq(r->transparent_args.n, 0);
}
END_TEST

/* Each of these is one stage "a". */
START_TEST(test_accept)
{
	static const char *const texts[] = {
		HEAD STEP,
		"\xef\xbb\xbf" HEAD STEP,
		HEAD "\tdef get_build_step(self):\n\t\treturn 'a'\n\n\n",
		HEAD "    def get_build_step(self):\r\n        return 'a'\r\n",
		HEAD "    def get_build_step(self):\n        return 'a' # comment\n# end",
		HEAD "    def get_build_step(self): \\\n  return u'''a'''",
		HEAD "    pass\n" STEP,
		HEAD STEP "class Abstract(DockerFlavorAnalyzeImageTask):\n    pass\n",
		HEAD STEP "# left comment\n    def get_path_in_flavor(self):\n\n        return None\n",
		"from a import b as c; import d\n" HEAD STEP,
		HEAD STEP "    def requires_tasks(self):\n        return { }\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO_BUILDSTEPS struct buildsteps *b = parse(texts[i]);

		ck_assert_msg(b->n == 1 && !strcmp(b->v[0].step, "a"), "case %zu", i);
	}
}
END_TEST

START_TEST(test_reject)
{
	static const struct {
		const char *text;
		unsigned line, col;
		const char *msg;
	} cases[] = {
		{"x = 1\n", 1, 1, "'x' where an import or a class is expected"},
		{"import os\nprint('x')\n", 2, 1, "'print'"},
		{"class A:\n    pass\n", 1, 8, "'('"},
		{"class A(Task):\n" STEP, 1, 9, "derived from 'Task'"},
		{"class A(B, DockerFlavorAnalyzeImageTask):\n" STEP, 1, 9, "derived from 'B'"},
		{"@decorated\n" HEAD STEP, 1, 1, "'@'"},
		{"def f(self): return 1\n", 1, 1, "'def'"},
		{"  class A(DockerFlavorAnalyzeImageTask):\n" STEP, 1, 3, "first column"},
		{HEAD "    x = 1\n", 2, 5, "'x' where a method"},
		{HEAD "    def other(self): return 1\n", 2, 9, "'other' where a method"},
		{HEAD STEP STEP, 4, 9, "each once"},
		{HEAD "    def get_build_step(self, x): return 'a'\n", 2, 28, "','"},
		{HEAD "    def get_build_step(self):\n        y = 2\n        return 'a'\n", 3, 9, "'y' where 'return'"},
		{HEAD "    def get_build_step(self):\n        return 'a' + 'b'\n", 3, 20, "the end of the line"},
		{HEAD "    def get_build_step(self):\n        return 'a' 'b'\n", 3, 20, "a string where the end"},
		{HEAD "    def get_build_step(self):\n        return f'a'\n", 3, 16, "the prefix f"},
		{HEAD "    def get_build_step(self):\n        return b'a'\n", 3, 16, "the prefix b"},
		{HEAD "    def get_build_step(self):\n        return name\n", 3, 16, "'name' where a string"},
		{HEAD "    def get_build_step(self):\n        return\n", 3, 15, "end of the line where a string"},
		{HEAD "    def get_build_step(self):\n        return 'a\n", 3, 16, "a string without an end"},
		{HEAD "    def get_build_step(self):\n        return '''a\n", 3, 16, "a string without an end"},
		{HEAD "    def get_build_step(self):\n        return '\\x61'\n", 3, 16, "an escape"},
		{HEAD "    def get_build_step(self):\n        return ''\n", 1, 7, "does not say which stage"},
		{HEAD "    def get_path_in_flavor(self): return None\n", 1, 7, "does not say which stage"},
		{HEAD STEP "    def requires_tasks(self): return [A]\n", 4, 38, "'['"},
		{HEAD STEP "    def requires_tasks(self): return {'x': 'y'}\n", 4, 44, "a string where a name"},
		{HEAD STEP "    def requires_tasks(self): return {'x': A, 'x': A}\n", 4, 47, "not there yet"},
		{HEAD STEP "    def requires_tasks(self): return {'x': A(}\n", 5, 1, "the end of the file"},
		{HEAD STEP "    def requires_tasks(self): return {**x}\n", 4, 39, "'*'"},
		{HEAD STEP "    def requires_tasks(self): return dict(x=A)\n", 4, 43, "'x' where ')'"},
		{HEAD STEP "    def requires_tasks(self): return {'x': B}\n", 4, 0, "requires B"},
		{HEAD STEP "    def get_image_changing_build_arguments(self): return {'x': 1}\n", 4, 64, "'1'"},
		{HEAD STEP HEAD "    def get_build_step(self): return 'b'\n", 4, 7,
		 "class A is there already, in line 1"},
		{HEAD STEP "class B(DockerFlavorAnalyzeImageTask):\n" STEP, 4, 7, "build step a is there already"},
		{HEAD STEP "if True:\n    pass\n", 4, 1, "'if'"},
		{HEAD "    def get_build_step(self):\n        return 'a'; x()\n", 3, 19, "';'"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		AUTO_BUILDSTEPS struct buildsteps *b = buildsteps_parse("f.py", sv_from(cases[i].text), &e);

		ck_assert_msg(!b, "case %zu is accepted", i);
		ck_assert_msg(e.place.line == cases[i].line && e.place.col == cases[i].col, "case %zu: at %u:%u: %s", i,
			      e.place.line, e.place.col, e.msg);
		ck_assert_str_eq(e.place.file, "f.py");
		unit_failed(e, ERR_INPUT, cases[i].msg);
	}
}
END_TEST

START_TEST(test_advice_and_excerpt)
{
	struct err e = ERR_INIT;

	ck_assert_ptr_null(buildsteps_parse("f.py", SV("import os\n\tprint(1)\n"), &e));
	ck_assert_ptr_nonnull(strstr(e.hint, "flavor.yml"));
	ck_assert_str_eq(e.excerpt, "2 | \tprint(1)\n  | \t^\n");
	err_release(&e);
}
END_TEST

/* Any prefix of a good file, and the file with any one byte changed, gives a result or an error, never worse; the
 * sanitizers watch. */
START_TEST(test_damaged)
{
	AUTO_BUF struct buf text = BUF_INIT(BUILDSTEPS_MAX_BYTES);
	struct err e = ERR_INIT;

	unit_ok(io_read_file(AT_FDCWD, "flavors/python-demo/flavor_base/build_steps.py", &text, &e), e);
	for (size_t n = 0; n < text.n; n++) {
		AUTO_BUILDSTEPS struct buildsteps *cut = buildsteps_parse("f", sv_of(text.p, n), &e);
		AUTO_BUILDSTEPS struct buildsteps *changed = NULL;
		char old = text.p[n];

		ck_assert(cut != NULL || e.code == ERR_INPUT);
		err_release(&e);
		text.p[n] = "\0\"'({\\\n#}"[n % 9];
		changed = buildsteps_parse("f", buf_sv(&text), &e);
		text.p[n] = old;
		ck_assert(changed != NULL || e.code == ERR_INPUT);
		err_release(&e);
	}
}
END_TEST

UNIT_MAIN("buildsteps", test_all_methods, test_accept, test_reject, test_advice_and_excerpt, test_damaged)
