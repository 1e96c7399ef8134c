/* slct activation: the statements for an archive in a bucket. */
#include "src/cli/activation.h"
#include "src/cli/cmd.h"
#include "src/util/mem.h"

struct cmd_activation_opts {
	const char *bucketfs, *bucket, *container, *path;
	struct strv aliases;
	bool builtin;
};

#define CMD_ACTIVATION_AT(member) .offset = offsetof(struct cmd_activation_opts, member)

/* clang-format off */
static const struct opt cmd_activation_options[] = {
	{.name = "bucketfs-name", .arg = "NAME", .kind = OPT_STRING, CMD_ACTIVATION_AT(bucketfs),
	 .dflt = "bfsdefault", .help = "name of the BucketFS"},
	{.name = "bucket-name", .arg = "NAME", .kind = OPT_STRING, CMD_ACTIVATION_AT(bucket), .dflt = "default",
	 .help = "name of the bucket"},
	{.name = "path-in-bucket", .arg = "PATH", .kind = OPT_STRING, CMD_ACTIVATION_AT(path),
	 .help = "directory in the bucket"},
	{.name = "container-name", .arg = "NAME", .kind = OPT_STRING, CMD_ACTIVATION_AT(container),
	 .help = "name of the uploaded archive without its ending"},
	{.name = "alias", .arg = "OLD=NEW", .kind = OPT_LIST, CMD_ACTIVATION_AT(aliases),
	 .help = "another name for a language"},
	{.name = "add-missing-builtin", .kind = OPT_FLAG, CMD_ACTIVATION_AT(builtin),
	 .help = "keep the database's own PYTHON3, JAVA and R where the flavor defines none of that name"},
};
/* clang-format on */

static int cmd_activation_renames(const struct strv *list, struct smap *out, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		struct sv rest = sv_from(list->v[i]);
		AUTO_FREE char *old = sv_dup(sv_cut(&rest, '='));

		if (!rest.p || !rest.n || !old[0] || strpbrk(rest.p, " ='\n"))
			return err_set(e, ERR_USAGE, "--alias: \"%s\" is not OLD=NEW", list->v[i]);
		smap_set_str(out, old, rest.p);
	}
	return 0;
}

static int cmd_activation_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_activation_opts *o = opts;
	const char *flavor = c->args.operands.v[0];
	struct langdef_place p = {o->bucketfs ? o->bucketfs : "bfsdefault", o->bucket ? o->bucket : "default", o->path,
				  o->container};
	AUTO_SMAP struct smap renames = SMAP_STR;
	AUTO_FREE char *plain = NULL, *definitions = NULL;

	if (!o->container) {
		err_set(e, ERR_USAGE, "--container-name is missing");
		return err_hint(e, "it is the uploaded file's name without .tar.gz, like python-demo-release-1.0");
	}
	if (cmd_activation_renames(&o->aliases, &renames, e))
		return -1;
	plain = langdef_render(flavor, &p, e);
	definitions = plain ? langdef_change(plain, &renames, o->builtin, e) : NULL;
	return definitions ? activation_print(c, flavor, definitions, "", e) : -1;
}

const struct command cmd_activation = {
	.name = "activation",
	.group = COMMAND_FLAVORS,
	.summary = "print the statements that activate a release",
	.usage = "[OPTIONS] FLAVOR",
	.about = "ALTER SESSION and ALTER SYSTEM SET SCRIPT_LANGUAGES, made from the flavor's language_definition (or "
		 "language_definitions.json), for an archive that lies in a bucket. slct deploy uploads and prints "
		 "the same. With --json also the definition alone.",
	.example = "slct activation flavors/python-demo --container-name python-demo-release-1.0\n"
		   "slct activation flavors/python-demo --container-name demo --alias PYTHON3=PY_NEW",
	.opts = cmd_activation_options,
	.nopts = ARRAY_LEN(cmd_activation_options),
	.opts_size = sizeof(struct cmd_activation_opts),
	.min_operands = 1,
	.max_operands = 1,
	.run = cmd_activation_run,
};
