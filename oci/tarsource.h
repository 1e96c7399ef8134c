/* The way in of a layer: caller's stream -> size limit -> blob digest -> codec -> read ahead -> diff id -> tar bytes.
 */
#ifndef SLCT_TARSOURCE_H
#define SLCT_TARSOURCE_H

#include "oci/layer.h"

struct tarsource {
	struct rstream *top; /* the tar's bytes */
	struct hash *diff, *blob;
	const struct layer_apply_opts *o;
	struct rstream *src; /* borrowed */
	enum mediatype_codec codec;
	enum hash_alg alg; /* of the blob's digest */
	uint64_t size, blob_size;
};

/* src is borrowed. On failure s is released. */
int tarsource_open(struct tarsource *s, struct rstream *src, const struct layer_apply_opts *o, struct err *e);
/* After top was read to its end: digests and sizes into info, compared with what was wanted (ERR_INTEGRITY). */
int tarsource_verify(struct tarsource *s, struct layer_info *info, struct err *e);
/* After another failure *e: if the rest of the compressed bytes shows that they are not what was wanted, *e says that
 * instead: it is the cause. Ends the stream. */
void tarsource_blame(struct tarsource *s, struct err *e);
void tarsource_release(struct tarsource *s);

#endif
