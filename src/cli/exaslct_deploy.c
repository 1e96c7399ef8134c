/* EXASLCT's deploy and upload, and our own. */
#include "src/cli/activation.h"
#include "src/cli/cmd.h"
#include "src/cli/deploy.h"
#include "src/cli/exaslct_deploy.h"
#include "src/cli/exaslct_export.h"
#include "src/cli/exaslct.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/path.h"

struct exaslct_deploy {
	struct exrun r;
	struct deploy_target target;
	char *password;
	struct exaslct_deploy_way way;
	struct build_result res;
	VEC_OF(struct deploy_item) items;
};

static void exaslct_deploy_release(struct exaslct_deploy *d)
{
	exrun_release(&d->r);
	build_result_release(&d->res);
	for (size_t i = 0; i < d->items.n; i++) {
		free(d->items.v[i].file);
		free(d->items.v[i].container);
		free(d->items.v[i].url);
	}
	vec_release(&d->items);
	if (d->password)
		explicit_bzero(d->password, strlen(d->password));
	free(d->password);
}

/* The flavor that a goal is of, as the user wrote it. */
static const char *exaslct_deploy_flavor(const struct strv *paths, const char *name)
{
	for (size_t i = 0; i < paths->n; i++) {
		AUTO_FREE char *base = activation_flavor_name(paths->v[i]);

		if (strcmp(base, name) == 0)
			return paths->v[i];
	}
	return paths->v[0];
}

static int exaslct_deploy_item(struct exaslct_deploy *d, const struct build_goal *g, struct err *e)
{
	const struct exopt *o = d->r.o;
	const char *suffix = release_strategy(o->strategy)->suffix;
	struct deploy_item it = {.goal = g,
				 .flavor_path = exaslct_deploy_flavor(&d->r.b.paths, g->flavor ? g->flavor : "")};

	/* EXASLCT's name without a release's is the hash of the image's inputs; so it is here. */
	it.container = release_container(g->stage, o->release_name ? o->release_name : g->key ? g->key : "unknown");
	it.url = deploy_url(&d->target, it.container, suffix);
	it.file = exaslct_export_cached(&d->r, g, NULL, e);
	vec_push(&d->items, it);
	if (!it.file)
		return err_wrap(e, "exporting %s", g->stage);
	return d->way.dry_run ? 0 : deploy_put(&d->r.work.session, &d->target, &it, e);
}

static char *exaslct_deploy_definitions(const struct exaslct_deploy *d, const struct deploy_item *it, struct err *e)
{
	struct langdef_place p = {d->target.bucketfs, d->target.bucket, d->target.path, it->container};

	return langdef_render(it->flavor_path, &p, e);
}

static int exaslct_deploy_done(const struct exaslct_deploy *d, const struct deploy_item *it, struct err *e)
{
	const char *slash = strrchr(it->goal->stage, '/');

	if (d->way.words == EXASLCT_DEPLOY_DEPLOY)
		return cli_printf(e, "\nUploaded release='%s' located at %s to %s\n",
				  slash ? slash + 1 : it->goal->stage, it->file, it->url);
	return cli_printf(e, "\n%s %s to %s\n", d->way.dry_run ? "Would upload" : "Uploaded", it->file, it->url);
}

static int exaslct_deploy_print_text(const struct exaslct_deploy *d, const struct deploy_item *it,
				     const char *definitions, struct err *e)
{
	AUTO_FREE char *name = activation_flavor_name(it->flavor_path);
	AUTO_FREE char *text = langdef_message(name, definitions);
	const char *end = d->way.words == EXASLCT_DEPLOY_UPLOAD ? EXASLCT_EXPORT_RULER : "";

	return exaslct_deploy_done(d, it, e) || cli_printf(e, "%s\n%s", text, end) ? -1 : 0;
}

static struct json *exaslct_deploy_json(const struct exaslct_deploy *d, const struct deploy_item *it,
					const char *definitions)
{
	struct json *j = json_new_object();

	json_set_str(j, "stage", it->goal->stage);
	json_set_str(j, "file", it->file);
	json_set_str(j, "url", it->url);
	json_set_str(j, "container", it->container);
	json_set_bool(j, "uploaded", !d->way.dry_run);
	activation_json(j, definitions);
	return j;
}

static int exaslct_deploy_print(const struct exaslct_deploy *d, struct err *e)
{
	struct json *j = json_new_object(), *list = json_new_array();
	AUTO_JSON struct json *own = j;

	json_set(j, "releases", list);
	for (size_t i = 0; i < d->items.n; i++) {
		AUTO_FREE char *definitions = exaslct_deploy_definitions(d, &d->items.v[i], e);

		if (!definitions)
			return -1;
		json_append(list, exaslct_deploy_json(d, &d->items.v[i], definitions));
		if (!d->r.c->g.json && exaslct_deploy_print_text(d, &d->items.v[i], definitions, e))
			return -1;
	}
	return d->r.c->g.json ? cli_print_json(STEAL_PTR(own), e) : 0;
}

