/* slct push: an image of the store to a registry. */
#include <sys/stat.h>

#include "src/build/image_ops.h"
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/cli/work.h"

struct cmd_push_opts {
	struct cli_net net;
	const char *compression;
	bool push_all, force_push;
};

#define CMD_PUSH_AT(member) .offset = offsetof(struct cmd_push_opts, member)

static const struct opt cmd_push_options[] = {
	{.name = "compression", .arg = "CODEC[:LEVEL]", .kind = OPT_STRING, CMD_PUSH_AT(compression), .dflt = "gzip",
	 .help = "gzip, zstd or none, for layers that were not pulled"},
	{.name = "push-all", .kind = OPT_FLAG, CMD_PUSH_AT(push_all), .later = true,
	 .help = "of a flavor: all stages, not only the goals"},
	{.name = "force-push", .kind = OPT_FLAG, CMD_PUSH_AT(force_push), .later = true,
	 .help = "of a flavor: push what is there already"},
	CLI_NET_OPTIONS(struct cmd_push_opts),
};

static int cmd_push_print(const struct cli *c, const struct image_ops_push_stats *st, struct err *e)
{
	struct json *j;

	if (!c->g.json)
		return cli_printf(e, "%s\n", st->manifest.text);
	j = json_new_object();
	json_set_str(j, "digest", st->manifest.text);
	json_set_int(j, "blobs_sent", (int64_t)st->blobs_sent);
	json_set_int(j, "blobs_mounted", (int64_t)st->blobs_mounted);
	json_set_int(j, "blobs_there", (int64_t)st->blobs_there);
	json_set_int(j, "bytes_sent", (int64_t)st->bytes_sent);
	return cli_print_json(j, e);
}

/* A directory can only be meant as a flavor. */
static bool cmd_push_is_flavor(const char *text)
{
	struct stat st;

	return strchr(text, '/') && stat(text, &st) == 0 && S_ISDIR(st.st_mode);
}

static int cmd_push_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_push_opts *o = opts;
	const char *name = c->args.operands.v[0];
	const char *dest = c->args.operands.n > 1 ? c->args.operands.v[1] : NULL;
	AUTO_WORK struct work w = {0};
	struct image_ops_push_stats st = {0};
	struct layer_codec codec;

	if (cmd_push_is_flavor(name)) {
		err_set(e, ERR_USAGE, "%s: pushing a flavor is not built yet", name);
		return err_hint(e, "slct build --push -t NAME pushes a goal; slct push NAME an image of the store");
	}
	if (work_codec(o->compression, &codec, e) || work_open(&w, c, &o->net, dest ? dest : name, e) ||
	    image_ops_push(&w.session, name, dest, o->compression ? &codec : NULL, &st, e))
		return -1;
	work_close(&w);
	return cmd_push_print(c, &st, e);
}

const struct command cmd_push = {
	.name = "push",
	.group = COMMAND_IMAGES,
	.summary = "send an image to a registry",
	.usage = "[OPTIONS] NAME [DESTINATION]",
	.about = "DESTINATION is a reference, with or without docker:// before it; without it the image goes where its "
		 "name says. What the registry has already is not sent again. The manifest's digest is printed.",
	.example = "slct push demo:1 docker://localhost:5000/demo:1\n"
		   "slct push --compression zstd:9 registry.example.com/demo:1",
	.opts = cmd_push_options,
	.nopts = ARRAY_LEN(cmd_push_options),
	.opts_size = sizeof(struct cmd_push_opts),
	.min_operands = 1,
	.max_operands = 2,
	.run = cmd_push_run,
};
