/* slct cat: a file of an image. */
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/cli/work.h"
#include "src/image/imgfiles.h"

static int cmd_cat_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	AUTO_WORK struct work w = {0};
	const char *name;

	if (image_src_in_store(c->args.operands.v[0], &name, e) || work_open(&w, c, NULL, NULL, e))
		return -1;
	return imgfiles_cat(&w.session, name, c->args.operands.v[1], e);
}

/* clang-format off */
const struct command cmd_cat = {
	.name = "cat",
	.group = COMMAND_IMAGES,
	.summary = "print a file of an image",
	.usage = "[OPTIONS] IMAGE PATH",
	.about = "The bytes of a regular file go to standard output. Links are followed inside the image; nothing of it "
		 "is run.",
	.example = "slct cat demo:1 /etc/os-release",
	.min_operands = 2,
	.max_operands = 2,
	.run = cmd_cat_run,
};
/* clang-format on */
