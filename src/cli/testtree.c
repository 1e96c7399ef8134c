#include "src/cli/testtree.h"

#include <unistd.h>

#include "oci/ref.h"
#include "src/build/opsbase.h"
#include "src/cli/release.h"
#include "src/image/image_ops.h"
#include "src/run/runkeep.h"
#include "src/util/mem.h"

#define TESTTREE_TAG_MAX 128

void testtree_release(struct testtree *t)
{
	for (size_t i = 0; i < t->exported.n; i++) {
		digest_list_release(t->exported.v[i].val);
		free(t->exported.v[i].val);
	}
	smap_release(&t->exported);
}

/* Read an archive; the name that it needs on the way is gone afterwards. */
static int testtree_read(struct session *s, const char *file, const char *name, struct digest_list *out, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	AUTO_IMGCONFIG struct imgconfig config;
	AUTO_REF struct ref ref = {0};
	struct platform host;
	int rc;

	platform_host(&host);
	imgconfig_init(&config, NULL);
	if (image_ops_import(s, file, name, &host, 0, NULL, e) || ref_parse(name, &ref, e))
		return -1;
	AUTO_FREE char *full = ref_format(&ref);

	imgconfig_release(&config);
	rc = opsbase_image(s, name, &im, &config, e);
	if (rc)
		imgconfig_init(&config, NULL);
	else
		digest_list_copy(out, &im.diff_ids);
	return rc || store_image_delete(s->store, full, e) ? -1 : 0;
}

static int testtree_make(const struct testtree *t, struct session *s, const struct flavor *f, const char *stage,
			 const char *image, struct digest_list *out, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%s/%s.%s.tar", t->dir, f->name, stage);
	/* Two runs on one store do not take it from each other. */
	AUTO_FREE char *name = mem_printf("exported:%.40s-%.40s-%d", f->name, stage, (int)getpid());
	AUTO_FEXPORT struct fexport rules = {0};
	int rc;

	fexport_copy(&rules, &f->export);
	rc = fexport_load(&rules, e);
	if (!rc)
		rc = release_write(s, image, release_format("tar"), file, &rules, NULL, e);
	if (!rc)
		rc = testtree_read(s, file, name, out, e);
	unlink(file);
	return rc;
}

int testtree_exported(struct testtree *t, struct session *s, const struct flavor *f, const char *stage,
		      const char *image, struct digest_list *out, struct err *e)
{
	AUTO_FREE char *key = mem_printf("%s %s", f->path, image);
	struct digest_list *made = smap_get(&t->exported, key);

	if (!made) {
		made = mem_new(struct digest_list);
		smap_set(&t->exported, key, made);
		if (testtree_make(t, s, f, stage, image, made, e)) {
			smap_del(&t->exported, key);
			digest_list_release(made);
			free(made);
			return err_wrap(e, "the exported files of %s", stage);
		}
	}
	digest_list_copy(out, made);
	return 0;
}

int testtree_keep(struct testrun_test *test, const struct imgconfig *config, struct err *e)
{
	AUTO_FREE char *tag = mem_strdup(test->name), *name = NULL;
	struct digest id;

	for (char *p = tag; *p; p++)
		if (*p == '/')
			*p = '-';
	name = mem_printf("failed:%.*s", TESTTREE_TAG_MAX, tag);
	if (runkeep(&test->job, config, name, &id, e))
		return -1;
	test->kept = STEAL_PTR(name);
	return 0;
}

int testtree_drop(struct session *s, struct testrun_test *test, struct err *e)
{
	AUTO_REF struct ref ref = {0};
	AUTO_FREE char *full = NULL;

	if (ref_parse(test->kept, &ref, e))
		return -1;
	full = ref_format(&ref);
	free(test->kept);
	test->kept = NULL;
	return store_image_delete(s->store, full, e);
}
