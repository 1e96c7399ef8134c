/* Images from anywhere into the store's blobs. */
#include "src/image/imgbring.h"

#include "oci/layout.h"
#include "oci/limits.h"
#include "src/build/opsbase.h"
#include "src/image/imgindex.h"
#include "src/util/mem.h"

/* Indexes in indexes: as deep as loading goes. */
#define DEPTH_MAX 4

struct bring {
	struct session *s;
	const struct imgplace *from;
	const struct platform *platform; /* NULL: all */
	bool documents;
	struct ref ref;
	struct registry *reg;
	struct layout_dir dir;
};

/* Of a registry: the document of a tag or digest into the store. */
static int fetch_document(struct bring *b, const char *name, struct descriptor *out, struct err *e)
{
	struct registry_probe probe = {.tag = name, .index_too = true};

	if (registry_probe_tags(b->reg, &b->ref, &probe, 1, e) < 0)
		return -1;
	if (!probe.found)
		return err_set(e, ERR_REGISTRY, "%s/%s has no manifest %s", b->ref.host, b->ref.path, name);
	int rc = store_blob_put(b->s->store, probe.text.p, probe.text.n, probe.manifest.media_type, out, e);

	buf_release(&probe.text);
	return rc;
}

static int bring_document(struct bring *b, const struct descriptor *d, struct err *e)
{
	AUTO_DESCRIPTOR struct descriptor got = {0};

	if (store_blob_has(b->s->store, &d->digest, NULL))
		return 0;
	if (b->from->kind == IMGPLACE_OCI)
		return layout_dir_fetch(&b->dir, b->s->store, d, e);
	if (fetch_document(b, d->digest.text, &got, e) < 0)
		return -1;
	return digest_eq(&got.digest, &d->digest) ? 0
						  : err_set(e, ERR_INTEGRITY, "manifest %s: the registry gave %s",
							    d->digest.text, got.digest.text);
}

static int bring_blobs(struct bring *b, const struct descriptor *const *v, size_t n, struct err *e)
{
	if (b->from->kind == IMGPLACE_DOCKER)
		return registry_fetch_blobs(b->reg, &b->ref, v, n, b->s->store, NULL, e);
	for (size_t i = 0; i < n; i++)
		if (layout_dir_fetch(&b->dir, b->s->store, v[i], e) < 0)
			return -1;
	return 0;
}

static int bring_content(struct bring *b, const struct manifest *m, struct err *e)
{
	AUTO_FREE const struct descriptor **list = mem_array(m->nlayers + 1, sizeof *list);
	size_t n = 0;

	for (size_t i = 0; i < m->nlayers; i++)
		if (mediatype_kind_of(m->layers[i].media_type) != MEDIATYPE_FOREIGN_LAYER)
			list[n++] = &m->layers[i];
	list[n++] = &m->config;
	return bring_blobs(b, list, n, e);
}

/* What is below a document that the store has. With a platform *root moves down to its manifest. */
static int bring_below(struct bring *b, struct descriptor *root, unsigned depth, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_INDEX struct index x = {0};

	if (store_blob_read(b->s->store, &root->digest, MANIFEST_MAX_BYTES, &text, e) < 0)
		return -1;
	if (manifest_detect(text.p, text.n, root->media_type) != MEDIATYPE_INDEX) {
		if (manifest_parse(text.p, text.n, root->media_type, &m, ERR_INPUT, e) < 0)
			return -1;
		return b->documents ? 0 : bring_content(b, &m, e);
	}
	if (depth == DEPTH_MAX)
		return err_set(e, ERR_INPUT, "indexes nested deeper than %d", DEPTH_MAX);
	if (index_parse(text.p, text.n, root->media_type, &x, ERR_INPUT, e) < 0)
		return -1;
	if (b->platform) {
		const struct descriptor *one = index_select(&x, b->platform, e);

		if (!one || bring_document(b, one, e) < 0)
			return -1;
		descriptor_release(root);
		descriptor_copy(root, one);
		return bring_below(b, root, depth + 1, e);
	}
	for (size_t i = 0; i < x.n; i++)
		if (bring_document(b, &x.manifests[i], e) < 0 || bring_below(b, &x.manifests[i], depth + 1, e) < 0)
			return -1;
	return 0;
}

static int root_of_dir(struct bring *b, struct descriptor *root, struct err *e)
{
	const struct descriptor *found;

	if (layout_dir_open(&b->dir, b->from->name, e) < 0)
		return -1;
	found = imgplace_find(&b->dir, b->from, e);
	if (!found)
		return -1;
	descriptor_set(root, found->media_type, &found->digest, found->size);
	return layout_dir_fetch(&b->dir, b->s->store, root, e);
}

static int root_of_registry(struct bring *b, struct descriptor *root, struct err *e)
{
	b->reg = registry_new(&b->s->net, e);
	if (!b->reg)
		return -1;
	if (!digest_is_set(&b->ref.digest))
		return fetch_document(b, b->ref.tag, root, e);
	return fetch_document(b, b->ref.digest.text, root, e);
}

static int root_of_archive(struct bring *b, struct descriptor *root, struct err *e)
{
	struct platform host;

	platform_host(&host);
	return layout_load_archive(b->s->store, b->from->name, b->from->tag, b->platform ? b->platform : &host, root,
				   NULL, e);
}

static int bring_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct bring *b = arg;
	AUTO_DESCRIPTOR struct descriptor root = {0};
	int rc;

	(void)w;
	if (b->from->kind == IMGPLACE_DOCKER)
		rc = root_of_registry(b, &root, e);
	else if (b->from->kind == IMGPLACE_OCI)
		rc = root_of_dir(b, &root, e);
	else
		return root_of_archive(b, &root, e) < 0 ? -1 : (*result = descriptor_to_json(&root), 0);
	if (rc < 0 || bring_below(b, &root, 0, e) < 0)
		return -1;
	*result = descriptor_to_json(&root);
	return 0;
}

static int bring_from_store(struct session *s, const char *name, struct descriptor *root, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};

	/* An index has a name of its own. */
	if (imgindex_find(s, name, root, e) == 0)
		return 0;
	err_release(e);
	return opsbase_image(s, name, &im, NULL, e) < 0 ? -1 : opsbase_manifest(s, &im, NULL, root, e);
}

int imgbring(struct session *s, const struct imgplace *from, const struct platform *platform, bool documents,
	     struct descriptor *root, struct err *e)
{
	struct bring b = {.s = s, .from = from, .platform = platform, .documents = documents, .dir = LAYOUT_DIR_INIT};
	struct worker_spec spec = {.role = "fetch", .fn = bring_all, .arg = &b};
	AUTO_JSON struct json *answer = NULL;
	int rc;

	if (from->kind == IMGPLACE_STORE)
		return bring_from_store(s, from->name, root, e);
	if (from->kind == IMGPLACE_DOCKER && ref_parse(from->name, &b.ref, e) < 0)
		return -1;
	rc = worker_call(s, &spec, &answer, e);
	if (rc == 0)
		rc = descriptor_from_json(answer, root, ERR_INTERNAL, e);
	ref_release(&b.ref);
	return rc;
}
