/* EXASLCT's build-test-container and push-test-container: one Dockerfile, named after the target repository. */
#include <errno.h>

#include "oci/platform.h"
#include "src/build/stagename.h"
#include "src/cli/exaslct.h"
#include "src/cli/exaslct_dbtest.h"
#include "src/image/image_ops.h"
#include "src/util/mem.h"

/* What EXASLCT calls the image: the word stands where a flavor's stage does. */
#define EXASLCT_TEST_CONTAINER_TAG "db-test-container"

/* "repo:[prefix_]db-test-container_<arch>_<what>" */
static char *exaslct_test_container_name(const struct exopt *o, const char *what)
{
	const char *prefix = o->target_prefix ? o->target_prefix : "";
	struct platform host;

	platform_host(&host);
	return mem_printf("%s:%s%s%s_%s_%s", exrun_target(o), prefix, prefix[0] ? "_" : "", EXASLCT_TEST_CONTAINER_TAG,
			  stagename_arch(&host), what);
}

static int exaslct_test_container_put(struct exrun *r, const char *name, struct store_image *im, struct err *e)
{
	AUTO_REF struct ref ref = {0};

	if (ref_parse(name, &ref, e)) {
		e->code = ERR_USAGE;
		return -1;
	}
	free(im->name);
	im->name = ref_format(&ref);
	im->published = false;
	return store_image_put(r->work.session.store, im, e);
}

/* Its name with the key, and the one with --build-name, if there is that. */
static int exaslct_test_container_name_it(struct exrun *r, const struct build_goal *g, char **name, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	AUTO_FREE char *id = mem_printf("%.32s", strchr(g->image.text, ':') + 1), *second = NULL;

	*name = exaslct_test_container_name(r->o, g->key ? g->key : id);
	if (store_image_get(r->work.session.store, g->image.text, &im, e) ||
	    exaslct_test_container_put(r, *name, &im, e))
		return -1;
	if (!r->o->build_name || !r->o->build_name[0])
		return 0;
	second = exaslct_test_container_name(r->o, r->o->build_name);
	return exaslct_test_container_put(r, second, &im, e) ? err_wrap(e, "--build-name") : 0;
}

static int exaslct_test_container_push(struct exrun *r, const char *name, bool force, struct err *e)
{
	const char *build = r->o->build_name;
	AUTO_FREE char *second = build && build[0] ? exaslct_test_container_name(r->o, build) : NULL;
	struct image_ops_push_stats st = {0};

	if (force ? image_ops_push(&r->work.session, name, NULL, NULL, &st, e)
		  : image_ops_push_new(&r->work.session, name, &st, e))
		return -1;
	return second ? image_ops_push(&r->work.session, second, NULL, NULL, &st, e) : 0;
}

static int exaslct_test_container(struct exrun *r, bool push, bool force, struct err *e)
{
	struct build_result res = {0};
	AUTO_FREE char *name = NULL;
	int rc = exrun_open(r, e);

	if (!rc)
		rc = exrun_build(r, &res, e);
	if (!rc)
		rc = exaslct_test_container_name_it(r, &res.v[0], &name, e);
	if (!rc && push)
		rc = exaslct_test_container_push(r, name, force, e);
	exrun_close(r);
	build_result_release(&res);
	return rc ? -1 : cli_printf(e, "%s\n", name);
}

/* EXASLCT's test containers have their Dockerfile and what it copies in build/. */
static char *exaslct_test_container_folder(const char *given)
{
	AUTO_FREE char *file = mem_printf("%s/build/Dockerfile", given);

	return access(file, F_OK) == 0 ? mem_printf("%s/build", given) : mem_strdup(given);
}

/* The folder takes the place of a flavor: a directory with a Dockerfile is a context. path is borrowed. */
static struct exopt exaslct_test_container_opts(const struct exopt *o, char **path)
{
	struct exopt with = *o;

	with.flavor_paths = (struct strv){path, 1, 1};
	with.force_from = (struct strv){0};
	return with;
}

static int exaslct_test_container_run(struct cli *c, const struct exopt *o, const char *command, bool push,
				      struct err *e)
{
	AUTO_EXRUN struct exrun r = {0};
	char *path[1] = {exaslct_test_container_folder(o->test_container_folder ? o->test_container_folder
										: EXASLCT_TEST_CONTAINER_FOLDER)};
	AUTO_FREE char *own ATTR_UNUSED = path[0];
	struct exopt with = exaslct_test_container_opts(o, path);
	bool force;

	if (exopt_check(command, o, &c->args.given, e) ||
	    exopt_bool("force-push", o->force_push_word, false, &force, e))
		return -1;
	if (access(path[0], F_OK) < 0)
		return err_sys(e, ERR_USAGE, errno, "--test-container-folder %s", path[0]);
	if (exrun_prepare(&r, c, &with, NULL, e))
		return -1;
	if (push)
		strv_printf(&r.b.cache_to, "%s,mode=stages,required", exrun_target(o));
	return exaslct_test_container(&r, push, force, e);
}

int exaslct_test_container_for(struct exrun *r, const char *folder, struct digest *image, struct err *e)
{
	AUTO_EXRUN struct exrun own = {.net = r->net, .own = r->own};
	char *path[1] = {exaslct_test_container_folder(folder)};
	AUTO_FREE char *hold ATTR_UNUSED = path[0];
	struct exopt with = exaslct_test_container_opts(r->o, path);
	AUTO(build_result_release) struct build_result res = {0};
	AUTO_FREE char *name = NULL;

	/* The session of r knows the logins. */
	with.source_user = with.target_user = NULL;
	if (exrun_prepare(&own, r->c, &with, NULL, e))
		return err_wrap(e, "--test-container-folder");
	own.b.output_directory = mem_strdup_opt(r->logs);
	if (build_run(&r->work.session, &own.b, &res, e) || exaslct_test_container_name_it(r, &res.v[0], &name, e))
		return -1;
	*image = res.v[0].image;
	return 0;
}

int exaslct_test_container_build_run(struct cli *c, const void *opts, struct err *e)
{
	return exaslct_test_container_run(c, opts, "build-test-container", false, e);
}

int exaslct_test_container_push_run(struct cli *c, const void *opts, struct err *e)
{
	return exaslct_test_container_run(c, opts, "push-test-container", true, e);
}
