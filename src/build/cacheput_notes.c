/* What --cache-to writes beside the entries: what the steps of a stage were made of, and which entries were of use. */
#include <string.h>

#include "oci/layout.h"
#include "oci/limits.h"
#include "src/build/cacheput.h"
#include "src/cache/cacheuse.h"
#include "src/cache/cachewhy.h"
#include "src/util/mem.h"

/* image-spec: what stands for a layer where there is none. */
#define EMPTY_MEDIATYPE "application/vnd.oci.empty.v1+json"
/* Notes of one day in a repository; on such a day what is not noted is built or used by others. */
#define NOTES_A_DAY 64

/* --- records of stages --- */

/* There is one at a time, and the last one counts. */
static int put_why(struct cacheput *p, const struct cachejob *job, struct descriptor *out, struct err *e)
{
	static const char empty[] = "{}";
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_DESCRIPTOR struct descriptor none = {0};
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	struct store *s = p->b->s->store;

	if (store_blob_put(s, empty, strlen(empty), CACHEWHY_MEDIATYPE, &m.config, e) < 0 ||
	    store_blob_put(s, empty, strlen(empty), EMPTY_MEDIATYPE, &none, e) < 0)
		return -1;
	manifest_add_layer(&m, &none);
	cachewhy_annotate(&m, job->text, job->built);
	manifest_write(&m, &text);
	if (text.over)
		return err_set(e, ERR_INPUT, "a record of a stage is too large");
	return store_blob_put(s, text.p, text.n, MEDIATYPE_OCI_MANIFEST, out, e);
}

static int push_why(struct cacheput *p, const char *tag, const struct descriptor *manifest, struct err *e)
{
	AUTO_REF struct ref to = {0};
	struct registry_push push = {.to = &to, .new_tags = true, .unasked_bytes = CACHEPUT_SMALL_BYTES};
	int rc;

	if (cacheput_connect(p, e) < 0)
		return -1;
	ref_copy(&to, &p->repo);
	free(to.tag);
	to.tag = mem_strdup(tag);
	descriptor_copy(&push.manifest, manifest);
	rc = registry_push_image(p->reg, &push, p->b->s->store, NULL, NULL, e);
	descriptor_release(&push.manifest);
	return rc;
}

int cacheput_why(struct cacheput *p, const struct cachejob *job, struct err *e)
{
	const char *dir = cacheopt_dir(p->to->repo);
	AUTO_DESCRIPTOR struct descriptor manifest = {0};
	char tag[CKEY_TAG_BYTES];

	ckey_tag(&job->input, tag);
	AUTO_FREE char *name = mem_printf("%s" CACHEWHY_SUFFIX, tag);
	struct layout_save_opts o = {.keep = false};

	if (put_why(p, job, &manifest, e) < 0)
		return -1;
	struct layout_image image = {.name = name, .manifest = manifest};

	return dir ? layout_save_dir_with(p->b->s->store, dir, &image, 1, &o, e) : push_why(p, name, &manifest, e);
}

/* --- entries that were of use --- */

static bool is_noted(const struct cacheput *p, const struct cachejob *job, const char *tag)
{
	char day[CACHEUSE_DAY_BYTES];

	cacheuse_day(job->built, day);
	return cacheknown_has(&p->known, tag) == CACHEKNOWN_YES || cacheknown_count(&p->known, day) >= NOTES_A_DAY;
}

int cacheput_use(struct cacheput *p, const struct cachejob *job, struct err *e)
{
	AUTO_REF struct ref to = {0};
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	struct registry_push push = {.to = &to, .text = &text, .new_tags = true};
	char tag[CACHEUSE_TAG_BYTES];
	struct digest d;
	int rc;

	buf_str_add(&text, job->text);
	cacheuse_tag(job->built, buf_sv(&text), tag);
	if (is_noted(p, job, tag))
		return 0;
	if (cacheput_connect(p, e) < 0)
		return -1;
	digest_of_bytes(text.p, text.n, &d);
	descriptor_set(&push.manifest, MEDIATYPE_OCI_INDEX, &d, text.n);
	ref_copy(&to, &p->repo);
	free(to.tag);
	to.tag = mem_strdup(tag);
	rc = registry_push_image(p->reg, &push, p->b->s->store, NULL, NULL, e);
	descriptor_release(&push.manifest);
	return rc;
}
