/* Templates of Dockerfiles. */
#include <check.h>

#include "src/flavor/template.h"
#include "tests/unit/unit.h"

static bool value(const void *arg, struct sv name, struct buf *out)
{
	(void)arg;
	if (!sv_eq_str(name, "a") && !sv_eq_str(name, "build-deps.2"))
		return false;
	buf_printf(out, "<%.*s>", SV_ARG(name));
	return true;
}

static void names(const void *arg, struct strv *out)
{
	(void)arg;
	strv_add(out, "a");
	strv_add(out, "build-deps.2");
}

static const struct template_env env = {value, names, NULL};

START_TEST(test_render)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"FROM x", "FROM x"},
		{"FROM {{a}}", "FROM <a>"},
		{"FROM {{ a }}\n", "FROM <a>\n"},
		{"FROM {{\ta  }} AS {{a}}{{a}}\n", "FROM <a> AS <a><a>\n"},
		{"COPY --from={{build-deps.2}} / /\n", "COPY --from=<build-deps.2> / /\n"},
		{"{% if x %} {# y #} ${x} { { a } }", "{% if x %} {# y #} ${x} { { a } }"},
		{"{{ '{{' }}.Name{{ \"}}\" }} {{''}}", "{{.Name}} "},
		{"# {{ b }} and {{a}}\n  # {{ 1 + 1 }} {{ open\nRUN x",
		 "# {{ b }} and <a>\n  # {{ 1 + 1 }} {{ open\nRUN x"},
		{"x # {{a}}\n#{{\n{{a}} # {{a}}", "x # <a>\n#{{\n<a> # <a>"},
		{"{", "{"},
		{"a}}", "a}}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;

		unit_ok(template_render("Dockerfile", sv_from(cases[i].in), &env, &out, &e), e);
		ck_assert_str_eq(buf_str(&out), cases[i].out);
	}
}
END_TEST

START_TEST(test_reject)
{
	static const struct {
		const char *in;
		unsigned line, col;
		const char *msg, *hint;
	} cases[] = {
		{"FROM x\nCOPY --from={{ b }} / /\n", 2, 13, "{{ b }}: no stage of that name", "a, build-deps.2"},
		{"FROM {{}}", 1, 6, "only the name of a stage", "{{ '{{' }}"},
		{"FROM {{ a.b() }}", 1, 6, "only the name of a stage", "{{ '{{' }}"},
		{"RUN docker inspect -f '{{.Id}}'", 1, 24, "only the name of a stage", "{{ '{{' }}"},
		{"FROM {{ a | upper }}", 1, 6, "only the name of a stage", "{{ '{{' }}"},
		{"FROM {{ 'a' + 'b' }}", 1, 6, "only the name of a stage", "{{ '{{' }}"},
		{"FROM {{ a\n}}", 1, 6, "no closing }}", "{{ '{{' }}"},
		{"FROM {{", 1, 6, "no closing }}", "{{ '{{' }}"},
		{"FROM {{ a }", 1, 6, "no closing }}", "{{ '{{' }}"},
		{"RUN x # {{ b }}", 1, 9, "no stage of that name", "a, build-deps.2"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;

		ck_assert_int_eq(template_render("Dockerfile", sv_from(cases[i].in), &env, &out, &e), -1);
		ck_assert_msg(e.place.line == cases[i].line && e.place.col == cases[i].col, "case %zu: %u:%u", i,
			      e.place.line, e.place.col);
		ck_assert_msg(strstr(e.hint, cases[i].hint), "case %zu: %s", i, e.hint);
		ck_assert_str_eq(e.place.file, "Dockerfile");
		ck_assert_ptr_nonnull(e.excerpt);
		unit_failed(e, ERR_INPUT, cases[i].msg);
	}
}
END_TEST

START_TEST(test_too_long)
{
	AUTO_BUF struct buf out = BUF_INIT(5);
	struct err e = ERR_INIT;

	ck_assert_int_eq(template_render("Dockerfile", SV("{{a}}{{a}}"), &env, &out, &e), -1);
	unit_failed(e, ERR_INPUT, "longer than 5 bytes");
}
END_TEST

START_TEST(test_names)
{
	AUTO_STRV struct strv out = {0};

	template_names(SV("FROM {{ x }}\n# {{ y }}\nCOPY --from={{z}} / /\n"
			  "COPY --from={{x}} / / {{'t'}} {{ 1 2 }} {{ u"),
		       &out);
	ck_assert_uint_eq(out.n, 2);
	ck_assert_str_eq(out.v[0], "x");
	ck_assert_str_eq(out.v[1], "z");
}
END_TEST

UNIT_MAIN("template", test_render, test_reject, test_too_long, test_names)
