/* slct completion: scripts for shells. */
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/completion.h"

static const struct {
	const char *shell;
	void (*write)(struct buf *out);
} cmd_completion_shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};

static int cmd_completion_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	const char *shell = c->args.operands.v[0];
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < ARRAY_LEN(cmd_completion_shells); i++) {
		if (strcmp(shell, cmd_completion_shells[i].shell) != 0)
			continue;
		cmd_completion_shells[i].write(&out);
		return cli_print(out.p, out.n, e);
	}
	return err_set(e, ERR_USAGE, "completion for \"%s\" is not built; there are bash, zsh and fish", shell);
}

const struct command cmd_completion = {
	.name = "completion",
	.group = COMMAND_HOUSE,
	.flags = COMMAND_BARE,
	.summary = "print a completion script for a shell",
	.usage = "[OPTIONS] SHELL",
	.about = "SHELL is bash, zsh or fish.",
	.example = "source <(slct completion bash)\n"
		   "slct completion zsh >~/.zfunc/_slct\n"
		   "slct completion fish >~/.config/fish/completions/slct.fish",
	.min_operands = 1,
	.max_operands = 1,
	.run = cmd_completion_run,
};
