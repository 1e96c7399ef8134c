/* Deleting a manifest of a repository (distribution-spec "content management"). */
#ifndef SLCT_REGDELETE_H
#define SLCT_REGDELETE_H

#include "oci/ref.h"
#include "registry/regsession.h"

/* By digest: all tags of it go too. One that is not there is fine. ERR_REGISTRY where the registry does not allow it,
 * with what to do. */
int regdelete_manifest(struct regsession_pool *p, const struct ref *repo, const struct digest *d, struct err *e);

#endif
