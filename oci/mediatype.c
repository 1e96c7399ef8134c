/* Media types of manifests, indexes, configs and layers. */
#include "oci/mediatype.h"

#include "src/util/sv.h"

static const struct mediatype_row {
	const char *type;
	enum mediatype_kind kind;
} mediatype_table[] = {
	{MEDIATYPE_OCI_INDEX, MEDIATYPE_INDEX},
	{MEDIATYPE_OCI_MANIFEST, MEDIATYPE_MANIFEST},
	{MEDIATYPE_OCI_CONFIG, MEDIATYPE_CONFIG},
	{MEDIATYPE_OCI_LAYER, MEDIATYPE_LAYER},
	{MEDIATYPE_OCI_LAYER_GZIP, MEDIATYPE_LAYER},
	{MEDIATYPE_OCI_LAYER_ZSTD, MEDIATYPE_LAYER},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar", MEDIATYPE_FOREIGN_LAYER},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", MEDIATYPE_FOREIGN_LAYER},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", MEDIATYPE_FOREIGN_LAYER},
	{MEDIATYPE_DOCKER_LIST, MEDIATYPE_INDEX},
	{MEDIATYPE_DOCKER_MANIFEST, MEDIATYPE_MANIFEST},
	{MEDIATYPE_DOCKER_CONFIG, MEDIATYPE_CONFIG},
	{MEDIATYPE_DOCKER_LAYER_GZIP, MEDIATYPE_LAYER},
	{"application/vnd.docker.image.rootfs.diff.tar", MEDIATYPE_LAYER},
	{"application/vnd.docker.image.rootfs.diff.tar.zstd", MEDIATYPE_LAYER},
	{"application/vnd.docker.image.rootfs.foreign.diff.tar", MEDIATYPE_FOREIGN_LAYER},
	{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MEDIATYPE_FOREIGN_LAYER},
	{"application/vnd.docker.image.rootfs.foreign.diff.tar.zstd", MEDIATYPE_FOREIGN_LAYER},
	{"application/vnd.docker.distribution.manifest.v1+json", MEDIATYPE_SCHEMA1},
	{"application/vnd.docker.distribution.manifest.v1+prettyjws", MEDIATYPE_SCHEMA1},
};

/* Without parameters ("; charset=utf-8") and surrounding space; types are case-insensitive (RFC 9110, 8.3.1). */
static const struct mediatype_row *mediatype_find(const char *mediatype)
{
	struct sv rest = sv_from(mediatype ? mediatype : ""), type = sv_trim(sv_cut(&rest, ';'));

	for (size_t i = 0; i < ARRAY_LEN(mediatype_table); i++) {
		if (sv_ieq_str(type, mediatype_table[i].type))
			return &mediatype_table[i];
	}
	return NULL;
}

enum mediatype_kind mediatype_kind_of(const char *mediatype)
{
	const struct mediatype_row *row = mediatype_find(mediatype);

	return row ? row->kind : MEDIATYPE_OTHER;
}

const char *mediatype_for_layer(enum mediatype_codec codec)
{
	switch (codec) {
	case CODEC_NONE:
		return MEDIATYPE_OCI_LAYER;
	case CODEC_GZIP:
		return MEDIATYPE_OCI_LAYER_GZIP;
	case CODEC_ZSTD:
		return MEDIATYPE_OCI_LAYER_ZSTD;
	case CODEC_BZIP2:
	case CODEC_XZ:
		break;
	}
	return NULL;
}

const char *mediatype_codec_name(enum mediatype_codec codec)
{
	static const char *const names[] = {
		[CODEC_NONE] = "none",	 [CODEC_GZIP] = "gzip", [CODEC_ZSTD] = "zstd",
		[CODEC_BZIP2] = "bzip2", [CODEC_XZ] = "xz",
	};

	return (size_t)codec < ARRAY_LEN(names) ? names[codec] : "unknown";
}

bool mediatype_is_valid(const char *mediatype)
{
	static const char extra[] = "!#$&^_.+-";
	struct sv sub = sv_from(mediatype), type = sv_cut(&sub, '/');
	struct sv part[2] = {type, sub};

	for (size_t k = 0; k < ARRAY_LEN(part); k++) {
		if (!part[k].p || part[k].n == 0 || part[k].n > 127)
			return false;
		for (size_t i = 0; i < part[k].n; i++) {
			char c = part[k].p[i];
			bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

			if (!alnum && (i == 0 || !strchr(extra, c)))
				return false;
		}
	}
	return true;
}
