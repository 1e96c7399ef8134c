/* slct copy: images from place to place. */
#include "src/cli/cmd.h"
#include "src/cli/work.h"
#include "src/image/imgcopy.h"

struct cmd_copy_opts {
	struct cli_net net;
	const char *platform;
	bool referrers;
};

#define CMD_COPY_AT(member) .offset = offsetof(struct cmd_copy_opts, member)

/* clang-format off */
static const struct opt cmd_copy_options[] = {
	{.name = "platform", .arg = "P", .kind = OPT_STRING, CMD_COPY_AT(platform), .dflt = "all of an index",
	 .help = "os/arch[/variant]: copy only this image of an index"},
	{.name = "referrers", .kind = OPT_FLAG, CMD_COPY_AT(referrers),
	 .help = "with what refers to the images: signatures, SBOMs (registry to registry)"},
	CLI_NET_OPTIONS(struct cmd_copy_opts),
};
/* clang-format on */

/* --creds is for the registry that is written to, else for the one that is read. */
static const char *cmd_copy_creds_ref(const struct cli *c)
{
	for (size_t i = c->args.operands.n; i-- > 0;) {
		if (strncmp(c->args.operands.v[i], "docker://", 9) == 0)
			return c->args.operands.v[i];
	}
	return NULL;
}

static int cmd_copy_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_copy_opts *o = opts;
	const char *from = c->args.operands.v[0], *to = c->args.operands.v[1];
	AUTO_WORK struct work w = {0};
	struct platform p;
	struct imgcopy_opts how = {.platform = o->platform ? &p : NULL, .referrers = o->referrers};
	struct digest digest;
	struct json *j;

	if (o->platform && platform_parse(o->platform, &p, e))
		return -1;
	if (work_open(&w, c, &o->net, cmd_copy_creds_ref(c), e) || imgcopy(&w.session, from, to, &how, &digest, e))
		return -1;
	work_close(&w);
	if (!c->g.json)
		return cli_printf(e, "%s\n", digest.text);
	j = json_new_object();
	json_set_str(j, "digest", digest.text);
	json_set_str(j, "from", from);
	json_set_str(j, "to", to);
	return cli_print_json(j, e);
}

/* clang-format off */
const struct command cmd_copy = {
	.name = "copy",
	.group = COMMAND_IMAGES,
	.summary = "copy an image byte for byte",
	.usage = "[OPTIONS] IMAGE IMAGE",
	.about = "Each IMAGE is docker://REFERENCE, store:NAME (or a NAME alone), oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG] "
		 "or docker-archive:FILE[:TAG]. Manifests, indexes with the images of all their platforms, configs and "
		 "layers keep their bytes and digests, and nothing is unpacked. Within one registry layers are mounted and "
		 "do not pass through this machine; to another one they are sent while they come, and nothing is kept. What "
		 "the target has is not sent. Layout directories are read and written in place. Layers from and to archives "
		 "pass through the store, which keeps them until the next slct gc. The store and docker archives hold the image of one platform.\n\n"
		 "The digest of what was copied is printed.",
	.example = "slct copy docker://debian:12 docker://localhost:5000/debian:12\n"
		   "slct copy oci:out:demo:1 oci-archive:demo.tar\n"
		   "slct copy --platform linux/arm64 docker://localhost:5000/demo:1 store:demo-arm",
	.opts = cmd_copy_options,
	.nopts = ARRAY_LEN(cmd_copy_options),
	.opts_size = sizeof(struct cmd_copy_opts),
	.min_operands = 2,
	.max_operands = 2,
	.run = cmd_copy_run,
};
/* clang-format on */
