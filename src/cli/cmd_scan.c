/* slct scan: a flavor's security scan. */
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/exaslct.h"

struct cmd_scan_opts {
	struct exopt x; /* first: its offsets are those of the rows */
	struct cli_net net;
};

_Static_assert(offsetof(struct cmd_scan_opts, x) == 0, "the rows of exopt.h count from its beginning");

static const struct opt cmd_scan_options[] = {EXOPT_BUILD, EXOPT_SYSTEM, CLI_NET_OPTIONS(struct cmd_scan_opts)};

static int cmd_scan_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_scan_opts *o = opts;
	struct exopt with = o->x;

	/* Borrowed: the operands are the flavors. */
	with.flavor_paths = c->args.operands;
	return exaslct_scan_flavors(c, &with, &o->net, e);
}

/* clang-format off */
const struct command cmd_scan = {
	.name = "scan",
	.group = COMMAND_RUN,
	.summary = "run a flavor's security scan",
	.usage = "[OPTIONS] FLAVOR…",
	.about = "The flavor's stage security_scan is built, and its entry point runs with the argument /report, a directory "
		 "that it may write to: security_scan/FLAVOR/report in the output directory. What it writes there belongs to "
		 "the caller afterwards; its output is shown and, with all flavors', in security_scan/security_report.\n\n"
		 "The exit status is that of the first scan that failed.",
	.example = "slct scan flavors/python-demo --output-directory out",
	.opts = cmd_scan_options,
	.nopts = ARRAY_LEN(cmd_scan_options),
	.opts_size = sizeof(struct cmd_scan_opts),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = cmd_scan_run,
};
/* clang-format on */
