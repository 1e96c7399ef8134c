/* slct pull: an image from a registry into the store. */
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/cli/work.h"
#include "src/image/image_ops.h"

struct cmd_pull_opts {
	struct cli_net net;
	const char *platform;
	bool no_unpack;
};

/* clang-format off */
static const struct opt cmd_pull_options[] = {
	{.name = "platform", .arg = "P", .kind = OPT_STRING, .offset = offsetof(struct cmd_pull_opts, platform),
	 .dflt = "this machine's", .help = "os/arch[/variant] to choose from an index"},
	{.name = "no-unpack", .kind = OPT_FLAG, .offset = offsetof(struct cmd_pull_opts, no_unpack),
	 .help = "only fetch and verify; the layers are unpacked when a step needs them"},
	CLI_NET_OPTIONS(struct cmd_pull_opts),
};
/* clang-format on */

static int cmd_pull_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_pull_opts *o = opts;
	const char *ref = image_src_reference(c->args.operands.v[0]);
	const char *name = c->args.operands.n > 1 ? c->args.operands.v[1] : NULL;
	AUTO_WORK struct work w = {0};
	struct platform p;
	struct digest id;

	if (cli_platform(o->platform, &p, e) || work_open(&w, c, &o->net, ref, e) ||
	    cli_registry_error(image_ops_pull(&w.session, ref, name, &p, !o->no_unpack, &id, e), e))
		return -1;
	work_close(&w);
	return work_print_id(c, &id, name ? name : ref, e);
}

const struct command cmd_pull = {
	.name = "pull",
	.group = COMMAND_IMAGES,
	.summary = "fetch an image from a registry",
	.usage = "[OPTIONS] REFERENCE [NAME]",
	.about = "Every byte is verified against its digest, and the layers are unpacked, so that a bad one "
		 "fails here. The image's id is printed.",
	.example = "slct pull docker.io/library/debian:12\nslct pull localhost:5000/demo:1 demo:1",
	.opts = cmd_pull_options,
	.nopts = ARRAY_LEN(cmd_pull_options),
	.opts_size = sizeof(struct cmd_pull_opts),
	.min_operands = 1,
	.max_operands = 2,
	.run = cmd_pull_run,
};
