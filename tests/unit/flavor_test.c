/* Flavors: layouts, contexts, links. Each test makes its own repository. */
#include <check.h>
#include <sys/stat.h>

#include "src/flavor/fexport.h"
#include "src/flavor/flavor.h"
#include "src/flavor/flink.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

#define CLASS(name, step, body)                                                                                        \
	"class " name "(DockerFlavorAnalyzeImageTask):\n"                                                              \
	"    def get_build_step(self) -> str:\n        return \"" step "\"\n" body
#define IN_BASE	       "    def get_path_in_flavor(self):\n        return \"flavor_base\"\n"
#define REQUIRES(dict) "    def requires_tasks(self):\n        return " dict "\n"
#define MAPPING(dict)  "    def get_additional_build_directories_mapping(self):\n        return " dict "\n"

static void put(const struct unit_dir *d, const char *path, const char *text)
{
	AUTO_FREE char *full = path_join(d->path, path);
	AUTO_FREE char *dir = path_dir(full);
	AUTO_FREE char *cmd = mem_printf("mkdir -p '%s'", dir);
	struct err e = ERR_INIT;

	ck_assert_int_eq(system(cmd), 0);
	unit_ok(io_write_file_atomic(AT_FDCWD, full, text, strlen(text), 0644, &e), e);
}

static void put_link(const struct unit_dir *d, const char *target, const char *path)
{
	ck_assert_int_eq(symlinkat(target, d->fd, path), 0);
}

static struct flavor *load(const struct unit_dir *d, const char *path)
{
	AUTO_FREE char *full = path_join(d->path, path);
	struct err e = ERR_INIT;
	struct flavor *f = flavor_load(full, NULL, &e);

	ck_assert_msg(f != NULL, "%s", e.msg ? e.msg : "no message");
	return f;
}

static void load_fails(const struct unit_dir *d, const char *path, unsigned line, const char *text)
{
	AUTO_FREE char *full = path_join(d->path, path);
	struct err e = ERR_INIT;

	ck_assert_ptr_null(flavor_load(full, NULL, &e));
	ck_assert_msg(e.place.line == line, "line %u: %s", e.place.line, e.msg);
	unit_failed(e, ERR_INPUT, text);
}

static const struct flavor_stage *stage(const struct flavor *f, const char *name)
{
	const struct flavor_stage *s = flavor_stage_find(f, name);

	ck_assert_msg(s != NULL, "no stage %s", name);
	return s;
}

/* The last entry wins, as it hides the others. */
static const struct flavor_mapping *mapping(const struct flavor_stage *s, const char *dest)
{
	const struct flavor_mapping *m = NULL;

	for (size_t i = 0; i < s->ncontext; i++)
		if (!strcmp(s->context[i].dest, dest))
			m = &s->context[i];
	return m;
}

static void maps(const struct unit_dir *d, const struct flavor_stage *s, const char *dest, const char *src)
{
	AUTO_FREE char *full = path_join(d->path, src);

	ck_assert_msg(mapping(s, dest) != NULL, "%s has no %s", s->name, dest);
	ck_assert_str_eq(mapping(s, dest)->src, full);
}

static void renders(const struct flavor *f, const char *name, const char *want)
{
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;
	size_t n;

	unit_ok(flavor_dockerfile(f, stage(f, name), &text, &n, &e), e);
	ck_assert_str_eq(text, want);
	ck_assert_uint_eq(n, strlen(want));
}

