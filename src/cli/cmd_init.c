/* slct init: begin something new. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/release.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

struct cmd_init_opts {
	const char *base;
	bool exaslct;
};

#define CMD_INIT_AT(member) .offset = offsetof(struct cmd_init_opts, member)

/* clang-format off */
static const struct opt cmd_init_options[] = {
	{.name = "base", .arg = "IMAGE", .kind = OPT_STRING, CMD_INIT_AT(base), .dflt = "docker.io/library/debian:12",
	 .help = "image that the flavor stands on"},
	{.name = "exaslct", .kind = OPT_FLAG, CMD_INIT_AT(exaslct),
	 .help = "in EXASLCT's layout, with build_steps.py in the place of flavor.yml"},
};
/* clang-format on */

/* @NAME@ and @BASE@ stand for what the user said. */
struct cmd_init_file {
	const char *path, *text;
};

#define CMD_INIT_BASE_DOCKERFILE                                                                                       \
	"# What the languages need at run time.\n"                                                                     \
	"FROM @BASE@\n"                                                                                                \
	"\n"                                                                                                           \
	"COPY language_deps/hello.sh /exaudf/hello.sh\n"                                                               \
	"RUN chmod 755 /exaudf/hello.sh && /exaudf/hello.sh >/exaudf/built\n"
#define CMD_INIT_CUSTOM_DOCKERFILE                                                                                     \
	"# Your own packages and files. {{ language_deps }} stands for the image of that stage.\n"                     \
	"FROM {{ language_deps }}\n"
#define CMD_INIT_RELEASE_DOCKERFILE                                                                                    \
	"# The container: from here slct export writes the archive.\n"                                                 \
	"FROM {{ flavor_customization }}\n"                                                                            \
	"\n"                                                                                                           \
	"RUN mkdir -p /conf /buckets\n"
#define CMD_INIT_SCRIPT                                                                                                \
	"#!/bin/sh\n"                                                                                                  \
	"# Stands for the program that runs the languages.\n"                                                          \
	"echo \"@NAME@ on $(uname -m)\"\n"
#define CMD_INIT_DEFINITION                                                                                            \
	"HELLO=localzmq+protobuf:///{{ bucketfs_name }}/{{ bucket_name }}/{{ path_in_bucket }}{{ release_name }}"      \
	"?lang=hello#buckets/{{ bucketfs_name }}/{{ bucket_name }}/{{ path_in_bucket }}{{ release_name }}"             \
	"/exaudf/hello.sh\n"
#define CMD_INIT_DESCRIPTION "# @NAME@\n\nSays what this flavor is for.\n"

static const struct cmd_init_file cmd_init_plain[] = {
	{"FLAVOR_DESCRIPTION.md", CMD_INIT_DESCRIPTION},
	{"flavor.yml", "# What the directories do not say; docs/internals/flavor.md has all of it.\n"
		       "version: 1\n"
		       "goals: [release]\n"
		       "\n"
		       "# Beside what a container leaves out anyway, such as /dev/* and the lists of packages.\n"
		       "export:\n"
		       "  exclude: [exaudf/built]\n"
		       "\n"
		       "# slct test runs them; exported: in the files that an export has.\n"
		       "tests:\n"
		       "  hello: {stage: release, exported: true, run: /exaudf/hello.sh}\n"},
	{"language_definition", CMD_INIT_DEFINITION},
	{"language_deps/Dockerfile", CMD_INIT_BASE_DOCKERFILE},
	{"language_deps/hello.sh", CMD_INIT_SCRIPT},
	{"flavor_customization/Dockerfile", CMD_INIT_CUSTOM_DOCKERFILE},
	{"release/Dockerfile", CMD_INIT_RELEASE_DOCKERFILE},
};

#define CMD_INIT_STEPS                                                                                                 \
	"from exasol.slc.internal.tasks.build.docker_flavor_image_task import DockerFlavorAnalyzeImageTask\n"          \
	"\n\n"                                                                                                         \
	"class AnalyzeLanguageDeps(DockerFlavorAnalyzeImageTask):\n"                                                   \
	"    def get_build_step(self) -> str:\n"                                                                       \
	"        return \"language_deps\"\n\n"                                                                         \
	"    def get_path_in_flavor(self):\n"                                                                          \
	"        return \"flavor_base\"\n"                                                                             \
	"\n\n"                                                                                                         \
	"class AnalyzeFlavorCustomization(DockerFlavorAnalyzeImageTask):\n"                                            \
	"    def get_build_step(self) -> str:\n"                                                                       \
	"        return \"flavor_customization\"\n\n"                                                                  \
	"    def requires_tasks(self):\n"                                                                              \
	"        return {\"language_deps\": AnalyzeLanguageDeps}\n"                                                    \
	"\n\n"                                                                                                         \
	"class AnalyzeRelease(DockerFlavorAnalyzeImageTask):\n"                                                        \
	"    def get_build_step(self) -> str:\n"                                                                       \
	"        return \"release\"\n\n"                                                                               \
	"    def requires_tasks(self):\n"                                                                              \
	"        return {\"flavor_customization\": AnalyzeFlavorCustomization}\n\n"                                    \
	"    def get_path_in_flavor(self):\n"                                                                          \
	"        return \"flavor_base\"\n"

