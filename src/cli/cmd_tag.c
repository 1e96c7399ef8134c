/* slct tag: another name for an image. */
#include "oci/ref.h"
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/util/clock.h"

static int cmd_tag_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	const char *name = c->args.operands.v[1];
	AUTO_STORE_IMAGE struct store_image i = {0};
	AUTO_REF struct ref ref = {0};

	if (ref_parse(name, &ref, e)) {
		e->code = ERR_USAGE;
		return -1;
	}
	if (image_src_find(c->store, c->args.operands.v[0], &i, e))
		return -1;
	if (digest_is_set(&ref.digest)) {
		err_set(e, ERR_USAGE, "\"%s\" has a digest: a name is wanted, like debian:12", name);
		return -1;
	}
	free(i.name);
	i.name = ref_format(&ref);
	i.updated = clock_wall() / CLOCK_NS_PER_S;
	if (store_image_put(c->store, &i, e))
		return -1;
	if (digest_is_set(&i.manifest.digest))
		return store_index_set(c->store, i.name, &i.manifest, e);
	return 0;
}

const struct command cmd_tag = {
	.name = "tag",
	.group = COMMAND_IMAGES,
	.flags = COMMAND_STORE,
	.summary = "give an image another name",
	.usage = "[OPTIONS] IMAGE NAME",
	.about = "A name that another image had goes over to this one.",
	.example = "slct tag demo:1 registry.example.com/team/demo:latest",
	.min_operands = 2,
	.max_operands = 2,
	.run = cmd_tag_run,
};