static void put_exaslct(const struct unit_dir *d)
{
	put(d, "flavors/x/flavor_base/build_steps.py",
	    CLASS("Deps", "deps", IN_BASE MAPPING("{\"scripts\": \"ext/scripts\", \"conf/a.txt\": \"ext/a.txt\"}"))
		    CLASS("Custom", "flavor_customization", REQUIRES("{\"base\": Deps}")) CLASS(
			    "Release", "release",
			    IN_BASE REQUIRES(
				    "{\"deps\": Deps, \"custom\": Custom}") "    def get_language_definition(self):\n  "
									    "      return "
									    "\"language_definitions.json\"\n"
									    "    def "
									    "get_image_changing_build_arguments(self):"
									    "\n        return {\"A\": \"1\"}\n"
									    "    def "
									    "get_transparent_build_arguments(self):\n  "
									    "      return {\"T\": \"2\"}\n"));
	put(d, "flavors/x/flavor_base/deps/Dockerfile", "FROM debian");
	put(d, "flavors/x/flavor_customization/Dockerfile", "FROM {{base}}\n");
	put(d, "flavors/x/flavor_base/release/Dockerfile", "FROM {{ deps }}\nCOPY --from={{ custom }} / /\n");
	put(d, "flavors/x/flavor_base/language_definitions.json", "{}");
	put(d, "flavors/x/packages.yml", "build_steps:\n- name: deps\n  public: 1\nversion: 1.10\n");
	put(d, "flavors/x/flavor_base/packages.yml",
	    "build_steps:\n- name: deps\n  internal: 1\n- name: release\n  internal: 1\n");
	put(d, "ext/scripts/run.sh", "true\n");
	put(d, "ext/a.txt", "a");
}

START_TEST(test_exaslct)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;
	const struct flavor_stage *deps, *release;

	put_exaslct(&d);
	f = load(&d, "flavors/x");
	ck_assert_int_eq(f->form, FLAVOR_EXASLCT);
	ck_assert_str_eq(f->name, "x");
	ck_assert_str_eq(f->root, d.path);
	ck_assert_uint_eq(f->nstages, 3);
	deps = stage(f, "deps");
	release = stage(f, "release");
	maps(&d, deps, "deps", "flavors/x/flavor_base/deps");
	maps(&d, deps, "Dockerfile", "flavors/x/flavor_base/deps/Dockerfile");
	maps(&d, deps, "scripts", "ext/scripts");
	maps(&d, deps, "conf/a.txt", "ext/a.txt");
	maps(&d, stage(f, "flavor_customization"), "Dockerfile", "flavors/x/flavor_customization/Dockerfile");
	maps(&d, release, "language_definitions.json", "flavors/x/flavor_base/language_definitions.json");
	ck_assert_ptr_null(mapping(deps, "language_definitions.json"));
	ck_assert_uint_eq(release->nrequires, 2);
	ck_assert_str_eq(release->requires[1].alias, "custom");
	ck_assert_str_eq(release->requires[1].stage, "flavor_customization");
	ck_assert_str_eq(smap_get(&release->args, "A"), "1");
	ck_assert_str_eq(smap_get(&release->transparent_args, "T"), "2");
	ck_assert_uint_eq(f->default_goals.n, 1);
	ck_assert_str_eq(f->default_goals.v[0], "release");
	renders(f, "deps", "FROM debian");
	renders(f, "release",
		"FROM stage.slct.invalid/deps\nCOPY --from=stage.slct.invalid/flavor_customization / /\n");
}
END_TEST

/* EXASLCT makes /build_info in every image; here a stage has it only if another copies it and nobody made it. */
START_TEST(test_build_info)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;

	put_exaslct(&d);
	put(&d, "flavors/x/flavor_base/release/Dockerfile",
	    "FROM debian\nCOPY --from={{ custom }} /build_info /build_info\n");
	f = load(&d, "flavors/x");
	renders(f, "flavor_customization",
		"FROM stage.slct.invalid/deps\n\nCOPY Dockerfile /build_info/dockerfiles/flavor_customization\n");
	renders(f, "deps", "FROM debian");
	put(&d, "flavors/x/flavor_customization/Dockerfile", "FROM {{base}}\n # RUN mkdir /build_info\n");
	renders(f, "flavor_customization",
		"FROM stage.slct.invalid/deps\n # RUN mkdir /build_info\n\n"
		"COPY Dockerfile /build_info/dockerfiles/flavor_customization\n");
	put(&d, "flavors/x/flavor_base/deps/Dockerfile", "FROM debian\nRUN mkdir -p /build_info/packages");
	renders(f, "flavor_customization", "FROM stage.slct.invalid/deps\n # RUN mkdir /build_info\n");
	put(&d, "flavors/x/flavor_base/deps/Dockerfile", "FROM debian");
	put(&d, "flavors/x/flavor_base/release/Dockerfile",
	    "FROM debian\n# COPY --from={{custom}} /build_info /build_info\nCOPY --from={{custom}} /usr /usr\n");
	renders(f, "flavor_customization", "FROM stage.slct.invalid/deps\n # RUN mkdir /build_info\n");
}
END_TEST

