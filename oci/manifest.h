/* Image manifests and indexes (image-spec manifest.md, image-index.md; Docker schema 2). Reading keeps the exact bytes,
 * because the digest is theirs; writing is canonical. */
#ifndef SLCT_MANIFEST_H
#define SLCT_MANIFEST_H

#include "oci/descriptor.h"
#include "oci/mediatype.h"
#include "oci/platform.h"
#include "src/util/vec.h"

struct manifest {
	char *media_type;
	struct descriptor config;
	struct descriptor *layers;
	size_t nlayers, cap;
	struct json *annotations; /* owned object or NULL */
};

void manifest_release(struct manifest *m);
#define AUTO_MANIFEST AUTO(manifest_release)
/* content_type: of the HTTP answer or the descriptor, NULL if unknown; it and the body's own mediaType must agree
 * (CVE-2021-41190). An index or schema 1 is refused with a clear text. */
int manifest_parse(const char *text, size_t n, const char *content_type, struct manifest *out, enum err_code code,
		   struct err *e);
void manifest_add_layer(struct manifest *m, const struct descriptor *d);
void manifest_annotate(struct manifest *m, const char *key, const char *value);
/* Canonical JSON text of an OCI manifest. */
void manifest_write(const struct manifest *m, struct buf *out);

struct index {
	char *media_type;
	struct descriptor *manifests;
	size_t n, cap;
	struct json *annotations;
};

void index_release(struct index *x);
#define AUTO_INDEX AUTO(index_release)
/* As manifest_parse(), manifest_add_layer() (the descriptor is copied) and manifest_write(), of an image index. */
int index_parse(const char *text, size_t n, const char *content_type, struct index *out, enum err_code code,
		struct err *e);
void index_add(struct index *x, const struct descriptor *d);
void index_write(const struct index *x, struct buf *out);
/* Best manifest for the platform, or NULL with an error that lists the platforms there are (ERR_REGISTRY). */
const struct descriptor *index_select(const struct index *x, const struct platform *want, struct err *e);

/* What a text is, by content type and body: MEDIATYPE_INDEX, MEDIATYPE_MANIFEST, MEDIATYPE_SCHEMA1 or OTHER. */
enum mediatype_kind manifest_detect(const char *text, size_t n, const char *content_type);

#endif