static int exaslct_deploy_password(struct exaslct_deploy *d, const char *given, struct err *e)
{
	AUTO_FREE char *question = mem_printf("BucketFS Password for BucketFS %s and User %s: ", d->target.bucketfs,
					      d->target.user ? d->target.user : "");

	if (d->way.dry_run)
		return 0;
	d->password = exrun_password(given, "BUCKETFS_PASSWORD", question, e);
	d->target.password = d->password;
	return d->password ? 0 : -1;
}

/* A flavor without a definition fails before hours of building. */
static int exaslct_deploy_check_definitions(const struct exaslct_deploy *d, struct err *e)
{
	struct langdef_place p = {d->target.bucketfs, d->target.bucket, d->target.path, "x"};

	for (size_t i = 0; i < d->r.b.paths.n; i++) {
		AUTO_FREE char *text = langdef_render(d->r.b.paths.v[i], &p, e);

		if (!text)
			return -1;
	}
	return 0;
}

static int exaslct_deploy_all(struct exaslct_deploy *d, struct err *e)
{
	int rc = exrun_open(&d->r, e);

	if (!rc)
		rc = exrun_build(&d->r, &d->res, e);
	for (size_t i = 0; !rc && i < d->res.n; i++)
		rc = d->res.v[i].extra ? 0 : exaslct_deploy_item(d, &d->res.v[i], e);
	exrun_close(&d->r);
	return rc;
}

int exaslct_deploy_releases(struct cli *c, const struct exopt *o, const struct deploy_target *t,
			    struct exaslct_deploy_way way, struct err *e)
{
	struct exaslct_deploy d = {.target = *t, .way = way};
	AUTO_STRV struct strv goals = {0};
	int rc;

	exaslct_export_goals(o, &goals);
	rc = deploy_check(t, e) || exrun_prepare(&d.r, c, o, &goals, e) || exaslct_deploy_check_definitions(&d, e) ||
			     exaslct_deploy_password(&d, o->bucketfs_password, e) || exaslct_deploy_all(&d, e)
		     ? -1
		     : exaslct_deploy_print(&d, e);
	exaslct_deploy_release(&d);
	return rc;
}

static int exaslct_deploy_need(const struct strv *given, const char *const *names, struct err *e)
{
	for (size_t i = 0; names[i]; i++) {
		if (exopt_need(given, names[i], e))
			return -1;
	}
	return 0;
}

static struct deploy_target exaslct_deploy_target(const struct exopt *o, bool tls)
{
	return (struct deploy_target){
		.host = o->bucketfs_host,
		.user = o->bucketfs_user,
		.port = (uint16_t)o->bucketfs_port,
		.tls = tls,
		.verify = o->verify != OPT_NO,
		.ca_file = o->ssl_cert && o->ssl_cert[0] ? o->ssl_cert : NULL,
		.bucketfs = o->bucketfs_name,
		.bucket = o->bucket,
		.path = o->path_in_bucket,
	};
}

int exaslct_deploy_run(struct cli *c, const void *opts, struct err *e)
{
	static const char *const needed[] = {"bucketfs-host", "bucketfs-port", "bucketfs-user",
					     "bucketfs-name", "bucket",	       NULL};
	const struct exopt *o = opts;
	struct deploy_target t;
	bool tls;

	if (exopt_check("deploy", o, &c->args.given, e) || exopt_need(&c->args.given, "flavor-path", e) ||
	    exaslct_deploy_need(&c->args.given, needed, e) ||
	    exopt_bool("bucketfs-use-https", o->use_https_word, false, &tls, e))
		return -1;
	t = exaslct_deploy_target(o, tls);
	return exaslct_deploy_releases(c, o, &t, (struct exaslct_deploy_way){.words = EXASLCT_DEPLOY_DEPLOY}, e);
}

int exaslct_upload_run(struct cli *c, const void *opts, struct err *e)
{
	static const char *const needed[] = {"database-host", "bucketfs-port", "bucketfs-username",
					     "bucketfs-name", "bucket-name",   NULL};
	const struct exopt *o = opts;
	struct deploy_target t;

	if (exopt_check("upload", o, &c->args.given, e) || exopt_need(&c->args.given, "flavor-path", e) ||
	    exaslct_deploy_need(&c->args.given, needed, e))
		return -1;
	t = exaslct_deploy_target(o, exrun_yes(o->https));
	return exaslct_deploy_releases(c, o, &t, (struct exaslct_deploy_way){.words = EXASLCT_DEPLOY_UPLOAD}, e);
}
