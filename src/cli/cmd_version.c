/* slct version: the version, with -v the settings and where each comes from. */
#include "src/cli/cli.h"
#include "src/cli/cmd.h"

static struct json *cmd_version_settings(const struct cli *c)
{
	struct json *all = json_new_object();
	AUTO_FREE char *root = cli_store_root(c);

	for (int i = 0; i < SETTING_COUNT; i++) {
		enum setting_id id = (enum setting_id)i;
		const struct setting_def *d = settings_def(id);
		const char *value = settings_get(&c->settings, id);
		struct json *one = json_new_object();

		if (d->kind == SETTING_LIST)
			json_set(one, "value", json_from_strv(settings_list(&c->settings, id)));
		else
			json_set_str(one, "value", id == SETTING_ROOT ? root : value);
		json_set_str(one, "origin", c->settings.v[i].origin);
		json_set(all, d->name, one);
	}
	return all;
}

static int cmd_version_lines(const struct cli *c, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *root = cli_store_root(c);

	for (int i = 0; i < SETTING_COUNT; i++) {
		enum setting_id id = (enum setting_id)i;
		AUTO_FREE char *list = strv_join(settings_list(&c->settings, id), ",");
		const char *value = id == SETTING_ROOT ? root : list;

		buf_printf(&out, "%-18s %s%s(%s)\n", settings_def(id)->name, value, value[0] ? "  " : "",
			   c->settings.v[i].origin);
	}
	return cli_print(out.p, out.n, e);
}

static int cmd_version_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	if (c->g.json) {
		struct json *j = json_new_object();

		json_set_str(j, "slct", SLCT_VERSION);
		json_set_int(j, "store", STORE_VERSION);
		json_set(j, "settings", cmd_version_settings(c));
		return cli_print_json(j, e);
	}
	if (cli_printf(e, "slct %s\n", SLCT_VERSION))
		return -1;
	return c->g.verbose ? cmd_version_lines(c, e) : 0;
}

const struct command cmd_version = {
	.name = "version",
	.group = COMMAND_HOUSE,
	.summary = "print the version; with -v the settings and their origins",
	.usage = "[OPTIONS]",
	.about = "Settings come from five places, the later ones stronger: built in, /etc/slct/slct.yml, "
		 "$XDG_CONFIG_HOME/slct/slct.yml, environment variables SLCT_*, options.",
	.example = "slct version -v\nslct version --json",
	.run = cmd_version_run,
};
