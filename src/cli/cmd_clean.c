/* slct clean, and EXASLCT's clean-flavor-images and clean-all-images: names of flavors' images go from the store. */
#include "oci/ref.h"
#include "src/build/stagename.h"
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/exaslct.h"
#include "src/flavor/flavor.h"
#include "src/util/mem.h"

struct cmd_clean_opts {
	const char *repo, *prefix;
	bool all, dry_run;
};

#define CMD_CLEAN_AT(member) .offset = offsetof(struct cmd_clean_opts, member)

static const struct opt cmd_clean_options[] = {
	{.name = "all", .kind = OPT_FLAG, CMD_CLEAN_AT(all), .help = "the images of all flavors in the repository"},
	{.name = "docker-repository-name", .arg = "REPO", .kind = OPT_STRING, CMD_CLEAN_AT(repo),
	 .dflt = EXOPT_REPOSITORY, .help = "repository that EXASLCT's commands have named the images after"},
	{.name = "docker-tag-prefix", .arg = "TEXT", .kind = OPT_STRING, CMD_CLEAN_AT(prefix),
	 .help = "beginning of the images' tags"},
	{.name = "dry-run", .kind = OPT_FLAG, CMD_CLEAN_AT(dry_run), .help = "only print what would be removed"},
};

/* What is to be removed. */
struct cmd_clean {
	struct store *store;
	struct ref repo;
	struct strv begins; /* of tags; empty: all of the repository */
	struct strv names;  /* whole names in the store, of slct's own naming */
	bool dry_run;
	struct strv removed;
};

static void cmd_clean_release(struct cmd_clean *k)
{
	ref_release(&k->repo);
	strv_release(&k->begins);
	strv_release(&k->names);
	strv_release(&k->removed);
}

static int cmd_clean_init(struct cmd_clean *k, struct cli *c, const char *repo, struct err *e)
{
	*k = (struct cmd_clean){.store = c->store};
	if (ref_parse_repo(repo && repo[0] ? repo : EXOPT_REPOSITORY, &k->repo, e)) {
		e->code = ERR_USAGE;
		return err_wrap(e, "--docker-repository-name");
	}
	return 0;
}

