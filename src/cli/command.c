/* Command table and dispatch. */
#include "src/cli/command.h"

#include <unistd.h>

#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/exaslct.h"
#include "src/cli/help.h"
#include "src/cli/report.h"
#include "src/cli/secretargs.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/nearest.h"
#include "src/util/path.h"

/* clang-format off */
static const struct command *const command_list[] = {
	&cmd_build,
	&cmd_plan,
	&cmd_why,
	&cmd_verify,
	&cmd_lint,
	&cmd_lock,
	&cmd_init,
	&cmd_images,
	&cmd_inspect,
	&cmd_history,
	&cmd_tag,
	&cmd_rm,
	&cmd_ls,
	&cmd_cat,
	&cmd_diff,
	&cmd_pull,
	&cmd_push,
	&cmd_copy,
	&cmd_save,
	&cmd_load,
	&cmd_import,
	&cmd_manifest,
	&cmd_tags,
	&cmd_login,
	&cmd_logout,
	&cmd_run,
	&cmd_shell,
	&cmd_test,
	&cmd_scan,
	&cmd_export,
	&cmd_upload,
	&cmd_deploy,
	&cmd_activation,
	&cmd_clean,
	&cmd_package_diffs,
	&cmd_exaslct,
	&cmd_gc,
	&cmd_du,
	&cmd_fsck,
	&cmd_cache,
	&cmd_doctor,
	&cmd_version,
	&cmd_completion,
	&cmd_help,
	NULL,
};
/* clang-format on */

const struct command *const *command_table(void)
{
	return command_list;
}

const char *command_group_title(enum command_group g)
{
	static const char *const titles[] = {
		[COMMAND_BUILD] = "Build",     [COMMAND_IMAGES] = "Images",	  [COMMAND_RUN] = "Run",
		[COMMAND_FLAVORS] = "Flavors", [COMMAND_HOUSE] = "House-keeping",
	};

	return titles[g];
}

const struct command *command_find(const char *name)
{
	for (size_t i = 0; command_list[i]; i++) {
		if (strcmp(command_list[i]->name, name) == 0)
			return command_list[i];
	}
	return NULL;
}

int command_unknown(const char *name, struct err *e)
{
	struct nearest near = NEAREST_INIT(name);

	for (size_t i = 0; command_list[i]; i++)
		nearest_offer(&near, command_list[i]->name);
	err_set(e, ERR_USAGE, "unknown command \"%s\"", name);
	if (near.best)
		return err_hint(e, "did you mean slct %s?", near.best);
	return err_hint(e, "slct help lists the commands");
}

static int command_count_operands(const struct cli *c, struct err *e)
{
	const struct command *cmd = c->command;
	size_t n = c->args.operands.n;

	if (n < cmd->min_operands)
		err_set(e, ERR_USAGE, "slct %s: an operand is missing", cmd->name);
	else if (n > cmd->max_operands)
		err_set(e, ERR_USAGE, "slct %s: \"%s\" is too much", cmd->name, c->args.operands.v[cmd->max_operands]);
	else
		return 0;
	return err_hint(e, "usage: slct %s %s", cmd->name, cmd->usage);
}

/* An option of the command line over what files and environment say. */
static int command_settings(struct cli *c, struct err *e)
{
	AUTO_FREE char *file = NULL;
	struct settings_sources src;
	struct settings *s = &c->settings;

	settings_sources_init(&src, c->g.config, &file);
	if (settings_load(s, &src, e))
		return -1;
	if (c->g.root && settings_override(s, SETTING_ROOT, c->g.root, "--root", e))
		return -1;
	if (c->g.progress && settings_override(s, SETTING_PROGRESS, c->g.progress, "--progress", e))
		return -1;
	if (c->g.color == OPT_YES)
		return settings_override(s, SETTING_COLOR, "always", "--color", e);
	if (c->g.color == OPT_NO)
		return settings_override(s, SETTING_COLOR, "never", "--no-color", e);
	return 0;
}