START_TEST(test_packages_file)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;
	const struct flavor_mapping *m;

	put_exaslct(&d);
	f = load(&d, "flavors/x");
	m = mapping(stage(f, "deps"), "deps_packages.yml");
	ck_assert_msg(m && strstr(m->text, "\"public\": \"1\"") && strstr(m->text, "\"1.10\""), "public first");
	ck_assert_ptr_null(strstr(m->text, "internal"));
	ck_assert_uint_eq(m->text_len, strlen(m->text));
	m = mapping(stage(f, "release"), "release_packages.yml");
	ck_assert_ptr_nonnull(strstr(m->text, "internal"));
	ck_assert_ptr_null(mapping(stage(f, "flavor_customization"), "flavor_customization_packages.yml"));
}
END_TEST

START_TEST(test_undefined_name)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;
	size_t n;

	put_exaslct(&d);
	put(&d, "flavors/x/flavor_base/release/Dockerfile",
	    "FROM {{ deps }}\nCOPY --from={{ flavor_customization }} / /\n");
	f = load(&d, "flavors/x");
	ck_assert_int_eq(flavor_dockerfile(f, stage(f, "release"), &text, &n, &e), -1);
	ck_assert_uint_eq(e.place.line, 2);
	ck_assert_uint_eq(e.place.col, 13);
	ck_assert_ptr_nonnull(strstr(e.hint, "deps, custom"));
	unit_failed(e, ERR_INPUT, "{{ flavor_customization }}");
}
END_TEST

START_TEST(test_bad_steps)
{
	static const struct {
		const char *steps;
		unsigned line;
		const char *text;
	} cases[] = {
		{CLASS("A", "../a", IN_BASE), 1, "cannot be the name of a stage"},
		{CLASS("A", "a", MAPPING("{\"../x\": \"ext\"}")), 5, "no place below the build context"},
		{CLASS("A", "a", MAPPING("{\"/x\": \"ext\"}")), 5, "no place below the build context"},
		{CLASS("A", "a", MAPPING("{\"x/..\": \"ext\"}")), 5, "no place below the build context"},
		{CLASS("A", "a", MAPPING("{\"x\": \"../ext\"}")), 5, "leaves the repository"},
		{CLASS("A", "a", MAPPING("{\"x\": \"/etc\"}")), 5, "leaves the repository"},
		{CLASS("A", "a", "    def get_path_in_flavor(self):\n        return \"../..\"\n"), 1,
		 "leaves the flavor"},
		{CLASS("A", "a", "    def get_language_definition(self):\n        return \"/etc/passwd\"\n"), 1,
		 "leaves the flavor"},
		{"import os\n", 0, "no build steps"},
		{"x\n", 1, "unsupported construct"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		UNIT_DIR(d);

		put(&d, "flavors/x/flavor_base/build_steps.py", cases[i].steps);
		load_fails(&d, "flavors/x", cases[i].line, cases[i].text);
	}
}
END_TEST

START_TEST(test_plain)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;

	put(&d, "mine/b/Dockerfile", "FROM {{a}}\n# {{c}}\n");
	put(&d, "mine/a/Dockerfile", "FROM x\n");
	put(&d, "mine/c/Dockerfile", "FROM {{ a }}\n");
	put(&d, "mine/docs/README", "no stage");
	put(&d, "mine/.git/Dockerfile", "FROM no-stage\n");
	put(&d, "mine/packages.yml", "build_steps:\n- name: a\n");
	f = load(&d, "mine");
	ck_assert_int_eq(f->form, FLAVOR_PLAIN);
	ck_assert_uint_eq(f->nstages, 3);
	ck_assert_str_eq(f->root, d.path);
	ck_assert_uint_eq(f->default_goals.n, 2);
	ck_assert_str_eq(f->default_goals.v[0], "b");
	ck_assert_str_eq(f->default_goals.v[1], "c");
	ck_assert_uint_eq(stage(f, "b")->nrequires, 1);
	maps(&d, stage(f, "b"), "b", "mine/b");
	ck_assert_ptr_nonnull(mapping(stage(f, "a"), "a_packages.yml"));
	renders(f, "b", "FROM stage.slct.invalid/a\n# stage.slct.invalid/c\n");
}
END_TEST

