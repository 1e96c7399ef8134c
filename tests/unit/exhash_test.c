/* EXASLCT's hash of a stage; tests/integration/test_exaslct.py computes more of them by EXASLCT's algorithm. */
#include <sys/stat.h>

#include "src/flavor/exhash.h"
#include "src/flavor/fcontext.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static struct unit_dir dir;

static void put(const char *name, const char *text)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *path = mem_printf("%s/%s", dir.path, name), *parent = path_dir(path);

	for (char *p = parent + strlen(dir.path) + 1; *parent; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		mkdir(parent, 0755);
		*p = c;
		if (!c)
			break;
	}
	ck_assert_int_eq(io_write_output(path, text, strlen(text), &e), 0);
}

#define STEPS                                                                                                          \
	"class A(DockerFlavorAnalyzeImageTask):\n    def get_build_step(self):\n        return \"one\"\n"              \
	"    def get_path_in_flavor(self):\n        return \"flavor_base\"\n"                                          \
	"    def get_image_changing_build_arguments(self):\n        return {\"K\": \"V\"}\n"                           \
	"class B(DockerFlavorAnalyzeImageTask):\n    def get_build_step(self):\n        return \"two\"\n"              \
	"    def requires_tasks(self):\n        return {\"one\": A}\n"                                                 \
	"    def get_path_in_flavor(self):\n        return \"flavor_base\"\n"

/* Computed with hashlib by the algorithm in the header. */
START_TEST(test_golden)
{
	struct err e = ERR_INIT;
	char hash[EXHASH_CHARS + 1];

	dir = unit_dir_make();
	put("f/flavor_base/build_steps.py", STEPS);
	put("f/flavor_base/one/Dockerfile", "FROM x\n");
	put("f/flavor_base/one/sub/file", "data");
	put("f/flavor_base/two/Dockerfile", "FROM {{one}}\n");
	AUTO_FREE char *path = mem_printf("%s/f", dir.path);
	AUTO_FLAVOR struct flavor *f = flavor_load(path, NULL, &e);
	ck_assert_msg(f != NULL, "%s", e.msg);
	ck_assert_int_eq(exhash_stage(f, flavor_stage_find(f, "one"), hash, &e), 0);
	ck_assert_str_eq(hash, "BZYZZNZ25B54VZXVJ4WMBFDKF5GSGKZCVIIE2D5FFQXKGAJVNHJQ");
	ck_assert_int_eq(exhash_stage(f, flavor_stage_find(f, "two"), hash, &e), 0);
	ck_assert_str_eq(hash, "VSLBZPP32IYONCZCCQV3H4Q3C7PLRAQNNHUZNFOJC4CABBQ6GSFQ");
	put("f/packages.yml", "build_steps: [{name: one, phases: x}]\n");
	AUTO_FLAVOR struct flavor *g = flavor_load(path, NULL, &e);
	ck_assert_int_eq(exhash_stage(g, flavor_stage_find(g, "two"), hash, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "one_packages.yml"));
	err_release(&e);
	unit_dir_release(&dir);
}
END_TEST

/* By components: what lies in a directory comes before a name that only begins like it. */
START_TEST(test_order)
{
	static const char *const names[] = {"a-b", "a/b", "a", "a/b/c", "b", "a.x", "a/b-c", "B"};
	static const char *const sorted[] = {"B", "a", "a/b", "a/b/c", "a/b-c", "a-b", "a.x", "b"};
	AUTO_FCONTEXT struct fcontext c = {0};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		vec_push(&c, (struct fcontext_entry){.dest = mem_strdup(names[i])});
	fcontext_sort(&c);
	for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
		ck_assert_str_eq(c.v[i].dest, sorted[i]);
}
END_TEST

UNIT_MAIN("exhash", test_golden, test_order)
