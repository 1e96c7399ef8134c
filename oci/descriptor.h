/* Content descriptors (image-spec descriptor.md). */
#ifndef SLCT_DESCRIPTOR_H
#define SLCT_DESCRIPTOR_H

#include "oci/digest.h"
#include "src/util/json.h"

struct descriptor {
	char *media_type; /* owned */
	struct digest digest;
	uint64_t size;             /* bytes */
	struct json *annotations;  /* owned object or NULL */
	struct json *platform;     /* owned object or NULL */
	struct strv urls;          /* foreign layers */
};

void descriptor_release(struct descriptor *d);
#define AUTO_DESCRIPTOR AUTO(descriptor_release)
void descriptor_copy(struct descriptor *to, const struct descriptor *from);
void descriptor_set(struct descriptor *d, const char *media_type, const struct digest *digest, uint64_t size);
int descriptor_from_json(const struct json *j, struct descriptor *out, enum err_code code, struct err *e);
struct json *descriptor_to_json(const struct descriptor *d);

#endif