START_TEST(test_cycle_has_goals)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;

	put(&d, "mine/a/Dockerfile", "FROM {{b}}\n");
	put(&d, "mine/b/Dockerfile", "FROM {{a}}\n");
	f = load(&d, "mine");
	ck_assert_uint_eq(f->default_goals.n, 2);
}
END_TEST

START_TEST(test_flavor_yml)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;

	put_exaslct(&d);
	put(&d, "flavors/x/flavor_base/build_steps.py", "print('not for us')\n");
	put(&d, "flavors/x/flavor_base/release/Dockerfile", "FROM {{ deps }}\n");
	put(&d, "flavors/x/flavor_customization/Dockerfile", "FROM {{deps}}\n");
	put(&d, "flavors/x/flavor.yml",
	    "version: 1\ngoals: [deps]\nstages:\n  release:\n    context: {scripts: ext/scripts}\n"
	    "    args: {V: 3.10}\n    transparent_args:\n      J: 4\n  deps:\n");
	f = load(&d, "flavors/x");
	ck_assert_int_eq(f->form, FLAVOR_PLAIN);
	ck_assert_uint_eq(f->nstages, 3);
	maps(&d, stage(f, "release"), "scripts", "ext/scripts");
	ck_assert_str_eq(smap_get(&stage(f, "release")->args, "V"), "3.10");
	ck_assert_str_eq(smap_get(&stage(f, "release")->transparent_args, "J"), "4");
	ck_assert_uint_eq(f->default_goals.n, 1);
	ck_assert_str_eq(f->default_goals.v[0], "deps");
}
END_TEST

/* Without `stages` a flavor.yml adds to what build_steps.py says. */
START_TEST(test_flavor_yml_adds)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL, *replaced = NULL;

	put_exaslct(&d);
	put(&d, "flavors/x/flavor.yml",
	    "goals: [deps]\ntests:\n  t: {stage: release, run: 'true'}\nexport: {exclude: [opt/build/]}\n");
	f = load(&d, "flavors/x");
	ck_assert_int_eq(f->form, FLAVOR_EXASLCT);
	ck_assert_uint_eq(f->default_goals.n, 1);
	ck_assert_str_eq(f->default_goals.v[0], "deps");
	ck_assert_uint_eq(f->tests.n, 1);
	ck_assert(strv_has(&f->export.exclude, "opt/build") && strv_has(&f->export.exclude, "dev/*"));
	put(&d, "flavors/x/flavor.yml", "stages:\n");
	replaced = load(&d, "flavors/x");
	ck_assert_int_eq(replaced->form, FLAVOR_PLAIN);
}
END_TEST

