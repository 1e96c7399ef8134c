/* slct load: images from files. */
#include "src/cli/cmd.h"
#include "src/cli/work.h"
#include "src/image/image_ops.h"

struct cmd_load_opts {
	const char *input, *tag;
};

/* clang-format off */
static const struct opt cmd_load_options[] = {
	{.name = "input", .letter = 'i', .arg = "FILE|DIR", .kind = OPT_STRING,
	 .offset = offsetof(struct cmd_load_opts, input),
	 .help = "OCI image layout (directory or tar) or docker archive, which it is is found by its content; \"-\" is an "
		 "archive on standard input"},
	{.name = "tag", .arg = "TAG", .kind = OPT_STRING, .offset = offsetof(struct cmd_load_opts, tag),
	 .dflt = "the only image", .help = "which image of several"},
};
/* clang-format on */

static int cmd_load_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_load_opts *o = opts;
	const char *name = c->args.operands.n ? c->args.operands.v[0] : NULL;
	AUTO_WORK struct work w = {0};
	struct digest id;

	if (!o->input) {
		err_set(e, ERR_USAGE, "slct load: -i FILE or -i DIR is missing");
		return err_hint(e, "-i - reads an archive from standard input");
	}
	if (work_open(&w, c, NULL, NULL, e))
		return -1;
	if (strcmp(o->input, "-") == 0 ? image_ops_load_stdin(&w.session, o->tag, name, &id, e)
				       : image_ops_load(&w.session, o->input, o->tag, name, &id, e))
		return -1;
	work_close(&w);
	return work_print_id(c, &id, name, e);
}

const struct command cmd_load = {
	.name = "load",
	.group = COMMAND_IMAGES,
	.summary = "take an image from an OCI layout or an archive",
	.usage = "[OPTIONS] -i FILE|DIR [NAME]",
	.about = "Without NAME the image gets the name that it has in the archive. Its id is printed.",
	.example = "slct load -i demo.tar\ndocker save demo:1 | slct load -i -\nslct load -i out --tag 1 demo:1",
	.opts = cmd_load_options,
	.nopts = ARRAY_LEN(cmd_load_options),
	.opts_size = sizeof(struct cmd_load_opts),
	.max_operands = 1,
	.run = cmd_load_run,
};
