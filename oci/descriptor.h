/* Content descriptors (image-spec descriptor.md). */
#ifndef SLCT_DESCRIPTOR_H
#define SLCT_DESCRIPTOR_H

#include "oci/digest.h"
#include "src/util/json.h"

struct descriptor {
	char *media_type; /* owned */
	struct digest digest;
	uint64_t size;		  /* bytes */
	struct json *annotations; /* owned object or NULL */
	struct json *platform;	  /* owned object or NULL */
	struct strv urls;	  /* foreign layers */
};

void descriptor_release(struct descriptor *d);
#define AUTO_DESCRIPTOR AUTO(descriptor_release)
void descriptor_copy(struct descriptor *to, const struct descriptor *from); /* `to` uninitialised */
/* Release what d holds and make it this; no annotations, no platform. */
void descriptor_set(struct descriptor *d, const char *media_type, const struct digest *digest, uint64_t size);
void descriptor_annotate(struct descriptor *d, const char *key, const char *value);
/* Media type, digest and size (0 to LAYER_MAX_BYTES) must be there and well-formed; members that are not in the struct
 * are dropped ("data" is never used). `out` uninitialised. */
int descriptor_from_json(const struct json *j, struct descriptor *out, enum err_code code, struct err *e);
struct json *descriptor_to_json(const struct descriptor *d);
/* Member "annotations" of owner, an object of strings: a copy in *out, NULL if there is none. */
int descriptor_read_annotations(const struct json *owner, struct json **out, enum err_code code, struct err *e);

#endif
