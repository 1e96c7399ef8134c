#include "src/session/blobs.h"
#include "src/session/treeview.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/util/mem.h"

#define ORIGIN_MAX_BYTES ((size_t)64 << 10)

static bool codec_fits(const struct blobs_request *r, const char *codec)
{
	char want[32];

	return !r->exact || strcmp(codec, "pulled") == 0 || strcmp(codec, layer_codec_name(&r->codec, want)) == 0;
}

/* The first blob of the layer that is in the store and would do; want (may be NULL): only this one. */
static bool find_known(const struct blobs_request *r, const struct digest *diff_id, const struct digest *want,
		       struct descriptor *out)
{
	AUTO_LAYER_REC struct store_layer_rec rec = {0};
	struct err e = ERR_INIT;
	uint64_t size;

	if (store_layer_rec_get(r->s->store, diff_id, &rec, &e) < 0) {
		err_release(&e);
		return false;
	}
	for (size_t i = 0; i < rec.nblobs; i++) {
		const struct digest *d = &rec.blobs[i].desc.digest;

		if ((want && !digest_eq(want, d)) || !codec_fits(r, rec.blobs[i].codec) ||
		    !store_blob_has(r->s->store, d, &size))
			continue;
		if (out)
			descriptor_copy(out, &rec.blobs[i].desc);
		return true;
	}
	return false;
}

bool blobs_remembered(const struct blobs_request *r, size_t i, struct descriptor *out)
{
	AUTO_LAYER_REC struct store_layer_rec rec = {0};
	struct err e = ERR_INIT;

	if (store_layer_rec_get(r->s->store, &r->diff_ids->v[i], &rec, &e) < 0)
		err_release(&e);
	for (size_t k = 0; k < rec.nblobs; k++) {
		if (!codec_fits(r, rec.blobs[k].codec))
			continue;
		descriptor_copy(out, &rec.blobs[k].desc);
		return true;
	}
	return false;
}

bool blobs_fits(const struct blobs_request *r, size_t i, const struct digest *blob)
{
	return !r->exact || find_known(r, &r->diff_ids->v[i], blob, NULL);
}

size_t blobs_known(struct blobs_request *r)
{
	size_t missing = 0;

	for (size_t i = 0; i < r->diff_ids->n; i++)
		if (!digest_is_set(&r->out[i].digest) && !find_known(r, &r->diff_ids->v[i], NULL, &r->out[i]))
			missing++;
	return missing;
}

int blobs_pack_layer(const struct blobs_request *r, const struct digest *diff_id, struct wstream *out,
		     struct layer_info *info, struct err *e)
{
	AUTO_FREE char *path = store_layer_path(r->s->tier.form, diff_id);
	AUTO_CLOSE int tree = openat(store_fd(r->s->store), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_TREEVIEW struct treeview tv = {0};

	if (tree < 0) {
		err_set(e, ERR_INTEGRITY, "layer %s is not in the store", diff_id->text);
		return err_hint(e, "build or pull the image again");
	}
	treeview_open(&tv, r->s);
	if (treeview_layer(&tv, r->s, diff_id, e) < 0 ||
	    layer_pack_as(tree, &tv.view, NULL, &r->codec, out, info, e) < 0)
		return -1;
	if (!digest_eq(&info->diff_id, diff_id)) {
		err_set(e, ERR_INTEGRITY, "layer tree %s has changed: its digest is now %s", diff_id->text,
			info->diff_id.text);
		return err_hint(e, "run slct fsck; build the image again with --no-cache");
	}
	if (!digest_is_set(&info->blob)) { /* codec none: the tar is the blob */
		info->blob = info->diff_id;
		info->blob_size = info->size;
	}
	return 0;
}

static int pack_one(const struct blobs_request *r, const struct digest *diff_id, struct layer_info *info, struct err *e)
{
	struct store_blob_writer w;
	struct wstream *out;
	int rc;

	if (store_blob_begin(r->s->store, &w, e) < 0)
		return -1;
	out = stream_to_fd(w.fd, false, "blob");
	rc = blobs_pack_layer(r, diff_id, out, info, e);
	stream_wclose(out);
	if (rc < 0) {
		store_blob_abort(r->s->store, &w);
		return -1;
	}
	return store_blob_commit(r->s->store, &w, &info->blob, info->blob_size, NULL, e);
}

struct json *blobs_packed(size_t i, const struct layer_info *info)
{
	struct json *j = json_object();

