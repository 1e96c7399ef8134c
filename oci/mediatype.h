/* Media types of manifests, indexes, configs and layers, OCI and Docker (image-spec media-types.md). */
#ifndef SLCT_MEDIATYPE_H
#define SLCT_MEDIATYPE_H

#include "src/util/base.h"

enum mediatype_kind {
	MEDIATYPE_OTHER,
	MEDIATYPE_INDEX,
	MEDIATYPE_MANIFEST,
	MEDIATYPE_CONFIG,
	MEDIATYPE_LAYER,
	MEDIATYPE_FOREIGN_LAYER, /* non-distributable: skipped on push */
	MEDIATYPE_SCHEMA1,	 /* refused */
};

enum mediatype_codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_BZIP2, CODEC_XZ };

#define MEDIATYPE_OCI_INDEX	    "application/vnd.oci.image.index.v1+json"
#define MEDIATYPE_OCI_MANIFEST	    "application/vnd.oci.image.manifest.v1+json"
#define MEDIATYPE_OCI_CONFIG	    "application/vnd.oci.image.config.v1+json"
#define MEDIATYPE_OCI_LAYER	    "application/vnd.oci.image.layer.v1.tar"
#define MEDIATYPE_OCI_LAYER_GZIP    "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIATYPE_OCI_LAYER_ZSTD    "application/vnd.oci.image.layer.v1.tar+zstd"
#define MEDIATYPE_DOCKER_LIST	    "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIATYPE_DOCKER_MANIFEST   "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIATYPE_DOCKER_CONFIG	    "application/vnd.docker.container.image.v1+json"
#define MEDIATYPE_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"

enum mediatype_kind mediatype_kind_of(const char *mediatype);
/* The OCI type of a layer; NULL for codecs that have none (bzip2, xz). */
const char *mediatype_for_layer(enum mediatype_codec codec);
const char *mediatype_codec_name(enum mediatype_codec codec); /* "none", "gzip", "zstd", ... */
/* "type/subtype" as RFC 6838, 4.2 restricts the names. */
bool mediatype_is_valid(const char *mediatype);

#endif
