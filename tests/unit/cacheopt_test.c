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
		{"/dir,required", "oci:/dir", false, true},
		{"r.example/a,compression=zstd:9,mode=stages", "r.example/a", true, false},
		{"oci:/a/../b//c,mode=stages", "oci:/b/c", true, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cacheopt o;
		struct err e = ERR_INIT;

		unit_ok(cacheopt_parse(rows[i].text, CACHEOPT_TO, &o, &e), e);
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
		{"r.example/a,compression=lzma", "\"lzma\" is not gzip, zstd or none"},
		{"r.example/a,compression=gzip:10", "from 1 to 9"},
		{"r.example/a,compression=", "\"\" is not gzip"},
		{"r.example/a,stage=", "stage's name is missing"},
		{"r.example/a,stage=a,stages=b", "stages=b"},
		{"oci:", "its name is missing"},
		{"./dir,sometimes", "cache option \"sometimes\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cacheopt o;
		struct err e = ERR_INIT;

		ck_assert_msg(cacheopt_parse(rows[i].text, CACHEOPT_TO, &o, &e) < 0, "%s", rows[i].text);
		unit_failed(e, ERR_USAGE, rows[i].says);
		ck_assert_ptr_null(o.repo);
	}
}
END_TEST

START_TEST(takes_dockers_form)
{
	static const struct {
		const char *text, *own;
		enum cacheopt_use use;
	} rows[] = {
		{"localhost:5000/cache,mode=stages", "localhost:5000/cache,mode=stages", CACHEOPT_TO},
		{"type=registry,ref=localhost:5000/cache", "localhost:5000/cache", CACHEOPT_FROM},
		{"type=registry,ref=localhost:5000/a/cache:main", "localhost:5000/a/cache", CACHEOPT_FROM},
		{"ref=r.example/a", "ref=r.example/a", CACHEOPT_FROM}, /* without type= it is no form of docker's */
		{"type=registry,ref=r.example/a:t,mode=max,image-manifest=true,compression=zstd",
		 "r.example/a,mode=steps,compression=zstd", CACHEOPT_TO},
		{"type=registry,mode=min,ref=r.example/a,required,stage=b", "r.example/a,mode=stages,required,stage=b",
		 CACHEOPT_TO},
		{"type=registry,ref=r.example/a,mode=max", "r.example/a", CACHEOPT_FROM},
		{"type=local,src=cache", "./cache", CACHEOPT_FROM},
		{"type=local,src=/tmp/a:b", "/tmp/a:b", CACHEOPT_FROM},
		{"dest=x,type=local", "dest=x,type=local", CACHEOPT_TO},
		{"type=local,dest=../c,mode=max", "../c,mode=steps", CACHEOPT_TO},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_INIT;
		char *own = cacheopt_own(rows[i].text, rows[i].use, &e);

		ck_assert_msg(own != NULL, "%s: %s", rows[i].text, e.msg);
		ck_assert_str_eq(own, rows[i].own);
		free(own);
	}
}
END_TEST

START_TEST(refuses_what_docker_has_besides)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"type=gha", "type=gha"},
		{"type=inline", "type=inline"},
		{"type=registry", "the option ref= is missing"},
		{"type=registry,ref=", "ref="},
		{"type=registry,src=/a", "src=/a"},
		{"type=local,ref=r.example/a", "ref=r.example/a"},
		{"type=local", "the option dest= is missing"},
		{"type=registry,ref=a.example/b,ref=a.example/c", "ref=a.example/c"},
		{"type=registry,ref=a.example/b,mode=all", "mode=all"},
		{"type=registry,ref=a.example/b,", "\"\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_INIT;

		ck_assert_ptr_null(cacheopt_own(rows[i].text, CACHEOPT_TO, &e));
		unit_failed(e, ERR_USAGE, rows[i].says);
	}
}
END_TEST

START_TEST(compression)
{
	struct cacheopt o;
	struct err e = ERR_INIT;

	unit_ok(cacheopt_parse("r.example/a", CACHEOPT_TO, &o, &e), e);
	ck_assert(!o.codec_given && o.codec.codec == CODEC_GZIP && o.codec.level == 0);
	cacheopt_release(&o);
	unit_ok(cacheopt_parse("./d,compression=zstd:9", CACHEOPT_TO, &o, &e), e);
	ck_assert(o.codec_given && o.codec.codec == CODEC_ZSTD && o.codec.level == 9);
	cacheopt_release(&o);
	/* what is read says itself what it is */
	ck_assert_int_lt(cacheopt_parse("r.example/a,compression=zstd", CACHEOPT_FROM, &o, &e), 0);
	unit_failed(e, ERR_USAGE, "compression=zstd");
}
END_TEST

/* Records keep the place, so it does not depend on where the program is started. */
START_TEST(makes_directories_absolute)
{
	static const char *const texts[] = {"./d", "oci:d", "../x/d", "."};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct cacheopt o;
		struct err e = ERR_INIT;

		unit_ok(cacheopt_parse(texts[i], CACHEOPT_FROM, &o, &e), e);
		ck_assert_ptr_nonnull(cacheopt_dir(o.repo));
		ck_assert_int_eq(cacheopt_dir(o.repo)[0], '/');
		ck_assert_ptr_null(strstr(o.repo, "./"));
		cacheopt_release(&o);
	}
	ck_assert_ptr_null(cacheopt_dir("localhost:5000/oci"));
}
END_TEST

START_TEST(stages_and_use)
{
	struct cacheopt o;
	struct err e = ERR_INIT;

	unit_ok(cacheopt_parse("r.example/a,stage=deps,required,stage=b/c:d", CACHEOPT_FROM, &o, &e), e);
	ck_assert_uint_eq(o.stages.n, 2);
	ck_assert_str_eq(o.stages.v[0], "deps");
	ck_assert_str_eq(o.stages.v[1], "b/c:d");
	ck_assert(o.required);
	cacheopt_release(&o);
	ck_assert(cacheopt_parse("r.example/a,mode=stages", CACHEOPT_FROM, &o, &e) < 0);
	unit_failed(e, ERR_USAGE, "mode=stages");
}
END_TEST

UNIT_MAIN("cacheopt", accepts, refuses, stages_and_use, compression, makes_directories_absolute, takes_dockers_form,
	  refuses_what_docker_has_besides)