static const struct cmd_init_file cmd_init_exaslct[] = {
	{"FLAVOR_DESCRIPTION.md", CMD_INIT_DESCRIPTION},
	{"flavor_base/build_steps.py", CMD_INIT_STEPS},
	{"flavor_base/language_definition", CMD_INIT_DEFINITION},
	{"flavor_base/language_deps/Dockerfile", CMD_INIT_BASE_DOCKERFILE},
	{"flavor_base/language_deps/hello.sh", CMD_INIT_SCRIPT},
	{"flavor_customization/Dockerfile", CMD_INIT_CUSTOM_DOCKERFILE},
	{"flavor_base/release/Dockerfile", CMD_INIT_RELEASE_DOCKERFILE},
};

static void cmd_init_fill(const char *text, const char *name, const char *base, struct buf *out)
{
	for (const char *p = text; *p; p++) {
		bool is_name = strncmp(p, "@NAME@", 6) == 0;

		if (!is_name && strncmp(p, "@BASE@", 6) != 0) {
			buf_char_add(out, *p);
			continue;
		}
		buf_str_add(out, is_name ? name : base);
		p += 5;
	}
}

static int cmd_init_write(const char *dir, const struct cmd_init_file *f, const char *name, const char *base,
			  struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s", dir, f->path), *parent = path_dir(path);
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	cmd_init_fill(f->text, name, base, &text);
	return release_mkdirs(parent, e) || io_write_output(path, text.p, text.n, e) ? -1 : 0;
}

/* Nothing of the user's is ever overwritten. */
static int cmd_init_mkdir(const char *dir, struct err *e)
{
	AUTO_FREE char *parent = path_dir(dir);

	if (release_mkdirs(parent, e))
		return -1;
	if (mkdir(dir, 0777) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "%s", dir);
	err_set(e, ERR_INPUT, "%s is there already", dir);
	return err_hint(e, "choose another name");
}

/* What FLAVOR-STAGE and tags of images can have. */
static bool cmd_init_is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return name[0] && name[0] != '.' && name[0] != '-' && strspn(name, allowed) == strlen(name);
}

static int cmd_init_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_init_opts *o = opts;
	const struct cmd_init_file *files = o->exaslct ? cmd_init_exaslct : cmd_init_plain;
	size_t n = o->exaslct ? ARRAY_LEN(cmd_init_exaslct) : ARRAY_LEN(cmd_init_plain);
	AUTO_FREE char *dir = path_clean(c->args.operands.v[1]);
	const char *name = path_base(dir);

	if (strcmp(c->args.operands.v[0], "flavor") != 0) {
		err_set(e, ERR_USAGE, "slct init: \"%s\" is nothing that can be begun", c->args.operands.v[0]);
		return err_hint(e, "slct init flavor NAME");
	}
	if (!cmd_init_is_name(name))
		return err_set(e, ERR_USAGE, "\"%s\" is no name for a flavor: letters, digits, '_', '.' and '-'", name);
	if (cmd_init_mkdir(dir, e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (cmd_init_write(dir, &files[i], name, o->base ? o->base : "docker.io/library/debian:12", e))
			return -1;
	}
	return cli_printf(e, "%s\n", dir);
}

/* clang-format off */
const struct command cmd_init = {
	.name = "init",
	.group = COMMAND_BUILD,
	.summary = "begin a new flavor",
	.usage = "[OPTIONS] flavor NAME",
	.about = "Writes a small flavor that builds: three stages, a language definition, a goal, a rule for exports and "
		 "a test. NAME may be a path; "
		 "its last part is the flavor's name. Nothing that is there is overwritten.",
	.example = "slct init flavor flavors/my-flavor && slct build flavors/my-flavor\n"
		   "slct init flavor --exaslct --base localhost/debian:12 flavors/other",
	.opts = cmd_init_options,
	.nopts = ARRAY_LEN(cmd_init_options),
	.opts_size = sizeof(struct cmd_init_opts),
	.min_operands = 2,
	.max_operands = 2,
	.run = cmd_init_run,
};
/* clang-format on */
