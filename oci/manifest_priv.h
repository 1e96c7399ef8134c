/* What reading a manifest and reading an index have in common. */
#ifndef SLCT_MANIFEST_PRIV_H
#define SLCT_MANIFEST_PRIV_H

#include "oci/manifest.h"

/* Parse a document that must be of this kind; content type, "mediaType" and the members must not contradict each other.
 * *media_type is the caller's. NULL with *e. */
struct json *manifest_load(const char *text, size_t n, const char *content_type, enum mediatype_kind kind,
			   char **media_type, enum err_code code, struct err *e);
/* Append the descriptors of array `key` (at most max) to *v. */
int manifest_load_list(const struct json *doc, const char *key, size_t max, struct descriptor **v, size_t *n,
		       size_t *cap, enum err_code code, struct err *e);
/* {"schemaVersion": 2, "mediaType": type, "annotations": ...}: the frame for writing. */
struct json *manifest_frame(const char *media_type, const struct json *annotations);

#endif
