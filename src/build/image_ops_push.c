/* slct push: an image of the store to a registry. Layers that were only built here are compressed first, once; those that
 * the registry has in another repository are mounted. */
#include <string.h>

#include "oci/limits.h"
#include "src/build/blobs.h"
#include "src/build/image_ops.h"
#include "src/build/opsbase.h"
#include "src/util/mem.h"

struct push {
	struct session *s;
	struct ref to;
	struct ref mount_from; /* path NULL: none */
	struct descriptor manifest;
	bool keep; /* a tag that is there */
};

/* Whether the store knows a repository of that registry that has the layer, and which. */
static bool layer_is_at(struct session *s, const struct digest *diff_id, const char *host, struct ref *repo)
{
	AUTO_DESCRIPTOR struct descriptor blob = {0};
	AUTO_FREE char *name = NULL;
	struct err e = ERR_INIT;
	bool there = blobs_origin_get(s->store, diff_id, &name, &blob) && ref_parse_repo(name, repo, &e) == 0;

	err_release(&e);
	if (there && strcmp(repo->host, host) == 0)
		return true;
	if (there)
		ref_release(repo);
	return false;
}

static void find_mount(struct push *p, const struct store_image *im)
{
	for (size_t i = 0; i < im->diff_ids.n; i++) {
		if (!layer_is_at(p->s, &im->diff_ids.v[i], p->to.host, &p->mount_from))
			continue;
		if (strcmp(p->mount_from.path, p->to.path) != 0)
			return;
		ref_release(&p->mount_from);
	}
}

/* Remember where the layers are now; the next push to that registry mounts them. */
static void note_places(struct push *p, const struct store_image *im)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_FREE char *repo = mem_printf("%s/%s", p->to.host, p->to.path);
	struct err e = ERR_INIT;

	if (store_blob_read(p->s->store, &p->manifest.digest, MANIFEST_MAX_BYTES, &text, &e) == 0)
		manifest_parse(text.p, text.n, NULL, &m, ERR_INTEGRITY, &e);
	for (size_t i = 0; i < m.nlayers && m.nlayers == im->diff_ids.n; i++) {
		struct ref known = {0};

		if (!layer_is_at(p->s, &im->diff_ids.v[i], p->to.host, &known))
			blobs_origin_put(p->s->store, &im->diff_ids.v[i], repo, &m.layers[i], &e);
		ref_release(&known);
	}
	/* Not knowing a place costs an upload, nothing else. */
	err_release(&e);
}

static int push_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct push *p = arg;
	struct registry *reg = registry_new(&p->s->net, e);
	struct registry_push push = {.to = &p->to, .skip_existing = p->keep};

	(void)w;
	descriptor_copy(&push.manifest, &p->manifest);
	push.mount_from = p->mount_from.path ? &p->mount_from : NULL;
	if (!reg || registry_push_image(reg, &push, p->s->store, NULL, NULL, e) < 0)
		return -1;
	*result = json_object();
	json_set_int(*result, "sent", (int64_t)push.blobs_sent);
	json_set_int(*result, "mounted", (int64_t)push.blobs_mounted);
	json_set_int(*result, "there", (int64_t)push.blobs_there);
	json_set_int(*result, "bytes", (int64_t)push.bytes_sent);
	return 0;
}

static void take_stats(const struct json *j, const struct digest *manifest, struct image_ops_push_stats *st)
{
	st->blobs_sent = (uint64_t)json_get_int(j, "sent", 0);
	st->blobs_mounted = (uint64_t)json_get_int(j, "mounted", 0);
	st->blobs_there = (uint64_t)json_get_int(j, "there", 0);
	st->bytes_sent = (uint64_t)json_get_int(j, "bytes", 0);
	st->manifest = *manifest;
}

static int push_image(struct session *s, const char *name, const char *dest, const struct layer_codec *codec,
		      bool keep, struct image_ops_push_stats *st, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	struct push p = {.s = s, .keep = keep};
	struct worker_spec spec = {.role = "push", .fn = push_all, .arg = &p};
	AUTO_JSON struct json *answer = NULL;
	const char *to = opsbase_reference(dest ? dest : name);
	int rc;

	if (ref_parse(to, &p.to, e) < 0)
		return err_wrap(e, "destination");
	if (ref_is_store_only(&p.to)) {
		err_set(e, ERR_USAGE, "%s names an image of the store, not of a registry", to);
		err_hint(e, "name the destination: HOST[:PORT]/PATH[:TAG]");
		ref_release(&p.to);
		return -1;
	}
	rc = opsbase_image(s, name, &im, NULL, e);
	if (rc == 0)
		rc = opsbase_manifest(s, &im, codec, &p.manifest, e);
	if (rc == 0) {
		find_mount(&p, &im);
		rc = worker_call(s, &spec, &answer, e);
	}
	if (rc == 0) {
		take_stats(answer, &p.manifest.digest, st);
		note_places(&p, &im);
	}
	ref_release(&p.mount_from);
	descriptor_release(&p.manifest);
	ref_release(&p.to);
	return rc;
}

int image_ops_push(struct session *s, const char *name, const char *dest, const struct layer_codec *codec,
		   struct image_ops_push_stats *st, struct err *e)
{
	return push_image(s, name, dest, codec, false, st, e);
}

int image_ops_push_new(struct session *s, const char *name, struct image_ops_push_stats *st, struct err *e)
{
	return push_image(s, name, NULL, NULL, true, st, e);
}
