/* slct save: images as files that other tools read. */
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/cli/work.h"
#include "src/image/image_ops.h"
#include "src/util/mem.h"

struct cmd_save_opts {
	const char *format, *output, *compression;
};

#define CMD_SAVE_AT(member) .offset = offsetof(struct cmd_save_opts, member)

/* clang-format off */
static const struct opt cmd_save_options[] = {
	{.name = "format", .arg = "oci-dir|oci-archive|docker-archive", .kind = OPT_CHOICE, CMD_SAVE_AT(format),
	 .dflt = "oci-archive",
	 .help = "an OCI image layout as a directory or as one tar, or the tar that docker load reads"},
	{.name = "output", .letter = 'o', .arg = "PATH", .kind = OPT_STRING, CMD_SAVE_AT(output),
	 .help = "file or directory to write, \"-\" is standard output; images are added to an OCI layout directory that exists"},
	{.name = "compression", .arg = "CODEC[:LEVEL]", .kind = OPT_STRING, CMD_SAVE_AT(compression), .dflt = "gzip",
	 .help = "gzip, zstd or none, for layers that were not pulled"},
};
/* clang-format on */

static enum image_ops_format cmd_save_format(const char *text)
{
	if (text && strcmp(text, "oci-dir") == 0)
		return IMAGE_OPS_OCI_DIR;
	if (text && strcmp(text, "docker-archive") == 0)
		return IMAGE_OPS_DOCKER_ARCHIVE;
	return IMAGE_OPS_OCI_ARCHIVE;
}

static int cmd_save_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_save_opts *o = opts;
	AUTO_WORK struct work w = {0};
	struct layer_codec codec;
	AUTO_FREE const char **names = mem_array(c->args.operands.n + 1, sizeof *names);

	if (!o->output) {
		err_set(e, ERR_USAGE, "slct save: -o PATH is missing");
		return -1;
	}
	for (size_t i = 0; i < c->args.operands.n; i++)
		if (image_src_in_store(c->args.operands.v[i], &names[i], e))
			return -1;
	if (work_codec(o->compression, &codec, e) || work_open(&w, c, NULL, NULL, e))
		return -1;
	return image_ops_save(&w.session, names, c->args.operands.n, cmd_save_format(o->format), o->output,
			      o->compression ? &codec : NULL, e);
}

const struct command cmd_save = {
	.name = "save",
	.group = COMMAND_IMAGES,
	.summary = "write images to an OCI layout or an archive",
	.usage = "[OPTIONS] -o PATH NAME…",
	.example = "slct save --format oci-dir -o out demo:1\nslct save --format docker-archive -o demo.tar demo:1",
	.opts = cmd_save_options,
	.nopts = ARRAY_LEN(cmd_save_options),
	.opts_size = sizeof(struct cmd_save_opts),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = cmd_save_run,
};
