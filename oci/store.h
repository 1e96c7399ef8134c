/* The local store (architecture.md "The store"): an OCI image layout plus unpacked layers, image and cache records.
 *
 * One handle per process, opened by the scheduler and inherited by workers through fork. All paths are relative to the
 * store's descriptor. Publication is always: write in tmp/, verify, fdatasync, rename, fsync of the directory. */
#ifndef SLCT_STORE_H
#define SLCT_STORE_H

#include "oci/descriptor.h"
#include "oci/imgconfig.h"
#include "oci/manifest.h"
#include "oci/mediatype.h"
#include "oci/owners.h"
#include "src/util/buf.h"
#include "src/util/err.h"

#define STORE_VERSION 1

struct store;

/* Default place: $SLCT_ROOT; for root /var/lib/slct; else $XDG_DATA_HOME/slct or ~/.local/share/slct. Caller frees. */
char *store_default_root(void);
/* Open, creating it with mode 0700 if it is missing, take the shared lock on lock/store (waits some minutes for a gc),
 * move what dead owners left in tmp/ to the trash. An unknown format version, an owner that is not us, or a
 * group/world-accessible directory is an error with the remedy (ERR_HOST). Each opener has its own directory below tmp/
 * whose flock is its sign of life: its workers may use it, also for what outlives them. */
struct store *store_open(const char *root, struct err *e);
/* The same with the exclusive lock (gc); ERR_TEMP if somebody else works in the store. */
struct store *store_open_exclusive(const char *root, struct err *e);
void store_close(struct store *s);
const char *store_root(const struct store *s); /* absolute path */
int store_fd(const struct store *s);	       /* O_PATH descriptor of the root */
/* In a forked worker, before it closes descriptors by number: close the copies of the locks. store_fd stays. */
void store_forget_lock(struct store *s);

/* --- blobs/<alg>/<hex> --- */
bool store_blob_has(struct store *s, const struct digest *d, uint64_t *size);
/* Read-only descriptor; ERR_NOT_FOUND. */
int store_blob_open(struct store *s, const struct digest *d, struct err *e);
/* Whole small blob (at most max bytes), its digest verified. */
int store_blob_read(struct store *s, const struct digest *d, size_t max, struct buf *out, struct err *e);
/* Store bytes; *out (may be NULL) gets the descriptor. */
int store_blob_put(struct store *s, const void *p, size_t n, const char *media_type, struct descriptor *out,
		   struct err *e);
/* The same under the digest that others have named it by, of either algorithm; ERR_INTEGRITY if it is another one's. */
int store_blob_put_as(struct store *s, const void *p, size_t n, const struct digest *d, struct err *e);
/* Streaming: a temp file in tmp/ that becomes the blob. */
struct store_blob_writer {
	int fd;	    /* O_RDWR, positioned at the end of what is written */
	char *name; /* relative to the store */
};
int store_blob_begin(struct store *s, struct store_blob_writer *w, struct err *e);
/* `digest` and `size` were computed while writing; `want` (may be NULL) must be the same, else ERR_INTEGRITY names both
 * and the temp file is removed. Publishing what is there already is fine. */
int store_blob_commit(struct store *s, struct store_blob_writer *w, const struct digest *digest, uint64_t size,
		      const struct descriptor *want, struct err *e);
void store_blob_abort(struct store *s, struct store_blob_writer *w);
int store_blob_delete(struct store *s, const struct digest *d, struct err *e);

/* --- work in progress --- */
/* New directory <prefix>.<random>, mode 0700, in this opener's part of tmp/; *rel is its path relative to the store
 * (caller frees). */
int store_tmp_dir(struct store *s, const char *prefix, char **rel, struct err *e);
/* Rename into trash/, fine if it is gone; removed by store_empty_trash. Renaming a directory needs write permission on
 * it: where its root may belong to a mapped id, call this in the user namespace of the tree. */
int store_trash(struct store *s, const char *rel, struct err *e);
/* Remove what trash/ holds; must run where the trees' owners can be removed. Returns the number of trees that could not
 * be removed (0 also if another process is at it). */
int store_empty_trash(struct store *s);

/* --- layers/<form>/<hex of diff id>/ and their records layers/<hex>.json --- */
struct store_layer_blob {
	struct descriptor desc; /* compressed form */
	char *codec;		/* "gzip:isal:1", "zstd:3", "none", or "pulled" */
};
struct store_layer_rec {
	struct digest diff_id;
	uint64_t size;	  /* bytes of the uncompressed tar, 0 if unknown */
	uint64_t entries; /* 0 if unknown */
	bool lossy;
	struct store_layer_blob *blobs;
	size_t nblobs, cap;
	struct json *owners;   /* form → digest of its list of recorded owners; NULL: none */
	struct json *lossy_in; /* form → true: its tree lacks something of the layer; NULL: none */
};
void store_layer_rec_release(struct store_layer_rec *r);
#define AUTO_LAYER_REC AUTO(store_layer_rec_release)
/* ERR_NOT_FOUND if there is no record or a damaged one. */
int store_layer_rec_get(struct store *s, const struct digest *diff_id, struct store_layer_rec *out, struct err *e);
int store_layer_rec_put(struct store *s, const struct store_layer_rec *r, struct err *e);
/* What is known of a layer that was made now; what the record has besides stays. Under the store's record lock. */
int store_layer_rec_made(struct store *s, const struct store_layer_rec *r, struct err *e);
/* Add a compressed blob to a layer's record (made if missing), under the store's record lock. */
int store_layer_rec_add_blob(struct store *s, const struct digest *diff_id, uint64_t tar_size,
			     const struct descriptor *blob, const char *codec, struct err *e);
