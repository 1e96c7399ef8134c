/* Names of the images of flavors' stages as EXASLCT's users know them (flavors.md):
 *
 *     REPOSITORY:[PREFIX_]FLAVOR-STAGE_ARCH_KEY
 *
 * KEY stands for everything that the image depends on. It is short, so that a tag stays below the limit of registries
 * (128 characters, distribution-spec 1.1) without being cut: two stages never share a tag. ARCH is EXASLCT's word for
 * the machine: x64, arm64. */
#ifndef SLCT_STAGENAME_H
#define SLCT_STAGENAME_H

#include "oci/platform.h"
#include "src/plan/plan.h"
#include "src/util/err.h"

#define STAGENAME_TAG_MAX   128
#define STAGENAME_KEY_CHARS 32 /* 160 bits in lower-case base32 */

struct stagename {
	const char *repo, *prefix; /* prefix NULL or "": none */
	const char *flavor, *stage;
	const struct platform *platform;
	const char *key; /* or the name of a build */
};

/* Key of a stage: its last layer step's key and the whole resulting config, without what the layers' content decides.
 * NULL if an input is unknown. Caller frees. */
char *stagename_key(const struct plan_stage *st);
/* "x64" for amd64; other architectures are what they are. */
const char *stagename_arch(const struct platform *p);
/* The name. ERR_USAGE: the tag would be too long, or has characters that a tag cannot have. Caller frees. */
char *stagename_make(const struct stagename *n, struct err *e);
/* Beginning of the tags of a flavor's images: "[PREFIX_]FLAVOR-". Caller frees. */
char *stagename_prefix(const char *prefix, const char *flavor);

#endif
