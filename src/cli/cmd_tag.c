/* slct tag: another name for an image; with --exaslct the names that EXASLCT would give to a flavor's images. */
#include "oci/platform.h"
#include "oci/ref.h"
#include "src/build/stagename.h"
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/exopt.h"
#include "src/cli/image_src.h"
#include "src/flavor/exhash.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

struct cmd_tag_opts {
	bool exaslct;
	struct strv goals;
	const char *repo, *prefix;
};

#define CMD_TAG_AT(member) .offset = offsetof(struct cmd_tag_opts, member)

/* clang-format off */
static const struct opt cmd_tag_options[] = {
	{.name = "exaslct", .kind = OPT_FLAG, CMD_TAG_AT(exaslct),
	 .help = "print the names that EXASLCT gives to the images of flavors, with its own hashes"},
	{.name = "goal", .arg = "STAGE", .kind = OPT_LIST, CMD_TAG_AT(goals), .dflt = "all stages",
	 .help = "with --exaslct: stage to name"},
	{.name = "target-docker-repository-name", .arg = "REPO", .kind = OPT_STRING, CMD_TAG_AT(repo),
	 .dflt = EXOPT_REPOSITORY, .help = "with --exaslct: repository"},
	{.name = "target-docker-tag-prefix", .arg = "TEXT", .kind = OPT_STRING, CMD_TAG_AT(prefix),
	 .help = "with --exaslct: beginning of the tags"},
};
/* clang-format on */

/* EXASLCT cuts tags at 128 characters; a name that was cut may stand for two images. */
static int cmd_tag_print(const struct cmd_tag_opts *o, const struct flavor *f, const struct flavor_stage *s,
			 struct err *e)
{
	AUTO_FREE char *begin = stagename_prefix(o->prefix, f->name), *tag = NULL;
	char hash[EXHASH_CHARS + 1];
	struct platform p;

	platform_host(&p);
	if (exhash_stage(f, s, hash, e))
		return -1;
	tag = mem_printf("%s%s_%s_%s", begin, s->name, stagename_arch(&p), hash);
	return cli_printf(e, "%s:%.*s\n", o->repo ? o->repo : EXOPT_REPOSITORY, STAGENAME_TAG_MAX, tag);
}

static int cmd_tag_goals(const struct cmd_tag_opts *o, const struct flavor *f, struct err *e)
{
	for (size_t i = 0; i < o->goals.n; i++) {
		const struct flavor_stage *s = flavor_stage_find(f, o->goals.v[i]);

		if (!s)
			return err_set(e, ERR_INPUT, "%s has no stage \"%s\"", f->name, o->goals.v[i]);
		if (cmd_tag_print(o, f, s, e))
			return -1;
	}
	for (size_t i = 0; !o->goals.n && i < f->nstages; i++) {
		if (cmd_tag_print(o, f, &f->stages[i], e))
			return -1;
	}
	return 0;
}

static int cmd_tag_exaslct(const struct cli *c, const struct cmd_tag_opts *o, struct err *e)
{
	for (size_t i = 0; i < c->args.operands.n; i++) {
		AUTO_FLAVOR struct flavor *f = flavor_load(c->args.operands.v[i], NULL, e);

		if (!f || cmd_tag_goals(o, f, e))
			return -1;
	}
	return 0;
}

static int cmd_tag_image(struct cli *c, struct err *e)
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
	i.published = false;
	if (store_image_put(c->store, &i, e))
		return -1;
	if (digest_is_set(&i.manifest.digest))
		return store_index_set(c->store, i.name, &i.manifest, e);
	return 0;
}

static int cmd_tag_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_tag_opts *o = opts;

	if (o->exaslct)
		return cmd_tag_exaslct(c, o, e);
	if (c->args.operands.n != 2) {
		err_set(e, ERR_USAGE, "slct tag: an image and one name are wanted");
		return err_hint(e, "usage: slct tag %s", c->command->usage);
	}
	return cmd_tag_image(c, e);
}

const struct command cmd_tag = {
	.name = "tag",
	.group = COMMAND_IMAGES,
	.flags = COMMAND_STORE,
	.summary = "give an image another name",
	.usage = "[OPTIONS] IMAGE NAME|--exaslct FLAVOR…",
	.about = "A name that another image had goes over to this one.\n\n"
		 "With --exaslct nothing is named: of each flavor's stages the names are printed that EXASLCT gives to "
		 "their images, REPO:[PREFIX_]FLAVOR-STAGE_ARCH_HASH with EXASLCT's own hash of the build context. "
		 "For stages with a part in packages.yml it is that of EXASLCT with version 1.0 to 1.2 of its packages "
		 "library, which writes that part anew.",
	.example = "slct tag demo:1 registry.example.com/team/demo:latest\n"
		   "slct tag --exaslct flavors/python-demo --goal build_run",
	.opts = cmd_tag_options,
	.nopts = ARRAY_LEN(cmd_tag_options),
	.opts_size = sizeof(struct cmd_tag_opts),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = cmd_tag_run,
};
