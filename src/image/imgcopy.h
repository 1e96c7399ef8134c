/* Images from place to place, byte for byte: registries, image layouts as directories and archives, the store. Digests
 * stay what they are; nothing is unpacked. */
#ifndef SLCT_IMGCOPY_H
#define SLCT_IMGCOPY_H

#include "oci/descriptor.h"
#include "src/session/session.h"

enum imgcopy_kind { IMGCOPY_STORE, IMGCOPY_DOCKER, IMGCOPY_OCI, IMGCOPY_OCI_ARCHIVE, IMGCOPY_DOCKER_ARCHIVE };

struct imgcopy_place {
	enum imgcopy_kind kind;
	char *name; /* reference, or path */
	char *tag;  /* of a layout or archive; NULL: none is named */
};

/* "docker://REF", "store:NAME", "oci:DIR[:TAG]", "oci-archive:FILE[:TAG]", "docker-archive:FILE[:TAG]"; without a
 * transport a name of the store. Of a path the longest beginning that is there counts, else it ends at its first colon.
 * ERR_USAGE. */
int imgcopy_place(const char *text, struct imgcopy_place *out, struct err *e);
void imgcopy_place_release(struct imgcopy_place *p);
#define AUTO_IMGCOPY_PLACE AUTO(imgcopy_place_release)

/* Bring an image (platform NULL: all of an index) from anywhere into the store's blobs; *root is its manifest or index.
 * The store has no name for it, so gc removes it. documents: only manifests and indexes, no layers and configs; a place
 * that cannot be read in parts gives all. */
int imgcopy_bring(struct session *s, const struct imgcopy_place *from, const struct platform *platform, bool documents,
		  struct descriptor *root, struct err *e);
/* From the store's blobs. */
int imgcopy_give(struct session *s, const struct descriptor *root, const struct imgcopy_place *to, struct err *e);

/* Both; between registries and layout directories without the store. The places that hold one image (store,
 * docker archive) get that of the platform (NULL: this machine's). *digest: of what was copied. */
struct imgcopy_opts {
	const struct platform *platform; /* NULL: all of an index */
	bool referrers;			 /* from registry to registry: what names the images as its subject, too */
};
int imgcopy(struct session *s, const char *from, const char *to, const struct imgcopy_opts *o, struct digest *digest,
	    struct err *e);

#endif
