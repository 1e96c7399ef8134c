/* Named contexts: what takes the place of what. */
#include "src/plan/plan.h"

#include "tests/unit/cache_util.h"

static struct plan *load(const struct unit_dir *d, const char *named, const char *text)
{
	AUTO_FREE char *dir = mem_printf("%s/c", d->path);
	struct plan *p = plan_new();
	struct err e = ERR_INIT;

	cache_util_file(d, "c/Dockerfile", text);
	unit_ok(plan_add_named(p, named, &e), e);
	unit_ok(plan_add_context(p, dir, NULL, NULL, &e), e);
	return p;
}

static const struct name_row {
	const char *option, *from;
	bool same;
} names[] = {
	{"debian", "debian", true},
	{"debian", "debian:latest", true},
	{"debian:latest", "docker.io/library/debian", true},
	{"docker.io/library/debian", "debian", true},
	{"localhost:5000/a", "localhost:5000/a:latest", true},
	{"debian", "debian:12", false},
	{"debian:12", "debian", false},
	{"debian", "localhost/debian", false},
};

START_TEST(names_of_images)
{
	UNIT_DIR(d);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *named = mem_printf("%s=store:localhost/other:1", names[i].option);
		AUTO_FREE char *text = mem_printf("FROM %s\n", names[i].from);
		AUTO_PLAN struct plan *p = load(&d, named, text);
		const struct plan_image *im = &p->images.v[p->stages.v[0].base_image];

		ck_assert_msg((im->place == PLAN_PLACE_STORE) == names[i].same, "row %zu", i);
		ck_assert_msg((strcmp(im->text, "localhost/other:1") == 0) == names[i].same, "row %zu: %s", i,
			      im->text);
	}
}
END_TEST

START_TEST(instead_of_a_stage)
{
	UNIT_DIR(d);
	AUTO_PLAN struct plan *p = load(&d, "Base=docker-image://other:2",
					"FROM a AS base\nFROM base\nCOPY --from=0 /f /\nFROM scratch AS last\n");

	/* "Base" is no image's name, and stands for itself. */
	ck_assert_uint_eq(p->stages.v[1].base_stage, 0);
	plan_free(p);
	p = load(&d, "base=docker-image://other:2",
		 "FROM a AS base\nFROM base\nCOPY --from=0 /f /\nRUN --mount=from=base,target=/m true\nFROM scratch\n");
	ck_assert_uint_eq(p->stages.v[1].base_stage, PLAN_NONE);
	ck_assert_str_eq(p->images.v[p->stages.v[1].base_image].text, "other:2");
	for (size_t i = 0; i < p->stages.v[1].needs.n; i++)
		ck_assert_uint_eq(p->stages.v[1].needs.v[i].stage, PLAN_NONE);
}
END_TEST

START_TEST(directory)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	AUTO_FREE char *named = mem_printf("tools=%s/t", d.path);

	cache_util_file(&d, "t/.dockerignore", "skip\n");
	AUTO_PLAN struct plan *p = load(&d, named, "FROM scratch\nCOPY --from=tools a /\nCOPY b /\n");
	AUTO_STRV struct strv goals = {0};

	unit_ok(plan_select_goals(p, &goals, &e), e);
	unit_ok(plan_evaluate(p, true, &e), e);
	ck_assert_uint_eq(p->stages.v[0].needs.n, 0);
	ck_assert_int_eq(p->stages.v[0].steps.v[0].copy.origin, PLAN_FROM_CONTEXT);
	ck_assert(ignore_match(p->sources.v[p->stages.v[0].steps.v[0].copy.index]->context.ignore, "skip"));
	ck_assert_uint_eq(p->stages.v[0].steps.v[1].copy.index, p->stages.v[0].source);
}
END_TEST

static const struct refused_row {
	const char *text;
	enum err_code code;
	const char *says;
} refused[] = {
	{"", ERR_USAGE, "is not NAME=SRC"},
	{"a", ERR_USAGE, "is not NAME=SRC"},
	{"a=", ERR_USAGE, "is not NAME=SRC"},
	{"=a", ERR_USAGE, "is not NAME=SRC"},
	{"scratch=/", ERR_USAGE, "empty image"},
	{"a=/nosuch", ERR_INPUT, "/nosuch"},
	{"a=/dev/null", ERR_INPUT, "is not a directory"},
	{"a=store:", ERR_INPUT, "the image is missing"},
	{"a=docker-image://A", ERR_INPUT, "--build-context a"},
	{"a=ftp://example.com/x.tar", ERR_INPUT, "no context can be had"},
};

START_TEST(refused_options)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		AUTO_PLAN struct plan *p = plan_new();
		struct err e = ERR_INIT;

		ck_assert_msg(plan_add_named(p, refused[i].text, &e) < 0, "%s", refused[i].text);
		unit_failed(e, refused[i].code, refused[i].says);
	}
}
END_TEST

UNIT_MAIN("plan_named", names_of_images, instead_of_a_stage, directory, refused_options)