bool store_layer_has(struct store *s, const char *form, const struct digest *diff_id);
/* Path relative to the store; caller frees. */
char *store_layer_path(const char *form, const struct digest *diff_id);
/* Give the complete tree at tmp path `rel` its place by rename; if it is there already, ours goes to the trash. form:
 * [a-z0-9_-][a-z0-9._-]*. Not durable before store_sync. As store_trash, it needs write permission on the tree's root.
 */
int store_layer_publish(struct store *s, const char *rel, const char *form, const struct digest *diff_id,
			struct err *e);
/* The same for a tree in which owners are recorded (none or NULL: as above). The list becomes
 * layers/<form>/<hex>.owners, its digest stands in the layer's record and on the tree's root. */
int store_layer_publish_with(struct store *s, const char *rel, const char *form, const struct digest *diff_id,
			     struct owners *owners, struct err *e);
/* In a worker that may change the tree: rows of links and the like go to view->rows. Where the tree has lost the mark
 * on its root (a copy without extended attributes), all its records are compared with the list and repaired.
 * ERR_INTEGRITY: the list is damaged, or missing though there must be one. */
int store_layer_owners(struct store *s, const char *form, const struct digest *diff_id, const struct ownview *view,
		       struct err *e);
/* The tree of this form lacks something of the layer, which this file system or user cannot keep. */
int store_layer_set_lossy(struct store *s, const char *form, const struct digest *diff_id, struct err *e);
bool store_layer_is_lossy(struct store *s, const char *form, const struct digest *diff_id);
/* Whether there is such a list: a look at its name, for those who would have to enter a namespace to read it. */
bool store_layer_has_owners(struct store *s, const char *form, const struct digest *diff_id);

/* --- layers/<form>/<hex>.fold/: several layers as one tree --- */
/* Name of the fold of a row of layers. */
void store_fold_key(const struct digest *layers, size_t n, struct digest *out);
/* Path relative to the store; caller frees. */
char *store_fold_path(const char *form, const struct digest *key);
/* Give a complete and durable tree its place; gc keeps it as long as all of its layers. */
int store_fold_publish(struct store *s, const char *rel, const char *form, const struct digest_list *layers,
		       struct err *e);

/* --- images/<escaped name>.json --- */
struct store_image {
	char *name;	      /* full reference text */
	struct digest config; /* blob */
	struct digest_list diff_ids;
	struct descriptor manifest; /* digest "" while the image has no compressed blobs */
	struct json *annotations;   /* for manifests that are made of it; an object of strings, or NULL */
	int64_t updated;	    /* wall clock, seconds */
	bool published;		    /* the registry of its name had it when it got the name, or was sent it since */
};
void store_image_release(struct store_image *i);
#define AUTO_STORE_IMAGE AUTO(store_image_release)
int store_image_put(struct store *s, const struct store_image *i, struct err *e);
/* By the exact name, else by the full reference that the text stands for ("demo:1" is docker.io/library/demo:1), else
 * by "sha256:..." or a hex prefix (>= 6 digits) of the config's digest; ERR_NOT_FOUND, ERR_USAGE if a prefix is not
 * unique. */
int store_image_get(struct store *s, const char *name, struct store_image *out, struct err *e);
/* The name (found as store_image_get does) and its tag in index.json; an id that has several names is ERR_USAGE. */
int store_image_delete(struct store *s, const char *name, struct err *e);
struct store_image_list {
	struct store_image *v;
	size_t n, cap;
};
void store_image_list_release(struct store_image_list *l);
int store_image_list(struct store *s, struct store_image_list *out, struct err *e); /* sorted by name */
int store_image_config(struct store *s, const struct store_image *i, struct imgconfig *out, struct err *e);

/* --- small records: cache/<name>, stat/<name>, refs/<name>, urls/<name> ---
 * A cache record is a JSON object with "used" (wall clock, seconds) and "diff_ids" (array of digests that it keeps
 * alive), one of urls/ has the same and "blobs"; gc removes what is not. origins/<hex of diff id>.json goes with its
 * layer. */
/* Replace a record below the store by temp file and rename; `durable` decides about fsync. */
int store_record_put(struct store *s, const char *rel, const void *p, size_t n, bool durable, struct err *e);
int store_record_get(struct store *s, const char *rel, size_t max, struct buf *out, struct err *e);
/* One syncfs of the store's file system, before records that name trees are published. */
int store_sync(struct store *s, struct err *e);

/* --- index.json: tags of complete images, by other tools' rules --- */
/* Point name (annotation org.opencontainers.image.ref.name) at a manifest; replaces. Under lock/index. */
int store_index_set(struct store *s, const char *name, const struct descriptor *manifest, struct err *e);
int store_index_del(struct store *s, const char *name, struct err *e);

#endif
