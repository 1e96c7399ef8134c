/* slct push: an image of the store to a registry. */
#include <sys/stat.h>

#include "src/cli/cmd.h"
#include "src/cli/exaslct.h"
#include "src/cli/image_src.h"
#include "src/cli/work.h"
#include "src/image/image_ops.h"

struct cmd_push_opts {
	struct cli_net net;
	const char *compression;
	bool push_all, force_push; /* of flavors, as the rest */
	struct strv goals;
	const char *prefix;
};

#define CMD_PUSH_AT(member) .offset = offsetof(struct cmd_push_opts, member)

/* clang-format off */
static const struct opt cmd_push_options[] = {
	{.name = "compression", .arg = "CODEC[:LEVEL]", .kind = OPT_STRING, CMD_PUSH_AT(compression), .dflt = "gzip",
	 .help = "gzip, zstd or none, for layers that were not pulled"},
	{.name = "push-all", .kind = OPT_FLAG, CMD_PUSH_AT(push_all),
	 .help = "of a flavor: every stage that the goals need, not only the goals"},
	{.name = "force-push", .kind = OPT_FLAG, CMD_PUSH_AT(force_push),
	 .help = "of a flavor: replace images that the repository has already"},
	{.name = "goal", .arg = "STAGE", .kind = OPT_LIST, CMD_PUSH_AT(goals), .dflt = "the flavor's own goals",
	 .help = "of a flavor: stage to build and push"},
	{.name = "target-docker-tag-prefix", .arg = "TEXT", .kind = OPT_STRING, CMD_PUSH_AT(prefix),
	 .help = "of a flavor: beginning of the images' tags"},
	CLI_NET_OPTIONS(struct cmd_push_opts),
};
/* clang-format on */

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

/* FLAVOR… REPOSITORY */
static int cmd_push_flavors(struct cli *c, const struct cmd_push_opts *o, struct err *e)
{
	const struct strv *all = &c->args.operands;
	struct exopt x = {
		.goals = o->goals,
		.target_prefix = o->prefix,
		.push_all = o->push_all ? OPT_YES : OPT_UNSET,
		.force_push = o->force_push ? OPT_YES : OPT_UNSET,
	};

	if (all->n < 2 || cmd_push_is_flavor(all->v[all->n - 1])) {
		err_set(e, ERR_USAGE, "slct push: the repository for the flavor's images is missing");
		return err_hint(e, "slct push %s HOST[:PORT]/PATH", all->v[0]);
	}
	x.flavor_paths = (struct strv){all->v, all->n - 1, all->n - 1};
	x.target_repo = image_src_reference(all->v[all->n - 1]);
	return exaslct_push_flavors(c, &x, &o->net, e);
}

static int cmd_push_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_push_opts *o = opts;
	const char *name = c->args.operands.v[0];
	const char *dest = c->args.operands.n > 1 ? c->args.operands.v[1] : NULL;
	AUTO_WORK struct work w = {0};
	struct image_ops_push_stats st = {0};
	struct layer_codec codec;

	if (cmd_push_is_flavor(name))
		return cmd_push_flavors(c, o, e);
	if (c->args.operands.n > 2)
		return err_set(e, ERR_USAGE, "slct push: \"%s\" is too much", c->args.operands.v[2]);
	if (image_src_in_store(name, &name, e) || work_codec(o->compression, &codec, e) ||
	    work_open(&w, c, &o->net, dest ? dest : name, e) ||
	    image_ops_push(&w.session, name, dest, o->compression ? &codec : NULL, &st, e))
		return -1;
	work_close(&w);
	return cmd_push_print(c, &st, e);
}

const struct command cmd_push = {
	.name = "push",
	.group = COMMAND_IMAGES,
	.summary = "send an image to a registry",
	.usage = "[OPTIONS] NAME [DESTINATION]|FLAVOR… REPOSITORY",
	.about = "DESTINATION is a reference, with or without docker:// before it; without it the image goes where its "
		 "name says. What the registry has already is not sent again. The manifest's digest is printed.\n\n"
		 "A directory is a flavor: its goals are built and pushed as "
		 "REPOSITORY:[PREFIX_]FLAVOR-STAGE_ARCH_KEY, and the stages as cache entries, so that slct build "
		 "--cache-from REPOSITORY finds them. The names are printed.",
	.example = "slct push demo:1 docker://localhost:5000/demo:1\n"
		   "slct push --compression zstd:9 registry.example.com/demo:1\n"
		   "slct push --push-all flavors/python-demo localhost:5000/slc",
	.opts = cmd_push_options,
	.nopts = ARRAY_LEN(cmd_push_options),
	.opts_size = sizeof(struct cmd_push_opts),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = cmd_push_run,
};
