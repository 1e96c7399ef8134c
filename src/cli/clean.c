/* Which names of the store are those of a flavor's images. */
#include "src/cli/clean.h"

#include "oci/ref.h"
#include "src/build/stagename.h"
#include "src/cli/exopt.h"
#include "src/flavor/flavor.h"
#include "src/util/mem.h"

/* What is to be removed. */
struct clean {
	struct store *store;
	struct ref repo;
	struct strv begins; /* of tags; empty: all of the repository */
	struct strv names;  /* whole names in the store, of slct's own naming */
	bool dry_run;
	struct strv removed;
};

static void clean_release(struct clean *k)
{
	ref_release(&k->repo);
	strv_release(&k->begins);
	strv_release(&k->names);
	strv_release(&k->removed);
}

static int clean_init(struct clean *k, struct cli *c, const char *repo, struct err *e)
{
	*k = (struct clean){.store = c->store};
	if (ref_parse_repo(repo && repo[0] ? repo : EXOPT_REPOSITORY, &k->repo, e)) {
		e->code = ERR_USAGE;
		return err_wrap(e, "--docker-repository-name");
	}
	return 0;
}

/* Tags of a flavor's stages by name: "standard" must not take those of "standard-java" with it. */
static int clean_flavor(struct clean *k, const char *path, const char *prefix, struct err *e)
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

static bool clean_matches(const struct clean *k, const char *name)
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

static int clean_remove(struct clean *k, const char *name, struct err *e)
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

static int clean_all(struct clean *k, struct err *e)
{
	struct store_image_list list = {0};
	int rc = store_image_list(k->store, &list, e);

	for (size_t i = 0; !rc && i < list.n; i++) {
		if (clean_matches(k, list.v[i].name))
			rc = clean_remove(k, list.v[i].name, e);
	}
	store_image_list_release(&list);
	return rc;
}

static int clean_finish(struct clean *k, const struct cli *c, int rc, struct err *e)
{
	struct json *j;

	if (!rc)
		rc = clean_all(k, e);
	if (!rc && c->g.json) {
		j = json_new_object();
		json_set(j, "removed", json_from_strv(&k->removed));
		rc = cli_print_json(j, e);
	}
	for (size_t i = 0; !rc && !c->g.json && i < k->removed.n; i++)
		rc = cli_printf(e, "%s\n", k->removed.v[i]);
	clean_release(k);
	return rc;
}

int clean_flavors(struct cli *c, const struct strv *paths, const char *repo, const char *prefix, bool dry,
		  struct err *e)
{
	struct clean k;
	int rc = clean_init(&k, c, repo, e);

	k.dry_run = dry;
	for (size_t i = 0; !rc && i < paths->n; i++)
		rc = clean_flavor(&k, paths->v[i], prefix, e);
	return clean_finish(&k, c, rc, e);
}

int clean_repo(struct cli *c, const char *repo, const char *prefix, bool dry, struct err *e)
{
	struct clean k;
	int rc = clean_init(&k, c, repo, e);

	k.dry_run = dry;
	if (prefix && prefix[0])
		strv_printf(&k.begins, "%s_", prefix);
	return clean_finish(&k, c, rc, e);
}
