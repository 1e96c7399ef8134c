/* slct exaslct: without a command, what EXASLCT's commands and options are worth here. */
#include "src/cli/cmd.h"
#include "src/cli/cli.h"
#include "src/cli/exaslct.h"
#include "src/cli/table.h"

static const char *cmd_exaslct_worth(const struct command *c, const struct opt *o, const char **why)
{
	static const char *const words[] = {
		[EXOPT_WORKS] = "works", [EXOPT_NO_MEANING] = "accepted", [EXOPT_REFUSED] = "refused"};

	if (!c->run) {
		*why = c->about;
		return words[EXOPT_REFUSED];
	}
	return words[o ? exopt_worth(strchr(c->name, ' ') + 1, o->name, why) : EXOPT_WORKS];
}

static struct json *cmd_exaslct_options(const struct command *c)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < c->nopts; i++) {
		struct json *one = json_new_object();
		const char *why = NULL, *worth = cmd_exaslct_worth(c, &c->opts[i], &why);

		json_set_str(one, "name", c->opts[i].name);
		json_set_bool(one, "value", opt_has_value(&c->opts[i]));
		json_set_bool(one, "pair", c->opts[i].kind == OPT_TRI);
		json_set_bool(one, "repeated", c->opts[i].kind == OPT_LIST);
		json_set_str(one, "worth", worth);
		json_set_str(one, "why", why);
		json_append(list, one);
	}
	return list;
}

static int cmd_exaslct_json(struct err *e)
{
	struct json *j = json_new_object(), *list = json_new_array();

	for (const struct command *const *p = exaslct_table(); *p; p++) {
		struct json *one = json_new_object();
		const char *why = NULL, *worth = cmd_exaslct_worth(*p, NULL, &why);

		json_set_str(one, "name", strchr((*p)->name, ' ') + 1);
		json_set_str(one, "worth", worth);
		json_set_str(one, "why", why);
		json_set(one, "options", cmd_exaslct_options(*p));
		json_append(list, one);
	}
	json_set(j, "commands", list);
	return cli_print_json(j, e);
}

static int cmd_exaslct_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	static const char *const titles[] = {"COMMAND", "WHAT", "", NULL};
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_TABLE struct table t = {0};

	if (c->g.json)
		return cmd_exaslct_json(e);
	table_init(&t, titles);
	for (const struct command *const *p = exaslct_table(); *p; p++) {
		table_cell(&t, strchr((*p)->name, ' ') + 1);
		table_cell(&t, (*p)->summary);
		table_cell(&t, (*p)->run ? "" : "refused");
	}
	table_write(&t, &out);
	return cli_print(buf_str(&out), out.n, e);
}

const struct command cmd_exaslct = {
	.name = "exaslct",
	.group = COMMAND_FLAVORS,
	.summary = "take EXASLCT's own command lines",
	.usage = "[COMMAND [OPTIONS]]",
	.about = "COMMAND and its options are EXASLCT's: build, push, save, export, upload, deploy, "
		 "generate-language-activation, generate-package-diffs, clean-flavor-images, clean-all-images and "
		 "the rest. A link to slct named exaslct takes the same without the word exaslct, so that scripts "
		 "need not change. slct exaslct COMMAND --help has the options of one command; without a command the "
		 "commands are listed, with --json also what each option is worth here: works, is accepted though "
		 "it has no meaning, or is refused, and why.",
	.example = "slct exaslct build --flavor-path flavors/python-demo --goal release\n"
		   "ln -s slct exaslct && ./exaslct export --flavor-path flavors/python-demo --export-path out",
	.run = cmd_exaslct_run,
};
