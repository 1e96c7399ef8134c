/* Operations on whole images, outside a build: the commands pull, push, import, save, load, export, fsck, gc. Names are
 * texts as the user wrote them (ref.h). Each runs its work in workers of the session. */
#ifndef SLCT_IMAGE_OPS_H
#define SLCT_IMAGE_OPS_H

#include "oci/layer.h"
#include "oci/store_gc.h"
#include "src/flavor/flavor.h"
#include "src/session/session.h"

/* Pull ref into the store under `name` (NULL: the reference itself). unpack: also make the layer trees, so that a bad
 * layer fails here. *id (may be NULL) gets the config's digest. */
int image_ops_pull(struct session *s, const char *ref, const char *name, const struct platform *p, bool unpack,
		   struct digest *id, struct err *e);

struct image_ops_push_stats {
	uint64_t blobs_sent, blobs_mounted, blobs_there, bytes_sent;
	struct digest manifest;
};
/* Push image `name` of the store to `dest` (a reference, with or without docker://; NULL: its own name). Layers that
 * were only built here are compressed first, once. codec: see opsbase_manifest; may be NULL, here and below. */
int image_ops_push(struct session *s, const char *name, const char *dest, const struct layer_codec *codec,
		   struct image_ops_push_stats *st, struct err *e);

/* The same to the image's own name, but a tag that the repository has already stays what it is. */
int image_ops_push_new(struct session *s, const char *name, struct image_ops_push_stats *st, struct err *e);

/* Root file system tar ("-": standard input; any compression of tar, gzip, bzip2, xz, zstd) as a one-layer image.
 * created_epoch: seconds for config and history (SOURCE_DATE_EPOCH or 1980-01-02). */
int image_ops_import(struct session *s, const char *file, const char *name, const struct platform *p,
		     int64_t created_epoch, struct digest *id, struct err *e);

enum image_ops_format { IMAGE_OPS_OCI_DIR, IMAGE_OPS_OCI_ARCHIVE, IMAGE_OPS_DOCKER_ARCHIVE };
/* n images into one directory or archive `out` . What is only built here is packed
 * first, with the codec (NULL: gzip, or as it is packed already). */
int image_ops_save(struct session *s, const char *const *names, size_t n, enum image_ops_format f, const char *out,
		   const struct layer_codec *codec, struct err *e);
/* OCI layout directory, oci-archive or docker-archive (found by content); name NULL: as the archive says. */
int image_ops_load(struct session *s, const char *path, const char *tag, const char *name, struct digest *id,
		   struct err *e);
/* The same of an archive on standard input. */
int image_ops_load_stdin(struct session *s, const char *tag, const char *name, struct digest *id, struct err *e);

struct image_ops_export {
	const char *image; /* name in the store */
	const char *out;   /* file; "-" standard output; for dir = true a directory that does not exist yet */
	bool dir;
	bool merge; /* the directory may exist: its other files stay, those of the same names are replaced */
	struct layer_codec codec; /* CODEC_NONE: plain tar */
	const struct fexport
		*rules; /* loaded (fexport.h): what a container leaves out and gets; NULL: the tree as it is */
	const char *sha512sum_file; /* NULL: none; "<hex>  <base name of out>" */
};
int image_ops_export(struct session *s, const struct image_ops_export *x, struct err *e);

/* Verify everything; problems go to fn. Returns their number or -1. Layer trees are packed again and compared. */
int image_ops_fsck(struct session *s, store_problem_fn *fn, void *arg, struct err *e);
/* Needs a session opened exclusively. */
int image_ops_gc(struct session *s, int64_t keep_ns, bool dry_run, struct store_gc_stats *out, struct err *e);
/* How long cache records may be kept, at most max_ns (0: no limit), so that what stays has at most `bytes`; those used
 * least recently go first. 0 where the images alone need more. Changes nothing. */
int image_ops_gc_fit(struct session *s, uint64_t bytes, int64_t max_ns, int64_t *keep_ns, struct err *e);

#endif