START_TEST(test_export_rules)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL, *usual = NULL, *none = NULL;
	AUTO_FREE char *id = NULL, *other = NULL, *no_id = NULL;
	struct err e = ERR_INIT;

	put(&d, "mine/a/Dockerfile", "FROM x\n");
	usual = load(&d, "mine");
	no_id = fexport_id(&usual->export);
	ck_assert_ptr_null(no_id);
	put(&d, "mine/export/m.json", "{\"a\": 1}");
	put(&d, "mine/export/run", "#!");
	ck_assert_int_eq(fchmodat(d.fd, "mine/export/run", 0700, 0), 0);
	put(&d, "mine/flavor.yml",
	    "export:\n  links: {/etc/hosts: /own, a: b}\n"
	    "  files: {exasol-manifest.json: export/m.json, opt//run: export/run}\n");
	f = load(&d, "mine");
	unit_ok(fexport_load(&f->export, &e), e);
	ck_assert_uint_eq(f->export.links.n, 3);
	ck_assert_str_eq(f->export.links.v[1].target, "/own");
	ck_assert_uint_eq(f->export.last.n, 1);
	ck_assert_str_eq(f->export.last.v[0].text, "{\"a\": 1}");
	ck_assert_uint_eq(f->export.files.n, 1);
	ck_assert_str_eq(f->export.files.v[0].path, "opt/run");
	ck_assert_uint_eq(f->export.files.v[0].mode, 0755);
	id = fexport_id(&f->export);
	ck_assert_uint_eq(strlen(id), 16);
	put(&d, "mine/export/run", "#?");
	unit_ok(fexport_load(&f->export, &e), e);
	other = fexport_id(&f->export);
	ck_assert_str_ne(id, other);
	ck_assert_int_eq(unlinkat(d.fd, "mine/export/run", 0), 0);
	ck_assert_int_eq(fexport_load(&f->export, &e), -1);
	ck_assert_uint_eq(e.place.line, 3);
	unit_failed(e, ERR_INPUT, "opt/run");
	put(&d, "mine/flavor.yml", "export:\n  exclude: [a]\n  usual: false\n");
	none = load(&d, "mine");
	ck_assert_uint_eq(none->export.exclude.n, 1);
	ck_assert_uint_eq(none->export.links.n + none->export.last.n, 0);
}
END_TEST

START_TEST(test_bad_flavor_yml)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *msg;
	} cases[] = {
		{"goal: a\n", 1, "unknown key goal"},
		{"version: 2\n", 1, "version 2"},
		{"export: []\n", 1, "a mapping"},
		{"export:\n  only: x\n", 2, "unknown key only"},
		{"export:\n  exclude: a\n", 2, "list of globs"},
		{"export:\n  exclude:\n  - a\n  - [b]\n", 4, "a glob is a text"},
		{"export:\n  exclude:\n  - a\n  - /\n", 4, "no place below the root"},
		{"export:\n  exclude: [../a]\n", 2, "no place below the root"},
		{"export:\n  exclude: [\"a/**\"]\n", 2, "** has no meaning"},
		{"export:\n  links: [a]\n", 2, "a mapping from paths"},
		{"export:\n  links:\n    a: [b]\n", 3, "the link a is no text"},
		{"export:\n  links:\n    ../a: b\n", 3, "no place below the root"},
		{"export:\n  links:\n    a: b\n    a/c: d\n", 4, "below, the other"},
		{"export:\n  links:\n    exasol-manifest.json: d\n", 3, "below, the other"},
		{"export:\n  files:\n    etc/hosts: x\n", 3, "below, the other"},
		{"export:\n  files:\n    a: ../x\n", 3, "no file below the flavor"},
		{"export:\n  usual: 3\n", 2, "true or false"},
		{"tests: []\n", 1, "mapping from names"},
		{"tests:\n  a: {stage: a}\n", 2, "needs stage and run"},
		{"services:\n  a: {image: a, ready: [[]]}\n", 2, "a command is a text"},
		{"goals: [b]\n", 1, "no stage b"},
		{"goals: a\n", 1, "goals"},
		{"stages: [a]\n", 1, "mapping"},
		{"stages:\n  b: {}\n", 2, "no stage b"},
		{"stages:\n  a:\n    mapping: {}\n", 3, "unknown key mapping"},
		{"stages:\n  a:\n    args: [x]\n", 3, "mapping from names to texts"},
		{"stages:\n  a:\n    args:\n      x: [y]\n", 4, "no text"},
		{"stages:\n  a:\n    context:\n      x: ../y\n", 4, "leaves the repository"},
		{"- a\n", 1, "mapping"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		UNIT_DIR(d);

		put(&d, "mine/a/Dockerfile", "FROM x\n");
		put(&d, "mine/flavor.yml", cases[i].text);
		load_fails(&d, "mine", cases[i].line, cases[i].msg);
	}
}
END_TEST