static bool command_wants_color(const struct cli *c)
{
	const char *color = settings_get(&c->settings, SETTING_COLOR);
	const char *term = getenv("TERM");

	if (strcmp(color, "auto") != 0)
		return strcmp(color, "always") == 0;
	return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

static int command_print_help(const struct command *cmd, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	if (cmd)
		help_command(cmd, &text);
	else
		help_overview(&text);
	return cli_print(text.p, text.n, e);
}

static int command_run(struct cli *c, const void *opts, struct err *e)
{
	const struct command *cmd = c->command;
	int rc;

	if (!cmd->run)
		return exaslct_refuse(cmd, e);
	if (cmd->flags & COMMAND_BARE)
		return cmd->run(c, opts, e);
	if (command_settings(c, e))
		return -1;
	c->color = command_wants_color(c);
	log_set_level(c->g.quiet ? LOG_ERROR : (enum log_level)(LOG_WARN + (c->g.verbose < 2 ? c->g.verbose : 2)));
	if (cmd->flags & COMMAND_STORE) {
		AUTO_FREE char *root = cli_store_root(c);

		c->store = store_open(root, e);
		if (!c->store)
			return -1;
	}
	rc = cmd->run(c, opts, e);
	if (c->store)
		store_close(c->store);
	return rc;
}

/* args: what follows the command's name. */
static int command_parse_and_run(struct cli *c, char *const *args, size_t n, struct err *e)
{
	const struct command *cmd = c->command;
	AUTO_FREE void *opts = mem_zalloc(cmd->opts_size ? cmd->opts_size : 1);
	size_t nglobals, used = 0;
	const struct opt *globals = cli_global_options(&nglobals);
	struct opt_set sets[] = {{cmd->opts, cmd->nopts, opts}, {globals, nglobals, &c->g}};
	int rc;

	if (!cmd->run && !cmd->nopts)
		return exaslct_refuse(cmd, e);
	rc = opt_parse(sets, ARRAY_LEN(sets), args, n, cmd->flags & COMMAND_PREFIX, &c->args, &used, e);
	for (size_t i = used; !rc && cmd->flags & COMMAND_PREFIX && i < n; i++)
		strv_add(&c->args.operands, args[i]);
	if (rc && !e->hint)
		err_hint(e, "slct %s --help explains its options", cmd->name);
	else if (!rc && c->g.help)
		rc = command_print_help(cmd, e);
	else if (!rc &&
		 (command_count_operands(c, e) || opt_check_conflicts(cmd->conflicts, cmd->nconflicts, &c->args, e)))
		rc = -1;
	else if (!rc)
		rc = command_run(c, opts, e);
	opt_set_release(&sets[0]);
	return rc;
}

static int command_no_name(const struct cli *c, struct err *e)
{
	if (c->g.help)
		return command_print_help(NULL, e);
	err_set(e, ERR_USAGE, "a command is missing");
	return err_hint(e, "slct help lists the commands");
}

/* EXASLCT's command line: its command, then its options. */
static int command_exaslct(struct cli *c, char *const *args, size_t n, struct err *e)
{
	struct exaslct_args own = {0};
	int rc;

	c->command = &cmd_exaslct;
	if (!n || args[0][0] == '-')
		return command_parse_and_run(c, args, n, e);
	c->command = exaslct_find(args[0]);
	if (!c->command)
		return exaslct_unknown(args[0], e);
	exaslct_args(args + 1, n - 1, &own);
	rc = command_parse_and_run(c, own.v, own.n, e);
	exaslct_args_free(&own);
	return rc;
}

/* Options that stand before the command, then the command. */
static int command_line(struct cli *c, char *const *args, size_t n, struct err *e)
{
	size_t nglobals, used = 0;
	const struct opt *globals = cli_global_options(&nglobals);
	struct opt_set set = {globals, nglobals, &c->g};

	if (n && strcmp(args[0], "--version") == 0) {
		c->command = &cmd_version;
		return command_parse_and_run(c, args + 1, n - 1, e);
	}
	if (opt_parse(&set, 1, args, n, true, &c->args, &used, e))
		return -1;
	if (used == n)
		return command_no_name(c, e);
	c->command = command_find(args[used]);
	if (!c->command)
		return command_unknown(args[used], e);
	if (c->command == &cmd_exaslct)
		return command_exaslct(c, args + used + 1, n - used - 1, e);
	return command_parse_and_run(c, args + used + 1, n - used - 1, e);
}

int command_main(int argc, char *const *argv)
{
	struct cli c = {.color = isatty(STDERR_FILENO) && !getenv("NO_COLOR")};
	struct err e = ERR_INIT;
	int status = 0, rc;

	size_t n = argc > 1 ? (size_t)argc - 1 : 0;
	AUTO_SECRETARGS struct secretargs args = {0};

	if (n)
		secretargs_take(&args, argv + 1, n);
	if (argc > 0 && strcmp(path_base(argv[0]), "exaslct") == 0)
		rc = command_exaslct(&c, args.v, n, &e);
	else
		rc = command_line(&c, args.v, n, &e);
	if (rc) {
		const char *progress = settings_get(&c.settings, SETTING_PROGRESS);

		report_error(&e, c.color, progress && strcmp(progress, "json") == 0);
		status = c.status ? c.status : report_status(&e);
	}
	if (!rc)
		status = c.status;
	err_release(&e);
	opt_result_release(&c.args);
	settings_release(&c.settings);
	return status;
}
