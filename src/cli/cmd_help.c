/* slct help [COMMAND]: also the source of the man pages. */
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/exaslct.h"
#include "src/cli/help.h"
#include "src/cli/manpage.h"

struct cmd_help_opts {
	bool man, list;
};

/* clang-format off */
static const struct opt cmd_help_options[] = {
	{.name = "man", .kind = OPT_FLAG, .offset = offsetof(struct cmd_help_opts, man),
	 .help = "the manual page, in the language of man(7)"},
	{.name = "list", .kind = OPT_FLAG, .offset = offsetof(struct cmd_help_opts, list),
	 .help = "only the names of the commands that work; with --man of the manual pages"},
};
/* clang-format on */

/* pages: of manual pages, of which EXASLCT's commands have some, too. */
static void cmd_help_names(bool pages, struct buf *out)
{
	for (const struct command *const *p = command_table(); *p; p++) {
		if (!((*p)->flags & COMMAND_HIDDEN))
			buf_printf(out, "%s\n", (*p)->name);
	}
	for (const struct command *const *p = exaslct_table(); pages && *p; p++) {
		if ((*p)->run)
			buf_printf(out, "exaslct-%s\n", strchr((*p)->name, ' ') + 1);
	}
}

/* EXASLCT's commands have pages of their own: slct-exaslct-build(1). */
static const struct command *cmd_help_find(const char *name)
{
	static const char prefix[] = "exaslct-";
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 ? exaslct_find(name + n) : command_find(name);
}

static int cmd_help_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_help_opts *o = opts;
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	const char *name = c->args.operands.n ? c->args.operands.v[0] : NULL;
	const struct command *cmd = name ? cmd_help_find(name) : NULL;

	if (name && !cmd)
		return command_unknown(name, e);
	if (o->list)
		cmd_help_names(o->man, &text);
	else if (o->man && cmd)
		manpage_command(cmd, &text);
	else if (o->man)
		manpage_overview(&text);
	else if (cmd)
		help_command(cmd, &text);
	else
		help_overview(&text);
	return cli_print(text.p, text.n, e);
}

const struct command cmd_help = {
	.name = "help",
	.group = COMMAND_HOUSE,
	.flags = COMMAND_BARE,
	.summary = "explain slct or one of its commands",
	.usage = "[OPTIONS] [COMMAND]",
	.example = "slct help build\nslct help --man build | man -l -",
	.opts = cmd_help_options,
	.nopts = ARRAY_LEN(cmd_help_options),
	.opts_size = sizeof(struct cmd_help_opts),
	.max_operands = 1,
	.run = cmd_help_run,
};