START_TEST(test_is_flavor)
{
	UNIT_DIR(d);
	static const struct {
		const char *path;
		bool is;
	} cases[] = {
		{"flavors/x", true}, {"mine", true},  {"context", false},   {"flavors", false},
		{"ext", false},	     {"none", false}, {"ext/a.txt", false}, {"linked", true},
	};

	put_exaslct(&d);
	put(&d, "mine/a/Dockerfile", "FROM x\n");
	put(&d, "context/a/Dockerfile", "FROM x\n");
	put(&d, "context/Dockerfile", "FROM x\n");
	ck_assert_int_eq(mkdirat(d.fd, "linked", 0755), 0);
	put_link(&d, "nowhere", "linked/flavor_base");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *full = path_join(d.path, cases[i].path);

		ck_assert_msg(flavor_is_flavor(full) == cases[i].is, "%s", cases[i].path);
	}
	load_fails(&d, "linked", 0, "dangling symbolic link");
	load_fails(&d, "ext", 0, "no stages");
	load_fails(&d, "none", 0, "does not exist");
	load_fails(&d, "ext/a.txt", 0, "no directory");
}
END_TEST

START_TEST(test_links_out_of_the_flavor)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;
	struct err e = ERR_INIT;

	put_exaslct(&d);
	ck_assert_int_eq(renameat(d.fd, "flavors/x/flavor_base", d.fd, "submodule"), 0);
	put_link(&d, "../../submodule", "flavors/x/flavor_base");
	put_link(&d, "../scripts", "ext/scripts/../again");
	put_link(&d, "a.txt", "ext/b.txt");
	put_link(&d, "x", "flavors/y");
	f = load(&d, "flavors/y");
	ck_assert_str_eq(f->name, "y");
	ck_assert_str_eq(f->root, d.path);
	renders(f, "deps", "FROM debian");
	unit_ok(flavor_stage_check(f, stage(f, "deps"), &e), e);
}
END_TEST

static void check_fails(const struct flavor *f, const char *name, const char *text, const char *hint)
{
	struct err e = ERR_INIT;

	ck_assert_int_eq(flavor_stage_check(f, stage(f, name), &e), -1);
	ck_assert_msg(e.hint && strstr(e.hint, hint), "%s: hint: %s", e.msg, e.hint);
	unit_failed(e, ERR_INPUT, text);
}

START_TEST(test_bad_links_in_a_context)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;
	struct err e = ERR_INIT;

	put_exaslct(&d);
	f = load(&d, "flavors/x");
	put_link(&d, "../gone", "ext/scripts/lib");
	check_fails(f, "deps", "ext/scripts/lib -> ", "git submodule update --init");
	unit_ok(flavor_stage_check(f, stage(f, "release"), &e), e);
	ck_assert_int_eq(unlinkat(d.fd, "ext/scripts/lib", 0), 0);

	put_link(&d, "two", "ext/scripts/one");
	put_link(&d, "one", "ext/scripts/two");
	check_fails(f, "deps", "lead back to themselves: ", "point to a file or directory");
	ck_assert_int_eq(unlinkat(d.fd, "ext/scripts/one", 0), 0);
	ck_assert_int_eq(unlinkat(d.fd, "ext/scripts/two", 0), 0);

	ck_assert_int_eq(mkdirat(d.fd, "ext/scripts/sub", 0755), 0);
	put_link(&d, "..", "ext/scripts/sub/up");
	check_fails(f, "deps", "ext/scripts/sub/up -> ", "remove the link");
	ck_assert_int_eq(unlinkat(d.fd, "ext/scripts/sub/up", 0), 0);

	put_link(&d, "sub", "ext/scripts/first");
	put_link(&d, "sub", "ext/scripts/second");
	unit_ok(flavor_stage_check(f, stage(f, "deps"), &e), e);
}
END_TEST

