/* Images from the store's blobs to anywhere. */
#include "src/image/imggive.h"

#include "oci/layout.h"
#include "oci/limits.h"
#include "src/build/opsbase.h"
#include "src/util/mem.h"

/* Indexes in indexes: as deep as loading goes. */
#define DEPTH_MAX 4

struct give {
	struct session *s;
	const struct descriptor *root;
	struct ref to;
	struct registry *reg;
};

static int push_one(struct give *g, const struct descriptor *d, bool tagged, struct err *e)
{
	AUTO_REF struct ref to = {0};
	struct registry_push p = {.to = &to};

	ref_copy(&to, &g->to);
	if (!tagged) {
		free(to.tag);
		to.tag = NULL;
	}
	descriptor_copy(&p.manifest, d);
	int rc = registry_push_image(g->reg, &p, g->s->store, NULL, NULL, e);

	descriptor_release(&p.manifest);
	return rc;
}

/* Children before the index that names them. */
static int push_tree(struct give *g, const struct descriptor *d, bool tagged, unsigned depth, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_INDEX struct index x = {0};

	if (store_blob_read(g->s->store, &d->digest, MANIFEST_MAX_BYTES, &text, e) < 0)
		return -1;
	if (manifest_detect(text.p, text.n, d->media_type) != MEDIATYPE_INDEX)
		return push_one(g, d, tagged, e);
	if (depth == DEPTH_MAX)
		return err_set(e, ERR_INPUT, "indexes nested deeper than %d", DEPTH_MAX);
	if (index_parse(text.p, text.n, d->media_type, &x, ERR_INPUT, e) < 0)
		return -1;
	for (size_t i = 0; i < x.n; i++)
		if (push_tree(g, &x.manifests[i], false, depth + 1, e) < 0)
			return -1;
	return push_one(g, d, tagged, e);
}

static int push_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct give *g = arg;

	(void)w;
	(void)result;
	g->reg = registry_new(&g->s->net, e);
	return g->reg ? push_tree(g, g->root, true, 0, e) : -1;
}

static int give_to_registry(struct session *s, const struct descriptor *root, const struct imgplace *to, struct err *e)
{
	struct give g = {.s = s, .root = root};
	struct worker_spec spec = {.role = "push", .fn = push_all, .arg = &g};
	AUTO_JSON struct json *ignored = NULL;
	int rc = ref_parse(to->name, &g.to, e);

	if (rc == 0)
		rc = worker_call(s, &spec, &ignored, e);
	ref_release(&g.to);
	return rc;
}

int imggive(struct session *s, const struct descriptor *root, const struct imgplace *to, struct err *e)
{
	struct layout_image im = {.name = to->tag, .manifest = *root};

	switch (to->kind) {
	case IMGPLACE_DOCKER:
		return give_to_registry(s, root, to, e);
	case IMGPLACE_STORE:
		return opsbase_adopt(s, root, to->name, NULL, NULL, e);
	case IMGPLACE_OCI:
		return layout_save_dir(s->store, to->name, &im, 1, e);
	case IMGPLACE_OCI_ARCHIVE:
		return layout_save_archive(s->store, to->name, &im, 1, e);
	case IMGPLACE_DOCKER_ARCHIVE:
		return layout_save_docker(s->store, to->name, &im, 1, e);
	}
	return err_set(e, ERR_INTERNAL, "unknown place %d", (int)to->kind);
}
