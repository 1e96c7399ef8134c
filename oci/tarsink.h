/* The way out of every tar that we make: tar bytes -> diff id -> codec -> blob digest -> the caller's stream. */
#ifndef SLCT_TARSINK_H
#define SLCT_TARSINK_H

#include "oci/layer.h"

struct tarsink {
	struct wstream *top; /* write the tar here, then stream_finish it */
	struct hash *diff, *blob;
	uint64_t size, blob_size;
	bool compressed;
};

/* out is borrowed and neither finished nor closed; NULL: only the diff id is computed. codec may be NULL. */
int tarsink_open(struct tarsink *s, const struct layer_codec *codec, struct wstream *out, struct err *e);
/* Free; digests and sizes go into info unless it is NULL (after a failure). */
void tarsink_close(struct tarsink *s, struct layer_info *info);

#endif
