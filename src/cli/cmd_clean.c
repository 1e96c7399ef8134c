/* slct clean: names of flavors' images go from the store. */
#include "src/cli/clean.h"
#include "src/cli/cmd.h"
#include "src/cli/exopt.h"

struct cmd_clean_opts {
	const char *repo, *prefix;
	bool all, dry_run;
};

#define CMD_CLEAN_AT(member) .offset = offsetof(struct cmd_clean_opts, member)

/* clang-format off */
static const struct opt cmd_clean_options[] = {
	{.name = "all", .kind = OPT_FLAG, CMD_CLEAN_AT(all), .help = "the images of all flavors in the repository"},
	{.name = "docker-repository-name", .arg = "REPO", .kind = OPT_STRING, CMD_CLEAN_AT(repo),
	 .dflt = EXOPT_REPOSITORY, .help = "repository that EXASLCT's commands have named the images after"},
	{.name = "docker-tag-prefix", .arg = "TEXT", .kind = OPT_STRING, CMD_CLEAN_AT(prefix),
	 .help = "beginning of the images' tags"},
	{.name = "dry-run", .kind = OPT_FLAG, CMD_CLEAN_AT(dry_run), .help = "only print what would be removed"},
};
/* clang-format on */

static int cmd_clean_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_clean_opts *o = opts;

	if (o->all == (c->args.operands.n > 0)) {
		err_set(e, ERR_USAGE, o->all ? "--all and flavors exclude each other" : "a flavor is missing");
		return err_hint(e, "--all removes the images of all flavors");
	}
	if (o->all)
		return clean_repo(c, o->repo, o->prefix, o->dry_run, e);
	return clean_flavors(c, &c->args.operands, o->repo, o->prefix, o->dry_run, e);
}

const struct command cmd_clean = {
	.name = "clean",
	.group = COMMAND_FLAVORS,
	.flags = COMMAND_STORE,
	.summary = "remove a flavor's images",
	.usage = "[OPTIONS] FLAVOR…|--all",
	.about = "The names of the flavor's images are removed from the store: those that slct build gives "
		 "(FLAVOR-STAGE) and those of EXASLCT's commands (REPO:[PREFIX_]FLAVOR-STAGE_…). They are printed. "
		 "What no other image and no cache entry needs is deleted by the next slct gc.",
	.example = "slct clean flavors/python-demo && slct gc\n"
		   "slct clean --all --docker-repository-name localhost:5000/slc",
	.opts = cmd_clean_options,
	.nopts = ARRAY_LEN(cmd_clean_options),
	.opts_size = sizeof(struct cmd_clean_opts),
	.max_operands = COMMAND_ANY,
	.run = cmd_clean_run,
};