	json_set_int(j, "layer", (int64_t)i);
	json_set_str(j, "digest", info->blob.text);
	json_set_int(j, "size", (int64_t)info->blob_size);
	json_set_int(j, "tar", (int64_t)info->size);
	return j;
}

int blobs_pack(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct blobs_request *r = arg;

	(void)w;
	*result = json_array();
	for (size_t i = 0; i < r->diff_ids->n; i++) {
		struct layer_info info = {0};

		if (digest_is_set(&r->out[i].digest))
			continue;
		if (pack_one(r, &r->diff_ids->v[i], &info, e) < 0)
			return -1;
		json_append(*result, blobs_packed(i, &info));
	}
	return 0;
}

static int take_one(struct blobs_request *r, const struct json *j, struct err *e)
{
	int64_t i = json_get_int(j, "layer", -1);
	char codec[32];
	struct digest d;

	if (i < 0 || (size_t)i >= r->diff_ids->n)
		return err_set(e, ERR_INTERNAL, "the pack worker named layer %lld", (long long)i);
	if (digest_parse(sv_from(json_get_str(j, "digest")), &d, ERR_INTERNAL, e) < 0)
		return -1;
	descriptor_set(&r->out[i], mediatype_for_layer(r->codec.codec), &d, (uint64_t)json_get_int(j, "size", 0));
	return store_layer_rec_add_blob(r->s->store, &r->diff_ids->v[i], (uint64_t)json_get_int(j, "tar", 0),
					&r->out[i], layer_codec_name(&r->codec, codec), e);
}

int blobs_take(struct blobs_request *r, const struct json *result, struct err *e)
{
	for (size_t i = 0; i < json_len(result); i++)
		if (take_one(r, json_at(result, i), e) < 0)
			return -1;
	return 0;
}

int blobs_make(struct blobs_request *r, struct err *e)
{
	struct worker_spec spec = {.role = "pack", .enter = WORKER_USERNS, .fn = blobs_pack, .arg = r};
	AUTO_JSON struct json *result = NULL;

	if (blobs_known(r) == 0)
		return 0;
	if (session_need_tier(r->s, e) < 0 || worker_call(r->s, &spec, &result, e) < 0)
		return -1;
	return blobs_take(r, result, e);
}

/* --- origins --- */

static char *origin_path(const struct digest *diff_id)
{
	return mem_printf("origins/%s.json", digest_hex(diff_id));
}

int blobs_origin_put(struct store *s, const struct digest *diff_id, const char *repo, const struct descriptor *d,
		     struct err *e)
{
	AUTO_FREE char *path = origin_path(diff_id);
	AUTO_JSON struct json *j = json_object();
	AUTO_BUF struct buf text = BUF_INIT(ORIGIN_MAX_BYTES);

	json_set_str(j, "repository", repo);
	json_set(j, "blob", descriptor_to_json(d));
	json_write(j, &text);
	return store_record_put(s, path, text.p, text.n, false, e);
}

bool blobs_origin_get(struct store *s, const struct digest *diff_id, char **repo, struct descriptor *d)
{
	AUTO_FREE char *path = origin_path(diff_id);
	AUTO_BUF struct buf text = BUF_INIT(ORIGIN_MAX_BYTES);
	AUTO_JSON struct json *j = NULL;
	struct err e = ERR_INIT;
	const char *name;

	if (store_record_get(s, path, ORIGIN_MAX_BYTES, &text, &e) == 0)
		j = json_parse(text.p, text.n, ORIGIN_MAX_BYTES, ERR_INTEGRITY, path, &e);
	name = json_get_str(j, "repository");
	if (!name || descriptor_from_json(json_get(j, "blob"), d, ERR_INTEGRITY, &e) < 0) {
		err_release(&e);
		return false;
	}
	*repo = mem_strdup(name);
	return true;
}

void blobs_origin_forget(struct store *s, const struct digest *diff_id)
{
	AUTO_FREE char *path = origin_path(diff_id);

	unlinkat(store_fd(s), path, 0);
}
