/* slct inspect: manifest and config of an image. */
#include "oci/limits.h"
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"

struct cmd_inspect_opts {
	struct cli_net net;
	bool raw;
	const char *platform;
};

#define CMD_INSPECT_AT(member) .offset = offsetof(struct cmd_inspect_opts, member)

/* clang-format off */
static const struct opt cmd_inspect_options[] = {
	{.name = "raw", .kind = OPT_FLAG, CMD_INSPECT_AT(raw), .help = "exact bytes of the manifest, or without --platform of a registry's index"},
	{.name = "platform", .arg = "P", .kind = OPT_STRING, CMD_INSPECT_AT(platform), .dflt = "this machine's",
	 .help = "os/arch[/variant] to choose from an index"},
	CLI_NET_OPTIONS(struct cmd_inspect_opts),
};
/* clang-format on */

static int cmd_inspect_print_raw(const struct image_src *i, struct err *e)
{
	if (!i->manifest_text.n) {
		err_set(e, ERR_INPUT, "%s has no manifest yet: its layers were never compressed", i->name);
		return err_hint(e, "slct push or slct save makes it; without --raw the config is shown");
	}
	return cli_print(i->manifest_text.p, i->manifest_text.n, e);
}

static int cmd_inspect_print(const struct image_src *i, struct err *e)
{
	struct json *j = json_new_object(), *manifest = NULL, *config;

	config = json_parse(buf_str(&i->config_text), i->config_text.n, CONFIG_MAX_BYTES, ERR_INTEGRITY, "config", e);
	if (config && i->manifest_text.n)
		manifest = json_parse(buf_str(&i->manifest_text), i->manifest_text.n, MANIFEST_MAX_BYTES, ERR_INTEGRITY,
				      "manifest", e);
	if (!config || (i->manifest_text.n && !manifest)) {
		json_free(config);
		json_free(j);
		return -1;
	}
	json_set_str(j, "name", i->name);
	json_set_str(j, "id", i->id.text);
	if (manifest) {
		json_set_str(j, "digest", i->manifest.text);
		json_set(j, "manifest", manifest);
	} else {
		json_set(j, "digest", json_new_null());
		json_set(j, "manifest", json_new_null());
	}
	json_set(j, "config", config);
	return cli_print_json(j, e);
}

static int cmd_inspect_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_inspect_opts *o = opts;
	AUTO_IMAGE_SRC struct image_src i = {0};
	struct platform p;

	if (o->raw && !o->platform)
		return image_src_raw(c, &o->net, c->args.operands.v[0], &i, e) ? -1 : cmd_inspect_print_raw(&i, e);
	if (cli_platform(o->platform, &p, e) || image_src_read(c, &o->net, c->args.operands.v[0], &p, &i, e))
		return -1;
	return o->raw ? cmd_inspect_print_raw(&i, e) : cmd_inspect_print(&i, e);
}

const struct command cmd_inspect = {
	.name = "inspect",
	.group = COMMAND_IMAGES,
	.summary = "show manifest and config of an image",
	.usage = "[OPTIONS] IMAGE",
	.about = "IMAGE is a name in the store, or store:NAME, docker://REFERENCE or oci:DIRECTORY[:TAG]. The "
		 "output is a JSON object with name, id (the config's digest), digest (the manifest's), "
		 "manifest and config. An image that was only built here has no manifest until it is pushed or "
		 "saved; both are null then.",
	.example = "slct inspect demo:1\nslct inspect --raw docker://localhost:5000/demo:1",
	.opts = cmd_inspect_options,
	.nopts = ARRAY_LEN(cmd_inspect_options),
	.opts_size = sizeof(struct cmd_inspect_opts),
	.min_operands = 1,
	.max_operands = 1,
	.run = cmd_inspect_run,
};
