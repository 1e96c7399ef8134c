#include "src/build/opsbase.h"

#include <string.h>

#include "oci/limits.h"
#include "src/session/blobs.h"
#include "src/session/sweep.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

int opsbase_init(struct build *b, struct session *s, struct err *e)
{
	*b = (struct build){.s = s};
	b->trees = b->origins = SMAP_INIT(NULL);
	if (session_need_tier(s, e) < 0)
		return -1;
	return store_tmp_dir(s->store, "ops", &b->tmp, e);
}

void opsbase_release(struct build *b)
{
	if (b->tmp)
		sweep_run(b->s, b->tmp);
	free(b->tmp);
	trees_release(b);
}

const char *opsbase_reference(const char *text)
{
	static const char docker[] = "docker://";

	return strncmp(text, docker, strlen(docker)) == 0 ? text + strlen(docker) : text;
}

struct waiting {
	struct build *b;
	bool done, looping;
	struct err err;
};

static void on_trees(void *ctx, struct err *e)
{
	struct waiting *w = ctx;

	err_move(&w->err, e);
	w->done = true;
	if (w->looping)
		loop_stop(w->b->s->loop);
}

int opsbase_trees(struct build *b, const struct digest_list *stack, const char *what, struct err *e)
{
	struct waiting w = {.b = b};

	trees_ensure(b, stack, what, on_trees, &w);
	w.looping = true;
	if (!w.done && loop_run(b->s->loop, e) < 0)
		return -1;
	if (!err_is_set(&w.err))
		return 0;
	err_move(e, &w.err);
	return -1;
}

int opsbase_image(struct session *s, const char *name, struct store_image *im, struct imgconfig *config, struct err *e)
{
	if (store_image_get(s->store, name, im, e) < 0) {
		if (e->code == ERR_NOT_FOUND && !e->hint)
			err_hint(e, "slct images lists what is in the store");
		return -1;
	}
	return config ? store_image_config(s->store, im, config, e) : 0;
}

/* --- a manifest for an image --- */

/* Whether the blobs of the image's own manifest are all here and such as the request wants them. */
static bool has_manifest(const struct blobs_request *r, const struct descriptor *manifest)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	struct err e = ERR_INIT;
	bool ok = digest_is_set(&manifest->digest) &&
		  store_blob_read(r->s->store, &manifest->digest, MANIFEST_MAX_BYTES, &text, &e) == 0 &&
		  manifest_parse(text.p, text.n, NULL, &m, ERR_INTEGRITY, &e) == 0 && m.nlayers == r->diff_ids->n;
	uint64_t size;

	for (size_t i = 0; ok && i < m.nlayers; i++)
		ok = store_blob_has(r->s->store, &m.layers[i].digest, &size) && blobs_fits(r, i, &m.layers[i].digest);
	err_release(&e);
	return ok;
}

/* Trees of layers that are to be packed; those that are nowhere here, but whose place in a registry is known, are
 * fetched. */
static int need_trees(struct blobs_request *r, struct err *e)
{
	struct build b;
	int rc;

	if (blobs_known(r) == 0)
		return 0;
	rc = opsbase_init(&b, r->s, e);
	if (rc == 0)
		rc = opsbase_trees(&b, r->diff_ids, "layers", e);
	opsbase_release(&b);
	return rc;
}

int opsbase_compose(struct session *s, const struct store_image *im, const struct descriptor *layers,
		    struct descriptor *out, struct err *e)
{
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	uint64_t size;

	if (!store_blob_has(s->store, &im->config, &size))
		return err_set(e, ERR_INTEGRITY, "config %s of %s is not in the store", im->config.text, im->name);
	descriptor_set(&m.config, MEDIATYPE_OCI_CONFIG, &im->config, size);
	for (size_t i = 0; i < im->diff_ids.n; i++)
		manifest_add_layer(&m, &layers[i]);
	if (im->annotations)
		m.annotations = json_deep_copy(im->annotations);
	manifest_write(&m, &text);
	return store_blob_put(s->store, text.p, text.n, MEDIATYPE_OCI_MANIFEST, out, e);
}

int opsbase_layers(struct session *s, struct store_image *im, const struct layer_codec *codec, struct blobs_request *r,
		   struct err *e)
{
	*r = (struct blobs_request){.s = s,
				    .diff_ids = &im->diff_ids,
				    .codec = codec ? *codec : (struct layer_codec){CODEC_GZIP, 0},
				    .exact = codec != NULL};
	if (has_manifest(r, &im->manifest))
		return 0;
	r->out = mem_zalloc((im->diff_ids.n + 1) * sizeof *r->out);
	return need_trees(r, e) < 0 ? -1 : 1;
}

