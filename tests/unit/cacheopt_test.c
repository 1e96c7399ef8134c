/* Operands of --cache-from and --cache-to. */
#include "src/build/cacheopt.h"

#include "tests/unit/cache_util.h"

START_TEST(accepts)
{
	static const struct {
		const char *text, *repo;
		bool stages_only, required;
	} rows[] = {
		{"localhost:5000/cache", "localhost:5000/cache", false, false},
		{"r.example/a/b,mode=steps", "r.example/a/b", false, false},
		{"r.example/a/b,mode=stages", "r.example/a/b", true, false},
		{"r.example/a/b,mode=stages,required", "r.example/a/b", true, true},
		{"r.example/a/b,required,mode=stages,mode=steps", "r.example/a/b", false, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cacheopt o;
		struct err e = ERR_INIT;

		unit_ok(cacheopt_parse(rows[i].text, &o, &e), e);
		ck_assert_str_eq(o.repo, rows[i].repo);
		ck_assert(o.stages_only == rows[i].stages_only && o.required == rows[i].required);
		cacheopt_release(&o);
		ck_assert_ptr_null(o.repo);
	}
}
END_TEST

START_TEST(refuses)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "cache repository"},
		{"r.example/A", "cache repository"},
		{"r.example/a:tag", "cache repository"},
		{"r.example/a,mode=layers", "mode=layers"},
		{"r.example/a,", "cache option \"\""},
		{"r.example/a,required=1", "required=1"},
		{"./dir", "not supported yet"},
		{"/dir,required", "not supported yet"},
		{"oci:dir", "not supported yet"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cacheopt o;
		struct err e = ERR_INIT;

		ck_assert_msg(cacheopt_parse(rows[i].text, &o, &e) < 0, "%s", rows[i].text);
		unit_failed(e, ERR_USAGE, rows[i].says);
		ck_assert_ptr_null(o.repo);
	}
}
END_TEST

UNIT_MAIN("cacheopt", accepts, refuses)
