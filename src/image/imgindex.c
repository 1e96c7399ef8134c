#include "src/image/imgindex.h"

#include <string.h>

#include "oci/imgconfig.h"
#include "oci/layout_dir.h"
#include "oci/limits.h"
#include "src/build/opsbase.h"
#include "src/image/imgbring.h"
#include "src/util/mem.h"

static char *full_name(const char *name, struct err *e)
{
	AUTO_REF struct ref r = {0};

	return ref_parse(name, &r, e) < 0 ? NULL : ref_format(&r);
}

int imgindex_find(struct session *s, const char *name, struct descriptor *out, struct err *e)
{
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;
	AUTO_FREE char *full = full_name(name, e);
	const struct descriptor *found;

	if (!full || layout_dir_open(&d, store_root(s->store), e) < 0)
		return -1;
	found = layout_dir_find(&d, full);
	if (!found || mediatype_kind_of(found->media_type) != MEDIATYPE_INDEX) {
		err_set(e, ERR_NOT_FOUND, "the store has no index %s", name);
		return err_hint(e, "slct manifest create makes one");
	}
	*out = (struct descriptor){0};
	descriptor_set(out, found->media_type, &found->digest, found->size);
	return 0;
}

/* --- making --- */

static int load(struct session *s, const struct descriptor *d, struct index *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);

	return store_blob_read(s->store, &d->digest, MANIFEST_MAX_BYTES, &text, e) < 0
		       ? -1
		       : index_parse(text.p, text.n, d->media_type, out, ERR_INPUT, e);
}

/* What the image's config says it is for. */
static int set_platform(struct session *s, struct descriptor *d, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES), config = BUF_INIT(CONFIG_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_IMGCONFIG struct imgconfig c;
	struct json *j;

	imgconfig_init(&c, NULL);
	if (store_blob_read(s->store, &d->digest, MANIFEST_MAX_BYTES, &text, e) < 0 ||
	    manifest_parse(text.p, text.n, d->media_type, &m, ERR_INPUT, e) < 0 ||
	    store_blob_read(s->store, &m.config.digest, CONFIG_MAX_BYTES, &config, e) < 0)
		return -1;
	imgconfig_release(&c);
	if (imgconfig_parse(config.p, config.n, &c, ERR_INPUT, e) < 0)
		return -1;
	j = json_object();
	json_set_str(j, "os", c.platform.os);
	json_set_str(j, "architecture", c.platform.arch);
	if (c.platform.variant[0])
		json_set_str(j, "variant", c.platform.variant);
	json_free(d->platform);
	d->platform = j;
	return 0;
}

static void put(struct index *x, const struct descriptor *d)
{
	for (size_t i = 0; i < x->n; i++)
		if (json_eq(x->manifests[i].platform, d->platform)) {
			descriptor_release(&x->manifests[i]);
			descriptor_copy(&x->manifests[i], d);
			return;
		}
	index_add(x, d);
}

static int put_image(struct session *s, const char *text, struct index *x, struct err *e)
{
	AUTO_IMGPLACE struct imgplace place = {0};
	AUTO_DESCRIPTOR struct descriptor root = {0};
	AUTO_INDEX struct index theirs = {0};

	if (imgplace_parse(text, &place, e) < 0 || imgbring(s, &place, NULL, false, &root, e) < 0)
		return -1;
	if (mediatype_kind_of(root.media_type) != MEDIATYPE_INDEX) {
		if (set_platform(s, &root, e) < 0)
			return -1;
		put(x, &root);
		return 0;
	}
	if (load(s, &root, &theirs, e) < 0)
		return -1;
	for (size_t i = 0; i < theirs.n; i++)
		put(x, &theirs.manifests[i]);
	return 0;
}

static int check_free(struct session *s, const char *name, const char *full, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	struct err none = ERR_INIT;
	bool taken = store_image_get(s->store, full, &im, &none) == 0;

	err_release(&none);
	if (!taken)
		return 0;
	err_set(e, ERR_INPUT, "%s is an image of the store", name);
	return err_hint(e, "choose another name for the index: where it is pushed to is said by slct manifest push");
}

int imgindex_make(struct session *s, const char *name, const struct strv *images, bool add, struct digest *digest,
		  struct err *e)
{
	AUTO_FREE char *full = full_name(name, e);
	AUTO_DESCRIPTOR struct descriptor old = {0}, made = {0};
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_INDEX struct index x = {0};

	if (!full || check_free(s, name, full, e) < 0)
		return -1;
	if (add && (imgindex_find(s, name, &old, e) < 0 || load(s, &old, &x, e) < 0))
		return -1;
	for (size_t i = 0; i < images->n; i++)
		if (put_image(s, images->v[i], &x, e) < 0)
			return err_wrap(e, "%s", images->v[i]);
	index_write(&x, &text);
	if (text.over)
		return err_set(e, ERR_INPUT, "the index would be larger than %zu bytes", MANIFEST_MAX_BYTES);
	if (store_blob_put(s->store, text.p, text.n, MEDIATYPE_OCI_INDEX, &made, e) < 0)
		return -1;
	*digest = made.digest;
	return store_index_set(s->store, full, &made, e);
}
