/* What refers to a manifest: signatures, SBOMs and the like (distribution-spec "listing referrers"). */
#ifndef SLCT_REFERRERS_H
#define SLCT_REFERRERS_H

#include "registry/regsession.h"
#include "src/util/json.h"

/* As registry_referrers. */
int referrers_list(struct regsession_pool *p, const struct ref *ref, struct json **out, struct err *e);
/* "sha256-<hex>": the tag where clients keep the list of a registry that has no such interface. Caller frees. */
char *referrers_tag(const struct digest *d);

#endif
