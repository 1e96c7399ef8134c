/* slct activation, and EXASLCT's generate-language-activation. */
#include "src/cli/activation.h"
#include "src/cli/cmd.h"
#include "src/cli/exaslct.h"
#include "src/util/mem.h"
#include "src/util/path.h"

struct cmd_activation_opts {
	const char *bucketfs, *bucket, *container, *path;
	struct strv aliases;
	bool builtin;
};

#define CMD_ACTIVATION_AT(member) .offset = offsetof(struct cmd_activation_opts, member)

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

char *activation_flavor_name(const char *path)
{
	AUTO_FREE char *clean = path_clean(path);
	AUTO_FREE char *full = strcmp(clean, ".") == 0 ? realpath(".", NULL) : NULL;

	return mem_strdup(path_base(full ? full : clean));
}

void activation_json(struct json *j, const char *definitions)
{
	AUTO_FREE char *session = langdef_alter("SESSION", definitions), *system = langdef_alter("SYSTEM", definitions);

	json_set_str(j, "definition", definitions);
	json_set_str(j, "session", session);
	json_set_str(j, "system", system);
}

static int cmd_activation_print(const struct cli *c, const char *flavor, const char *definitions, const char *before,
				struct err *e)
{
	AUTO_FREE char *name = activation_flavor_name(flavor), *text = NULL;
	struct json *j;

	if (!c->g.json) {
		text = langdef_message(name, definitions);
		return cli_printf(e, "%s%s\n", before, text);
	}
	j = json_new_object();
	json_set_str(j, "flavor", name);
	activation_json(j, definitions);
	return cli_print_json(j, e);
}

int ex_activation_run(struct cli *c, const void *opts, struct err *e)
{
	const struct exopt *o = opts;
	const struct strv *given = &c->args.given;
	struct langdef_place p = {o->bucketfs_name, o->bucket, o->path_in_bucket, o->container_name};
	const char *flavor = o->flavor_paths.n ? o->flavor_paths.v[o->flavor_paths.n - 1] : NULL;
	AUTO_FREE char *definitions = NULL;

	if (exopt_check("generate-language-activation", o, given, e) || exopt_need(given, "flavor-path", e) ||
	    exopt_need(given, "bucketfs-name", e) || exopt_need(given, "bucket-name", e) ||
	    exopt_need(given, "container-name", e))
		return -1;
	definitions = langdef_render(flavor, &p, e);
	/* EXASLCT's text begins with two empty lines, and print() adds the last newline. */
	return definitions ? cmd_activation_print(c, flavor, definitions, "\n", e) : -1;
}

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
	return definitions ? cmd_activation_print(c, flavor, definitions, "", e) : -1;
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
