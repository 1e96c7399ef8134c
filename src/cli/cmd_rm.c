/* slct rm: take names of images away. */
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"

static int cmd_rm_one(struct cli *c, const char *text, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image i = {0};

	if (image_src_find(c->store, text, &i, e))
		return -1;
	if (store_index_del(c->store, i.name, e)) {
		/* Only what has a manifest stands in the index. */
		if (e->code != ERR_NOT_FOUND)
			return -1;
		err_release(e);
	}
	return store_image_delete(c->store, i.name, e);
}

static int cmd_rm_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	const struct strv *names = &c->args.operands;

	/* All or none as far as names go: a slip of the finger takes nothing away. */
	for (size_t i = 0; i < names->n; i++) {
		AUTO_STORE_IMAGE struct store_image im = {0};

		if (image_src_find(c->store, names->v[i], &im, e))
			return -1;
	}
	for (size_t i = 0; i < names->n; i++) {
		if (cmd_rm_one(c, names->v[i], e))
			return -1;
	}
	return 0;
}

const struct command cmd_rm = {
	.name = "rm",
	.group = COMMAND_IMAGES,
	.flags = COMMAND_STORE,
	.summary = "remove images by name",
	.usage = "[OPTIONS] NAME…",
	.about = "What no other image and no cache entry needs is deleted by the next slct gc.",
	.example = "slct rm demo:1 && slct gc",
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = cmd_rm_run,
};
