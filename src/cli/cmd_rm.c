/* slct rm: take names of images away, here or in a registry. */
#include <string.h>

#include "oci/ref.h"
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"

struct cmd_rm_opts {
	struct cli_net net;
};

static const struct opt cmd_rm_options[] = {
	CLI_NET_OPTIONS(struct cmd_rm_opts),
};

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

/* --- in a registry --- */

static bool cmd_rm_is_remote(const char *text)
{
	return image_src_reference(text) != text;
}

/* "latest" is never meant by saying nothing. */
static int cmd_rm_parse(const char *text, struct ref *out, struct err *e)
{
	const char *name = image_src_reference(text), *slash = strrchr(name, '/');

	if (!strchr(slash ? slash : name, ':') && !strchr(name, '@')) {
		err_set(e, ERR_USAGE, "%s: a tag or a digest is missing", text);
		return err_hint(e, "what is removed from a registry is named in full");
	}
	return ref_parse(name, out, e);
}

static int cmd_rm_remote(const struct cli *c, const struct cmd_rm_opts *o, const char *text, struct err *e)
{
	AUTO_REF struct ref ref = {0};
	struct registry_opts net = {0};
	struct registry *r = NULL;
	int rc = -1;

	if (cmd_rm_parse(text, &ref, e))
		return -1;
	if (cli_net_opts(c, &o->net, ref.host, &net, e) == 0 && (r = registry_new(&net, e)) != NULL)
		rc = cli_registry_error(registry_remove(r, &ref, e), e);
	registry_free(r);
	cli_net_release(&net);
	return rc;
}

static int cmd_rm_check(const struct cli *c, const char *text, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	AUTO_REF struct ref ref = {0};

	return cmd_rm_is_remote(text) ? cmd_rm_parse(text, &ref, e) : image_src_find(c->store, text, &im, e);
}

static int cmd_rm_run(struct cli *c, const void *opts, struct err *e)
{
	const struct strv *names = &c->args.operands;

	/* All or none as far as names go: a slip of the finger takes nothing away. */
	for (size_t i = 0; i < names->n; i++) {
		if (cmd_rm_check(c, names->v[i], e))
			return -1;
	}
	for (size_t i = 0; i < names->n; i++) {
		const char *text = names->v[i];

		if (cmd_rm_is_remote(text) ? cmd_rm_remote(c, opts, text, e) : cmd_rm_one(c, text, e))
			return -1;
	}
	return 0;
}

/* clang-format off */
const struct command cmd_rm = {
	.name = "rm",
	.group = COMMAND_IMAGES,
	.flags = COMMAND_STORE,
	.summary = "remove images by name",
	.usage = "[OPTIONS] NAME…",
	.about = "What no other image and no cache entry needs is deleted by the next slct gc. docker://HOST/PATH:TAG takes "
		 "a tag out of a registry, docker://HOST/PATH@DIGEST a manifest with all of its tags; the registry frees "
		 "the space when it collects its garbage.",
	.example = "slct rm demo:1 && slct gc\n"
		   "slct rm docker://registry.example.com/team/demo:old",
	.opts = cmd_rm_options,
	.nopts = ARRAY_LEN(cmd_rm_options),
	.opts_size = sizeof(struct cmd_rm_opts),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = cmd_rm_run,
};
/* clang-format on */