void opsbase_layers_release(struct blobs_request *r)
{
	for (size_t i = 0; r->out && i < r->diff_ids->n; i++)
		descriptor_release(&r->out[i]);
	free(r->out);
	r->out = NULL;
}

int opsbase_adopt_manifest(struct session *s, struct store_image *im, const struct descriptor *manifest, struct err *e)
{
	descriptor_release(&im->manifest);
	descriptor_copy(&im->manifest, manifest);
	return store_image_put(s->store, im, e);
}

int opsbase_manifest(struct session *s, struct store_image *im, const struct layer_codec *codec, struct descriptor *out,
		     struct err *e)
{
	struct blobs_request r;
	int rc = opsbase_layers(s, im, codec, &r, e);

	if (rc == 0)
		descriptor_copy(out, &im->manifest);
	else if (rc > 0)
		rc = blobs_make(&r, e) < 0 || opsbase_compose(s, im, r.out, out, e) < 0 ||
				     opsbase_adopt_manifest(s, im, out, e) < 0
			     ? -1
			     : 0;
	opsbase_layers_release(&r);
	return rc;
}

/* --- records --- */

int opsbase_name(struct session *s, const char *name, const struct digest *config, const struct digest_list *diff_ids,
		 const struct descriptor *manifest, struct err *e)
{
	AUTO_REF struct ref r = {0};
	AUTO_FREE char *full = NULL;

	if (ref_parse(name, &r, e) < 0)
		return err_wrap(e, "image name");
	full = ref_format(&r);
	struct store_image im = {
		.name = full, .config = *config, .diff_ids = *diff_ids, .updated = clock_wall() / CLOCK_NS_PER_S};

	if (manifest)
		im.manifest = *manifest;
	return store_image_put(s->store, &im, e);
}

int opsbase_published(struct session *s, const char *name, const struct digest *config, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	AUTO_REF struct ref r = {0};
	AUTO_FREE char *full = NULL;

	if (ref_parse(name, &r, e) < 0)
		return -1;
	full = ref_format(&r);
	if (store_image_get(s->store, full, &im, e) < 0)
		return -1;
	if (im.published || !digest_eq(&im.config, config))
		return 0;
	im.published = true;
	return store_image_put(s->store, &im, e);
}

static int check_layers(const struct manifest *m, const struct imgconfig *c, struct err *e)
{
	if (m->nlayers == c->diff_ids.n)
		return 0;
	return err_set(e, ERR_INTEGRITY, "%zu layers in the manifest, %zu in the config", m->nlayers, c->diff_ids.n);
}

int opsbase_adopt_layers(struct session *s, const struct manifest *m, const struct imgconfig *c, struct err *e)
{
	if (check_layers(m, c, e) < 0)
		return -1;
	for (size_t i = 0; i < m->nlayers; i++)
		if (store_layer_rec_add_blob(s->store, &c->diff_ids.v[i], 0, &m->layers[i], "pulled", e) < 0)
			return -1;
	return 0;
}

int opsbase_read(struct session *s, const struct descriptor *manifest, struct manifest *m, struct imgconfig *c,
		 struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES), config = BUF_INIT(CONFIG_MAX_BYTES);

	if (store_blob_read(s->store, &manifest->digest, MANIFEST_MAX_BYTES, &text, e) < 0 ||
	    manifest_parse(text.p, text.n, manifest->media_type, m, ERR_REGISTRY, e) < 0)
		return -1;
	if (store_blob_read(s->store, &m->config.digest, CONFIG_MAX_BYTES, &config, e) < 0 ||
	    imgconfig_parse(config.p, config.n, c, ERR_REGISTRY, e) < 0) {
		manifest_release(m);
		return -1;
	}
	if (check_layers(m, c, e) == 0)
		return 0;
	manifest_release(m);
	imgconfig_release(c);
	return -1;
}

int opsbase_adopt(struct session *s, const struct descriptor *manifest, const char *name, struct digest *id,
		  struct digest_list *diff_ids, struct err *e)
{
	AUTO_MANIFEST struct manifest m = {0};
	struct imgconfig c;
	int rc;

	if (opsbase_read(s, manifest, &m, &c, e) < 0)
		return -1;
	rc = opsbase_adopt_layers(s, &m, &c, e);
	if (rc == 0)
		rc = opsbase_name(s, name, &m.config.digest, &c.diff_ids, manifest, e);
	if (rc == 0 && id)
		*id = m.config.digest;
	if (rc == 0 && diff_ids)
		digest_list_copy(diff_ids, &c.diff_ids);
	imgconfig_release(&c);
	return rc;
}
