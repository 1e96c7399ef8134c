/* Removal of tags and manifests from a registry (distribution-spec "deleting"). */
#ifndef SLCT_REGDELETE_H
#define SLCT_REGDELETE_H

#include "registry/regsession.h"

/* As registry_remove. */
int regdelete_run(struct regsession_pool *p, const struct ref *ref, struct err *e);

#endif
