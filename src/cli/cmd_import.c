/* slct import: a root file system as an image. */
#include "src/cli/cmd.h"
#include "src/cli/work.h"
#include "src/image/image_ops.h"

/* 1980-01-02T00:00:00Z: what an image without a known time is dated, so that the same tar gives the same image. */
#define CMD_IMPORT_EPOCH INT64_C(315619200)

struct cmd_import_opts {
	const char *platform;
};

/* clang-format off */
static const struct opt cmd_import_options[] = {
	{.name = "platform", .arg = "P", .kind = OPT_STRING, .offset = offsetof(struct cmd_import_opts, platform),
	 .dflt = "this machine's", .help = "os/arch[/variant] of the root file system"},
};
/* clang-format on */

static int cmd_import_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_import_opts *o = opts;
	const char *name = c->args.operands.v[1];
	AUTO_WORK struct work w = {0};
	struct platform p;
	struct digest id;
	int64_t created;

	if (cli_platform(o->platform, &p, e) || work_source_date(CMD_IMPORT_EPOCH, &created, e) ||
	    work_open(&w, c, NULL, NULL, e) ||
	    image_ops_import(&w.session, c->args.operands.v[0], name, &p, created, &id, e))
		return -1;
	work_close(&w);
	return work_print_id(c, &id, name, e);
}

const struct command cmd_import = {
	.name = "import",
	.group = COMMAND_IMAGES,
	.summary = "make an image of one layer from a root file system",
	.usage = "[OPTIONS] ROOTFS.TAR NAME",
	.about = "The tar may be compressed by gzip, bzip2, xz or zstd; \"-\" is standard input. The image is dated "
		 "1980-01-02, or as SOURCE_DATE_EPOCH says, so that the same file gives the same image. Its id is "
		 "printed.",
	.example = "mmdebstrap --variant=minbase bookworm rootfs.tar\nslct import rootfs.tar localhost/debian:12",
	.opts = cmd_import_options,
	.nopts = ARRAY_LEN(cmd_import_options),
	.opts_size = sizeof(struct cmd_import_opts),
	.min_operands = 2,
	.max_operands = 2,
	.run = cmd_import_run,
};
