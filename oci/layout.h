/* OCI image-layout directories (image-spec image-layout.md) and archives as source and target of images. */
#ifndef SLCT_LAYOUT_H
#define SLCT_LAYOUT_H

#include "oci/store.h"

/* A manifest with its config and the descriptors of its layers, all blobs in the store. */
struct layout_image {
	char *name; /* tag or reference for the index; may be NULL */
	struct descriptor manifest;
};
/* Write (or extend) an OCI layout at path with these images: blobs copied (reflink or hard link where possible), index
 * replaced atomically. */
struct layout_save_opts {
	bool keep; /* names that are there already keep what they point to (cache entries) */
};
int layout_save_dir_with(struct store *s, const char *path, const struct layout_image *images, size_t n,
			 const struct layout_save_opts *o, struct err *e);
int layout_save_dir(struct store *s, const char *path, const struct layout_image *images, size_t n, struct err *e);
/* The same as one tar (oci-archive), deterministic. file "-" is standard output, here and below. */
int layout_save_archive(struct store *s, const char *file, const struct layout_image *images, size_t n, struct err *e);
/* docker-archive (manifest.json, layer.tar files uncompressed, repositories): what `docker load` reads. */
int layout_save_docker(struct store *s, const char *file, const struct layout_image *images, size_t n, struct err *e);
/* Read manifest `tag` (NULL: the only one) of a layout directory for the platform; copies all its blobs into the store,
 * verified. *name (name may be NULL) becomes what the index calls it, or NULL. */
int layout_load_dir(struct store *s, const char *path, const char *tag, const struct platform *p,
		    struct descriptor *manifest, char **name, struct err *e);
/* oci-archive or docker-archive file; the kind is found by content. */
int layout_load_archive(struct store *s, const char *file, const char *tag, const struct platform *p,
			struct descriptor *manifest, char **name, struct err *e);

#endif