/* Tags of a flavor's stages by name: "standard" must not take those of "standard-java" with it. */
static int cmd_clean_flavor(struct cmd_clean *k, const char *path, const char *prefix, struct err *e)
{
	AUTO_FLAVOR struct flavor *f = flavor_load(path, NULL, e);

	if (!f)
		return -1;
	for (size_t i = 0; i < f->nstages; i++) {
		AUTO_FREE char *begin = stagename_prefix(prefix, f->name);
		AUTO_FREE char *own = mem_printf("%s-%s", f->name, f->stages[i].name);
		AUTO_REF struct ref ref = {0};
		struct err ignored = ERR_INIT;

		strv_printf(&k->begins, "%s%s_", begin, f->stages[i].name);
		for (char *p = own; *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
		if (ref_parse(own, &ref, &ignored) == 0)
			strv_take(&k->names, ref_format(&ref));
		err_release(&ignored);
	}
	return 0;
}

static bool cmd_clean_matches(const struct cmd_clean *k, const char *name)
{
	AUTO_REF struct ref ref = {0};
	struct err ignored = ERR_INIT;
	bool same = ref_parse(name, &ref, &ignored) == 0 && ref.tag && strcmp(ref.host, k->repo.host) == 0 &&
		    strcmp(ref.path, k->repo.path) == 0;

	err_release(&ignored);
	if (strv_has(&k->names, name))
		return true;
	for (size_t i = 0; same && i < k->begins.n; i++) {
		if (strncmp(ref.tag, k->begins.v[i], strlen(k->begins.v[i])) == 0)
			return true;
	}
	return same && !k->begins.n;
}

static int cmd_clean_remove(struct cmd_clean *k, const char *name, struct err *e)
{
	strv_add(&k->removed, name);
	if (k->dry_run)
		return 0;
	if (store_index_del(k->store, name, e)) {
		if (e->code != ERR_NOT_FOUND) /* only what has a manifest stands in the index */
			return -1;
		err_release(e);
	}
	return store_image_delete(k->store, name, e);
}

static int cmd_clean_all(struct cmd_clean *k, struct err *e)
{
	struct store_image_list list = {0};
	int rc = store_image_list(k->store, &list, e);

	for (size_t i = 0; !rc && i < list.n; i++) {
		if (cmd_clean_matches(k, list.v[i].name))
			rc = cmd_clean_remove(k, list.v[i].name, e);
	}
	store_image_list_release(&list);
	return rc;
}

static int cmd_clean_finish(struct cmd_clean *k, const struct cli *c, int rc, struct err *e)
{
	struct json *j;

	if (!rc)
		rc = cmd_clean_all(k, e);
	if (!rc && c->g.json) {
		j = json_new_object();
		json_set(j, "removed", json_from_strv(&k->removed));
		rc = cli_print_json(j, e);
	}
	for (size_t i = 0; !rc && !c->g.json && i < k->removed.n; i++)
		rc = cli_printf(e, "%s\n", k->removed.v[i]);
	cmd_clean_release(k);
	return rc;
}

static int cmd_clean_flavors(struct cli *c, const struct strv *paths, const char *repo, const char *prefix, bool dry,
			     struct err *e)
{
	struct cmd_clean k;
	int rc = cmd_clean_init(&k, c, repo, e);

	k.dry_run = dry;
	for (size_t i = 0; !rc && i < paths->n; i++)
		rc = cmd_clean_flavor(&k, paths->v[i], prefix, e);
	return cmd_clean_finish(&k, c, rc, e);
}

static int cmd_clean_repo(struct cli *c, const char *repo, const char *prefix, bool dry, struct err *e)
{
	struct cmd_clean k;
	int rc = cmd_clean_init(&k, c, repo, e);

	k.dry_run = dry;
	if (prefix && prefix[0])
		strv_printf(&k.begins, "%s_", prefix);
	return cmd_clean_finish(&k, c, rc, e);
}

int ex_clean_flavor_run(struct cli *c, const void *opts, struct err *e)
{
	const struct exopt *o = opts;

	if (exopt_check("clean-flavor-images", o, &c->args.given, e) || exopt_need(&c->args.given, "flavor-path", e))
		return -1;
	return cmd_clean_flavors(c, &o->flavor_paths, o->docker_repo, o->docker_prefix, false, e);
}

int ex_clean_all_run(struct cli *c, const void *opts, struct err *e)
{
	const struct exopt *o = opts;

	if (exopt_check("clean-all-images", o, &c->args.given, e))
		return -1;
	return cmd_clean_repo(c, o->docker_repo, o->docker_prefix, false, e);
}

static int cmd_clean_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_clean_opts *o = opts;

	if (o->all == (c->args.operands.n > 0)) {
		err_set(e, ERR_USAGE, o->all ? "--all and flavors exclude each other" : "a flavor is missing");
		return err_hint(e, "--all removes the images of all flavors");
	}
	if (o->all)
		return cmd_clean_repo(c, o->repo, o->prefix, o->dry_run, e);
	return cmd_clean_flavors(c, &c->args.operands, o->repo, o->prefix, o->dry_run, e);
}

const struct command cmd_clean = {
	.name = "clean",
	.group = COMMAND_FLAVORS,
	.flags = COMMAND_STORE,
	.summary = "remove a flavor's images",
	.usage = "[OPTIONS] FLAVOR…|--all",
	.about = "The names of the flavor's images are removed from the store: those that slct build gives "
		 "(FLAVOR-STAGE) and those of EXASLCT's commands (REPO:[PREFIX_]FLAVOR-STAGE_…). They are printed. "
		 "What no other image and no cache entry needs is deleted by the next slct gc.",
	.example = "slct clean flavors/python-demo && slct gc\n"
		   "slct clean --all --docker-repository-name localhost:5000/slc",
	.opts = cmd_clean_options,
	.nopts = ARRAY_LEN(cmd_clean_options),
	.opts_size = sizeof(struct cmd_clean_opts),
	.max_operands = COMMAND_ANY,
	.run = cmd_clean_run,
};
