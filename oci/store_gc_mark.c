/* Garbage collection, the first half: what images and tags reach. */
#include "oci/store_gc_priv.h"

#include "oci/limits.h"

/* An index of indexes of indexes: nothing real is deeper. */
#define STORE_GC_DEPTH_MAX 4

bool store_gc_add(struct smap *set, const struct digest *d)
{
	static char present[] = "";

	if (!digest_is_set(d) || smap_has(set, d->text))
		return false;
	smap_set(set, d->text, present);
	return true;
}

int store_gc_forgive(struct err *e, enum err_code code)
{
	if (e->code != code)
		return -1;
	err_release(e);
	return 0;
}

/* A layer that is kept keeps the compressed blobs that are known of it: pushing again needs no compression then. */
static int store_gc_mark_layer(struct store_gc_run *g, const struct digest *diff_id, struct err *e)
{
	AUTO_LAYER_REC struct store_layer_rec r = {0};

	if (!store_gc_add(&g->layers, diff_id))
		return 0;
	if (store_layer_rec_get(g->s, diff_id, &r, e) < 0)
		return store_gc_forgive(e, ERR_NOT_FOUND);
	for (size_t i = 0; i < r.nblobs; i++)
		store_gc_add(&g->blobs, &r.blobs[i].desc.digest);
	return 0;
}

int store_gc_mark_layers(struct store_gc_run *g, const struct digest_list *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		if (store_gc_mark_layer(g, &l->v[i], e) < 0)
			return -1;
	}
	return 0;
}

/* A config that is no image's (an artifact's) is kept as it is. */
static int store_gc_mark_config(struct store_gc_run *g, const struct digest *d, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(CONFIG_MAX_BYTES);
	AUTO_IMGCONFIG struct imgconfig c;

	imgconfig_init(&c, NULL);
	store_gc_add(&g->blobs, d);
	if (store_blob_read(g->s, d, CONFIG_MAX_BYTES, &b, e) < 0)
		return store_gc_forgive(e, ERR_NOT_FOUND);
	if (imgconfig_parse(b.p, b.n, &c, ERR_INPUT, e) < 0) {
		err_release(e);
		return 0;
	}
	return store_gc_mark_layers(g, &c.diff_ids, e);
}

static int store_gc_mark_manifest(struct store_gc_run *g, const struct buf *b, struct err *e)
{
	AUTO_MANIFEST struct manifest m = {0};

	if (manifest_parse(b->p, b->n, NULL, &m, ERR_INTEGRITY, e) < 0)
		return -1;
	for (size_t i = 0; i < m.nlayers; i++)
		store_gc_add(&g->blobs, &m.layers[i].digest);
	return store_gc_mark_config(g, &m.config.digest, e);
}

static int store_gc_mark_document(struct store_gc_run *g, const struct digest *d, int depth, struct err *e);

static int store_gc_mark_index(struct store_gc_run *g, const struct buf *b, int depth, struct err *e)
{
	AUTO_INDEX struct index x = {0};

	if (index_parse(b->p, b->n, NULL, &x, ERR_INTEGRITY, e) < 0)
		return -1;
	for (size_t i = 0; i < x.n; i++) {
		if (store_gc_mark_document(g, &x.manifests[i].digest, depth + 1, e) < 0)
			return -1;
	}
	return 0;
}

/* Manifest or index. One that is missing has nothing to keep; a damaged one stops gc, because nobody knows what it
 * keeps. */
static int store_gc_mark_document(struct store_gc_run *g, const struct digest *d, int depth, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);
	enum mediatype_kind kind;
	int r = 0;

	if (!store_gc_add(&g->blobs, d))
		return 0;
	if (depth > STORE_GC_DEPTH_MAX)
		return err_set(e, ERR_INTEGRITY, "%s: indexes nested deeper than %d", d->text, STORE_GC_DEPTH_MAX);
	if (store_blob_read(g->s, d, MANIFEST_MAX_BYTES, &b, e) < 0)
		return store_gc_forgive(e, ERR_NOT_FOUND);
	kind = manifest_detect(b.p, b.n, NULL);
	if (kind == MEDIATYPE_MANIFEST)
		r = store_gc_mark_manifest(g, &b, e);
	else if (kind == MEDIATYPE_INDEX)
		r = store_gc_mark_index(g, &b, depth, e);
	return r < 0 ? err_wrap(e, "%s", d->text) : 0;
}

static int store_gc_mark_image(void *arg, const char *rel, struct store_image *i, struct err *problem)
{
	struct store_gc_run *g = arg;

	(void)rel;
	if (!i || store_gc_mark_config(g, &i->config, problem) < 0 ||
	    store_gc_mark_layers(g, &i->diff_ids, problem) < 0)
		return -1;
	return store_gc_mark_document(g, &i->manifest.digest, 0, problem);
}

/* store_image_each owns the error of one record: here it ends the whole, so it is carried over. */
struct store_gc_images {
	struct store_gc_run *g;
	struct err *e;
};

static int store_gc_each_image(void *arg, const char *rel, struct store_image *i, struct err *problem)
{
	struct store_gc_images *a = arg;

	if (store_gc_mark_image(a->g, rel, i, problem) == 0)
		return 0;
	err_move(a->e, problem);
	return -1;
}

int store_gc_mark_images(struct store_gc_run *g, struct err *e)
{
	struct store_gc_images a = {g, e};

	return store_image_each(g->s, store_gc_each_image, &a, e);
}

int store_gc_mark_tags(struct store_gc_run *g, struct err *e)
{
	AUTO_JSON struct json *j = store_index_load(g->s, e);
	const struct json *list = json_get(j, "manifests");

	if (!j)
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		AUTO_DESCRIPTOR struct descriptor d = {0};

		if (descriptor_from_json(json_at(list, i), &d, ERR_INTEGRITY, e) < 0 ||
		    store_gc_mark_document(g, &d.digest, 0, e) < 0)
			return -1;
	}
	return 0;
}