START_TEST(test_missing_sources)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;
	size_t n;

	put_exaslct(&d);
	f = load(&d, "flavors/x");
	ck_assert_int_eq(unlinkat(d.fd, "ext/a.txt", 0), 0);
	ck_assert_int_eq(flavor_stage_check(f, stage(f, "deps"), &e), -1);
	unit_failed(e, ERR_INPUT, "stage deps, conf/a.txt of its context: ");
	ck_assert_int_eq(unlinkat(d.fd, "flavors/x/flavor_base/deps/Dockerfile", 0), 0);
	put_link(&d, "../nowhere", "flavors/x/flavor_base/deps/Dockerfile");
	ck_assert_int_eq(flavor_dockerfile(f, stage(f, "deps"), &text, &n, &e), -1);
	unit_failed(e, ERR_INPUT, "dangling symbolic link");
}
END_TEST

START_TEST(test_link_chains)
{
	UNIT_DIR(d);
	static const struct {
		const char *link, *text;
	} cases[] = {
		{"a", "/a -> "},
		{"c", "/c -> "},
		{"self", "/self -> "},
		{"dir/x", "/dir -> "},
		{"missing/x", "/missing does not exist"},
	};

	put_link(&d, "b", "a");
	put_link(&d, "a", "b");
	put_link(&d, "e/f", "c");
	put_link(&d, "self", "self");
	put_link(&d, "gone", "dir");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *path = path_join(d.path, cases[i].link);
		struct err e = ERR_INIT;

		ck_assert_int_eq(flink_stat(path, NULL, &e), -1);
		unit_failed(e, ERR_INPUT, cases[i].text);
	}
}
END_TEST

START_TEST(test_root)
{
	UNIT_DIR(d);
	AUTO_FLAVOR struct flavor *f = NULL;
	AUTO_FREE char *path = path_join(d.path, "flavors/x");
	AUTO_FREE char *root = path_join(d.path, "other");
	AUTO_FREE char *want = path_join(d.path, "other/ext/scripts");
	struct err e = ERR_INIT;

	put_exaslct(&d);
	f = flavor_load(path, root, &e);
	ck_assert_str_eq(mapping(stage(f, "deps"), "scripts")->src, want);
}
END_TEST

START_TEST(test_stage_of_ref)
{
	ck_assert_str_eq(flavor_stage_of_ref("stage.slct.invalid/release"), "release");
	ck_assert_ptr_null(flavor_stage_of_ref("docker.io/library/release"));
}
END_TEST

START_TEST(test_examples)
{
	static const struct {
		const char *path, *goals;
		size_t stages;
	} cases[] = {
		{"flavors/hello", "check", 3},
		{"flavors/python-demo", "release base_test_build_run flavor_test_build_run", 10},
	};

	ck_assert(!flavor_is_flavor("flavors/shared"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		AUTO_FLAVOR struct flavor *f = flavor_load(cases[i].path, NULL, &e);
		AUTO_FREE char *goals = NULL;

		ck_assert_msg(f != NULL, "%s", e.msg);
		ck_assert(flavor_is_flavor(cases[i].path));
		goals = strv_join(&f->default_goals, " ");
		ck_assert_str_eq(goals, cases[i].goals);
		ck_assert_uint_eq(f->nstages, cases[i].stages);
		for (size_t k = 0; k < f->nstages; k++) {
			AUTO_FREE char *text = NULL;
			size_t n;

			unit_ok(flavor_stage_check(f, &f->stages[k], &e), e);
			unit_ok(flavor_dockerfile(f, &f->stages[k], &text, &n, &e), e);
			ck_assert_ptr_null(strstr(text, "{{"));
		}
	}
}
END_TEST

UNIT_MAIN("flavor", test_exaslct, test_build_info, test_packages_file, test_undefined_name, test_bad_steps, test_plain,
	  test_cycle_has_goals, test_flavor_yml, test_flavor_yml_adds, test_export_rules, test_bad_flavor_yml,
	  test_is_flavor, test_links_out_of_the_flavor, test_bad_links_in_a_context, test_missing_sources,
	  test_link_chains, test_root, test_stage_of_ref, test_examples)
