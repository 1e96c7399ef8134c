/* Entries of a remote cache: ordinary OCI images up to and including a step, tagged by key (cache.md "Entries in a
 * registry"). Pure: manifests in and out, no network. */
#ifndef SLCT_CREMOTE_H
#define SLCT_CREMOTE_H

#include "oci/manifest.h"
#include "src/cache/clocal.h"

#define CREMOTE_KEY	    "io.slct.cache.key"		/* full input key */
#define CREMOTE_CONTENT_KEY "io.slct.cache.content-key" /* full content key */
#define CREMOTE_MADE	    "io.slct.cache.made"	/* clocal.made */
#define CREMOTE_BUILT	    "io.slct.cache.built"	/* real build time, RFC 3339 */
#define CREMOTE_DIFF_ID	    "io.slct.diff-id"		/* on each layer's descriptor: so a hit needs no config */

/* Write annotations into a manifest whose layers are given in order with their diff ids. built: when the step ran,
 * seconds since 1970; 0: now. */
void cremote_annotate(struct manifest *m, const struct digest_list *diff_ids, const struct ckey *input,
		      const struct ckey *content, const char *made, int64_t built);
/* Accept a manifest as the answer to `key` (input or content): the annotation must carry the full key, every layer the
 * media type of one and a diff id, and their number must fit. ERR_INTEGRITY says what does not hold. */
int cremote_accept(const struct manifest *m, const struct ckey *key, struct clocal *out, struct err *e);
/* Leave of an accepted entry's layers what a published image may have of them: media type, digest, size, and of a
 * foreign one its URLs. Whatever else an entry says of a layer is for the look-up, or somebody else's. */
void cremote_strip(struct manifest *m);

#endif
