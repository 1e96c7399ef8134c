/* EXASLCT's build, push and save. */
#include "src/cli/exaslct.h"
#include "src/cli/exrun.h"
#include "src/image/image_ops.h"
#include "src/util/mem.h"

/* Names of the images, one a line, goals only; with --json an object. */
static int exaslct_build_print(const struct cli *c, const struct build_result *r, const struct strv *done,
			       struct err *e)
{
	struct json *j, *list;

	if (!c->g.json) {
		for (size_t i = 0; i < done->n; i++) {
			if (cli_printf(e, "%s\n", done->v[i]))
				return -1;
		}
		return 0;
	}
	j = json_new_object();
	list = json_new_array();
	for (size_t i = 0; i < r->n; i++) {
		struct json *one = json_new_object();

		json_set_str(one, "stage", r->v[i].stage);
		json_set_str(one, "name", r->v[i].name);
		json_set_str(one, "key", r->v[i].key);
		json_set_str(one, "id", r->v[i].image.text);
		json_set_str(one, "source", r->v[i].source ? r->v[i].source : "built");
		json_set_bool(one, "goal", !r->v[i].extra);
		json_append(list, one);
	}
	json_set(j, "images", list);
	json_set(j, "done", json_from_strv(done));
	return cli_print_json(j, e);
}

static void exaslct_build_names(const struct build_result *r, struct strv *out)
{
	for (size_t i = 0; i < r->n; i++) {
		if (!r->v[i].extra)
			strv_add(out, r->v[i].name);
	}
}

/* What follows the build; the names that were dealt with go to done. */
typedef int exaslct_build_then_fn(struct exrun *r, const struct build_result *res, struct strv *done, struct err *e);

static int exaslct_build_all(struct exrun *r, exaslct_build_then_fn *then, struct err *e)
{
	struct build_result res = {0};
	AUTO_STRV struct strv done = {0};
	int rc = exrun_open(r, e);

	if (!rc)
		rc = exrun_build(r, &res, e);
	if (!rc && then)
		rc = then(r, &res, &done, e);
	else if (!rc)
		exaslct_build_names(&res, &done);
	exrun_close(r);
	if (!rc)
		rc = exaslct_build_print(r->c, &res, &done, e);
	build_result_release(&res);
	return rc;
}

int exaslct_build_run(struct cli *c, const void *opts, struct err *e)
{
	AUTO_EXRUN struct exrun r = {0};

	if (exopt_check("build", opts, &c->args.given, e) || exrun_prepare(&r, c, opts, NULL, e))
		return -1;
	return exaslct_build_all(&r, NULL, e);
}

/* --- push --- */

/* The name with --build-name, which may have been another image's: it moves. */
static int exaslct_build_push_named(struct exrun *r, const struct build_goal *g, struct err *e)
{
	const char *build = r->o->build_name;
	size_t n = strlen(g->name), key = g->key ? strlen(g->key) : 0;
	struct image_ops_push_stats st = {0};
	AUTO_FREE char *name = NULL;

	if (!build || !build[0] || !key || n < key || strcmp(g->name + n - key, g->key) != 0)
		return 0;
	name = mem_printf("%.*s%s", (int)(n - key), g->name, build);
	return image_ops_push(&r->work.session, name, NULL, NULL, &st, e) ? err_wrap(e, "pushing %s", name) : 0;
}

static int exaslct_build_push(struct exrun *r, const struct build_result *res, struct strv *done, struct err *e)
{
	for (size_t i = 0; i < res->n; i++) {
		const char *name = res->v[i].name;
		struct image_ops_push_stats st = {0};
		int rc = exrun_yes(r->o->force_push) ? image_ops_push(&r->work.session, name, NULL, NULL, &st, e)
						     : image_ops_push_new(&r->work.session, name, &st, e);

		if (rc)
			return err_wrap(e, "pushing %s", name);
		if (exaslct_build_push_named(r, &res->v[i], e))
			return -1;
		strv_add(done, name);
	}
	return 0;
}

int exaslct_push_flavors(struct cli *c, const struct exopt *o, const struct cli_net *net, struct err *e)
{
	AUTO_EXRUN struct exrun r = {.net = net, .own = net != NULL};

	if (exrun_prepare(&r, c, o, NULL, e))
		return -1;
	r.b.all_stages |= exrun_yes(o->push_all);
	/* The readable names are for people; a later build finds the stages by their keys. */
	strv_printf(&r.b.cache_to, "%s,mode=stages,required", exrun_target(o));
	return exaslct_build_all(&r, exaslct_build_push, e);
}

int exaslct_push_run(struct cli *c, const void *opts, struct err *e)
{
	return exopt_check("push", opts, &c->args.given, e) ? -1 : exaslct_push_flavors(c, opts, NULL, e);
}

/* --- save --- */

static int exaslct_build_save(struct exrun *r, const struct build_result *res, struct strv *done, struct err *e)
{
	for (size_t i = 0; i < res->n; i++)
		strv_add(done, res->v[i].name);
	return image_ops_save(&r->work.session, (const char *const *)strv_argv(done), done->n, IMAGE_OPS_OCI_DIR,
			      r->o->save_directory, NULL, e);
}

int exaslct_save_run(struct cli *c, const void *opts, struct err *e)
{
	const struct exopt *o = opts;
	AUTO_EXRUN struct exrun r = {0};

	if (exopt_check("save", o, &c->args.given, e) || exopt_need(&c->args.given, "save-directory", e) ||
	    exrun_prepare(&r, c, o, NULL, e))
		return -1;
	r.b.all_stages |= exrun_yes(o->save_all);
	strv_printf(&r.b.cache_to, "oci:%s,mode=stages,required", o->save_directory);
	return exaslct_build_all(&r, exaslct_build_save, e);
}
