/* Compressed forms of layers: made once, when an image is first pushed or saved, and remembered by (diff id, codec). */
#ifndef SLCT_BLOBS_H
#define SLCT_BLOBS_H

#include "oci/layer.h"
#include "src/session/worker.h"

struct blobs_request {
	struct session *s;
	const struct digest_list *diff_ids;
	struct layer_codec codec;
	bool exact;		/* a blob of ours in another codec does not do; one that was pulled does, as it is */
	struct descriptor *out; /* by diff id; digest "" while unknown */
};

/* Fill in what the store has, by its records: for every layer a blob that is there. Returns the number still
 * missing. */
size_t blobs_known(struct blobs_request *r);
/* A blob of layer i that would do, by its record, in the store or not. */
bool blobs_remembered(const struct blobs_request *r, size_t i, struct descriptor *out);
/* Whether a blob that a manifest has for layer i would do. */
bool blobs_fits(const struct blobs_request *r, size_t i, const struct digest *blob);
/* Arguments of a worker (WORKER_USERNS) that packs what is missing; its result goes to blobs_take. */
int blobs_pack(void *arg, struct worker *w, struct json **result, struct err *e);
int blobs_take(struct blobs_request *r, const struct json *result, struct err *e);
/* In such a worker: one layer through the codec into out (borrowed, not finished), its diff id checked; info->blob is
 * set whatever the codec. */
int blobs_pack_layer(const struct blobs_request *r, const struct digest *diff_id, struct wstream *out,
		     struct layer_info *info, struct err *e);
/* What the worker's result says of layer i. */
struct json *blobs_packed(size_t i, const struct layer_info *info);
/* All of it, waiting. */
int blobs_make(struct blobs_request *r, struct err *e);

/* Where the blob of a layer can be fetched from, kept in the store for images whose layers are still in a registry. */
int blobs_origin_put(struct store *s, const struct digest *diff_id, const char *repo, const struct descriptor *d,
		     struct err *e);
/* Found: *repo (caller frees) and *d. */
bool blobs_origin_get(struct store *s, const struct digest *diff_id, char **repo, struct descriptor *d);
/* It turned out not to be there. */
void blobs_origin_forget(struct store *s, const struct digest *diff_id);

#endif
