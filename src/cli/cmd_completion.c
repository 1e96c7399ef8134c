/* slct completion: scripts for shells. */
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/completion.h"

static int cmd_completion_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	const char *shell = c->args.operands.v[0];
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	if (strcmp(shell, "bash") != 0)
		return err_set(e, ERR_USAGE, "completion for \"%s\" is not built yet; there is bash", shell);
	completion_bash(&out);
	return cli_print(out.p, out.n, e);
}

const struct command cmd_completion = {
	.name = "completion",
	.group = COMMAND_HOUSE,
	.flags = COMMAND_BARE,
	.summary = "print a completion script for a shell",
	.usage = "[OPTIONS] SHELL",
	.about = "SHELL is bash.",
	.example = "source <(slct completion bash)",
	.min_operands = 1,
	.max_operands = 1,
	.run = cmd_completion_run,
};
