/* From a reference to a verified manifest and config; many tags at once; lists of tags. */
#ifndef SLCT_PULL_H
#define SLCT_PULL_H

#include "registry/registry.h"
#include "registry/regsession.h"

/* As registry_resolve, registry_probe_tags and registry_tags. */
int pull_resolve(struct regsession_pool *p, const struct ref *ref, const struct platform *platform,
		 struct registry_image *out, struct err *e);
int pull_probe(struct regsession_pool *p, const struct ref *repo, struct registry_probe *probes, size_t n,
	       struct err *e);
/* complete NULL: all pages. */
int pull_tags(struct regsession_pool *p, const struct ref *repo, struct strv *out, bool *complete, struct err *e);

/* A mirror has failed: said in the log; *e is released. */
void pull_note_mirror(const struct ref *mirror, struct err *e);
/* URL of the next page in a Link field ('<...>; rel="next"', RFC 8288), or SV_NULL. */
struct sv pull_next_link(struct sv field);

#endif
