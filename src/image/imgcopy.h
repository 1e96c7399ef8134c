/* Images from place to place, byte for byte: registries, image layouts as directories and archives, the store. Digests
 * stay what they are; nothing is unpacked. */
#ifndef SLCT_IMGCOPY_H
#define SLCT_IMGCOPY_H

#include "oci/descriptor.h"
#include "src/session/session.h"

struct imgcopy_opts {
	const struct platform *platform; /* NULL: all of an index */
	bool referrers;			 /* from registry to registry: what names the images as its subject, too */
};

/* From one operand (imgplace_parse) to the other; between registries and layout directories without the store. The
 * places that hold one image (store, docker archive) get that of the platform (NULL: this machine's). *digest: of what
 * was copied. */
int imgcopy(struct session *s, const char *from, const char *to, const struct imgcopy_opts *o, struct digest *digest,
	    struct err *e);

#endif
