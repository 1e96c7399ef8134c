/* Where images lie: registries, image layouts as directories and archives, the store. */
#ifndef SLCT_IMGPLACE_H
#define SLCT_IMGPLACE_H

#include "oci/layout_dir.h"

enum imgplace_kind { IMGPLACE_STORE, IMGPLACE_DOCKER, IMGPLACE_OCI, IMGPLACE_OCI_ARCHIVE, IMGPLACE_DOCKER_ARCHIVE };

struct imgplace {
	enum imgplace_kind kind;
	char *name; /* reference, or path */
	char *tag;  /* of a layout or archive; NULL: none is named */
};

/* "docker://REF", "store:NAME", "oci:DIR[:TAG]", "oci-archive:FILE[:TAG]", "docker-archive:FILE[:TAG]"; without a
 * transport a name of the store. Of a path the longest beginning that is there counts, else it ends at its first colon.
 * ERR_USAGE. */
int imgplace_parse(const char *text, struct imgplace *out, struct err *e);
void imgplace_release(struct imgplace *p);
#define AUTO_IMGPLACE AUTO(imgplace_release)

/* The image that an IMGPLACE_OCI means in its layout, d's until that is closed. NULL with ERR_NOT_FOUND, or ERR_INPUT
 * if no tag is named and there are several. */
const struct descriptor *imgplace_find(const struct layout_dir *d, const struct imgplace *from, struct err *e);

#endif
