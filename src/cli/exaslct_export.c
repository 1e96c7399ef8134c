/* EXASLCT's export. */
#include "src/cli/exaslct_export.h"

#include "src/cli/exaslct.h"
#include "src/image/image_ops.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define EXASLCT_EXPORT_CACHE "cache/exports"
#define EXASLCT_EXPORT_SUM   ".sha512sum"
/* Digits of the image's id in the name of a cached archive. */
#define EXASLCT_EXPORT_ID 16

void exaslct_export_goals(const struct exopt *o, struct strv *out)
{
	strv_copy(out, &o->release_goals);
	if (!out->n)
		strv_add(out, "release");
}

/* The image's name in its repository, which has flavor, goal, architecture and key; its id, so that a rebuilt image
 * with the same key is not taken for the old one; and the rules, if they are not the usual ones. */
static char *exaslct_export_cache_path(struct exrun *r, const struct build_goal *g, const struct fexport *rules,
				       const char *suffix, struct err *e)
{
	AUTO_FREE char *id = fexport_id(rules);
	AUTO_FREE char *dir = exrun_output_dir(r->o, EXASLCT_EXPORT_CACHE, e);
	const char *tag = strrchr(release_image(g), ':') + 1;

	return dir ? mem_printf("%s/%s-%.*s%s%s%s", dir, tag, EXASLCT_EXPORT_ID, strchr(g->image.text, ':') + 1,
				id ? "-" : "", id ? id : "", suffix)
		   : NULL;
}

char *exaslct_export_cached(struct exrun *r, const struct build_goal *g, bool *made, struct err *e)
{
	const struct release_format *f = release_strategy(r->o->strategy);
	AUTO_FEXPORT struct fexport rules = {0};
	AUTO_FREE char *path =
		release_rules(&r->b, g, &rules, e) ? NULL : exaslct_export_cache_path(r, g, &rules, f->suffix, e);
	AUTO_FREE char *sum = path ? mem_printf("%s" EXASLCT_EXPORT_SUM, path) : NULL;

	if (!path)
		return NULL;
	/* The checksum is written last, and both appear whole. */
	bool there = access(path, F_OK) == 0 && access(sum, F_OK) == 0;

	if (made)
		*made = !there;
	if (there)
		return STEAL_PTR(path);
	if (release_write(&r->work.session, release_image(g), f, path, &rules, sum, e))
		return NULL;
	return STEAL_PTR(path);
}

static char *exaslct_export_to_path(struct exrun *r, const struct build_goal *g, struct err *e)
{
	const struct release_format *f = release_strategy(r->o->strategy);
	AUTO_FREE char *path = release_path(r->o->export_path, g->stage, r->o->release_name, f->suffix);
	AUTO_FREE char *sum = mem_printf("%s" EXASLCT_EXPORT_SUM, path);
	AUTO_FEXPORT struct fexport rules = {0};

	if (release_rules(&r->b, g, &rules, e) ||
	    release_write(&r->work.session, release_image(g), f, path, &rules, sum, e))
		return NULL;
	return STEAL_PTR(path);
}

/* --cleanup-docker-images: the names go; the cache of steps stays what it is. */
static int exaslct_export_cleanup(struct exrun *r, const struct build_result *res, struct err *e)
{
	for (size_t i = 0; i < res->n; i++) {
		if (store_image_delete(r->work.session.store, res->v[i].name, e))
			return -1;
	}
	return 0;
}

static int exaslct_export_all(struct exrun *r, const struct build_result *res, struct strv *files, struct err *e)
{
	for (size_t i = 0; i < res->n; i++) {
		const struct build_goal *g = &res->v[i];
		char *path;

		if (g->extra)
			continue;
		path = r->o->export_path ? exaslct_export_to_path(r, g, e) : exaslct_export_cached(r, g, NULL, e);
		if (!path)
			return err_wrap(e, "exporting %s", g->stage);
		strv_take(files, path);
	}
	return exrun_yes(r->o->cleanup_images) ? exaslct_export_cleanup(r, res, e) : 0;
}

/* EXASLCT's words, since scripts look for them. */
static int exaslct_export_print(const struct exrun *r, const struct strv *files, struct err *e)
{
	const char *what = r->o->export_path ? "Copied container to" : "Cached container under";
	struct json *j;

	if (r->c->g.json) {
		j = json_new_object();
		json_set(j, "files", json_from_strv(files));
		return cli_print_json(j, e);
	}
	for (size_t i = 0; i < files->n; i++) {
		AUTO_FREE char *full = realpath(files->v[i], NULL);

		if (cli_printf(e, "\n%s %s\n\n" EXASLCT_EXPORT_RULER, what,
			       r->o->export_path || !full ? files->v[i] : full))
			return -1;
	}
	return 0;
}

int exaslct_export_run(struct cli *c, const void *opts, struct err *e)
{
	const struct exopt *o = opts;
	AUTO_EXRUN struct exrun r = {0};
	AUTO_STRV struct strv goals = {0}, files = {0};
	struct build_result res = {0};
	int rc;

	exaslct_export_goals(o, &goals);
	if (o->release_name && strchr(o->release_name, '/'))
		return err_set(e, ERR_USAGE, "--release-name: \"%s\" has a slash", o->release_name);
	if (exopt_check("export", o, &c->args.given, e) || exrun_prepare(&r, c, o, &goals, e) ||
	    (o->export_path && release_mkdirs(o->export_path, e)) || exrun_open(&r, e))
		return -1;
	rc = exrun_build(&r, &res, e);
	if (!rc)
		rc = exaslct_export_all(&r, &res, &files, e);
	exrun_close(&r);
	build_result_release(&res);
	return rc ? -1 : exaslct_export_print(&r, &files, e);
}
