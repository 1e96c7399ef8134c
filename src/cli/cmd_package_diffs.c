/* slct package-diffs: what became of all flavors' packages. */
#include "src/cli/cmd.h"
#include "src/cli/pkgreport.h"

struct cmd_package_diffs_opts {
	const char *output, *name, *from, *to;
};

#define CMD_PACKAGE_DIFFS_AT(member) .offset = offsetof(struct cmd_package_diffs_opts, member)

/* clang-format off */
static const struct opt cmd_package_diffs_options[] = {
	{.name = "output", .letter = 'o', .arg = "DIR", .kind = OPT_STRING, CMD_PACKAGE_DIFFS_AT(output),
	 .help = "directory for the reports: README.md and two files for each flavor"},
	{.name = "from", .arg = "COMMIT", .kind = OPT_STRING, CMD_PACKAGE_DIFFS_AT(from),
	 .dflt = "the last tag of the main branch", .help = "the older version"},
	{.name = "to", .arg = "COMMIT", .kind = OPT_STRING, CMD_PACKAGE_DIFFS_AT(to), .dflt = "the working copy",
	 .help = "the newer version"},
	{.name = "name", .arg = "TEXT", .kind = OPT_STRING, CMD_PACKAGE_DIFFS_AT(name),
	 .dflt = "the commit, or \"working copy\"", .help = "what the newer version is called in the reports"},
};
/* clang-format on */

static int cmd_package_diffs_run(struct cli *c ATTR_UNUSED, const void *opts, struct err *e)
{
	const struct cmd_package_diffs_opts *o = opts;

	if (!o->output)
		return err_set(e, ERR_USAGE, "slct package-diffs: -o DIR is missing");
	return pkgreport_write(o->from, o->to, o->name, o->output, e);
}

const struct command cmd_package_diffs = {
	.name = "package-diffs",
	.group = COMMAND_FLAVORS,
	.summary = "compare the packages of two versions of a repository's flavors",
	.usage = "[OPTIONS] -o DIR",
	.about = "For each flavor in flavors/ of the git repository here, what became of the packages in packages.yml "
		 "and flavor_base/packages.yml: NEW, REMOVED, UPDATED, MOVED to another build step; as Markdown. A "
		 "flavor that the older version does not have is compared with the one that its "
		 "flavor_base/derived_from names. The git program reads the commits; neither the working copy nor "
		 "the repository is changed. Submodules are read where they are checked out.",
	.example = "slct package-diffs -o doc/package_diffs --from 1.0.0 --name 1.1.0\n"
		   "slct package-diffs -o out --from 1.0.0 --to 1.1.0",
	.opts = cmd_package_diffs_options,
	.nopts = ARRAY_LEN(cmd_package_diffs_options),
	.opts_size = sizeof(struct cmd_package_diffs_opts),
	.run = cmd_package_diffs_run,
};
