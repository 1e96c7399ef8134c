/* What is known of a cache repository that a build writes to: its tags, as one request told before the first entry, and
 * what this build has put there. It saves asking before each upload; the registry's own answers decide all the same. */
#ifndef SLCT_CACHEKNOWN_H
#define SLCT_CACHEKNOWN_H

#include "oci/manifest.h"
#include "registry/registry.h"
#include "src/util/json.h"
#include "src/util/smap.h"

struct cacheknown {
	bool asked;    /* for its tags */
	bool complete; /* all of them are in `tags` */
	bool empty;    /* there was none */
	struct smap tags;  /* names that exist */
	struct smap blobs; /* digests that are there */
};

void cacheknown_release(struct cacheknown *k);
/* In a worker: ask for the tags, and give them as the result's member "tags". A registry that does not tell is fine. */
void cacheknown_ask(struct registry *r, const struct ref *repo, struct cacheknown *k, struct json *result);
/* In the scheduler: take that member over. */
void cacheknown_take(struct cacheknown *k, const struct json *result);
/* Members of a push that follow from it; `there` gets room for the digests. */
void cacheknown_use(const struct cacheknown *k, const struct descriptor *layers, size_t n, struct registry_push *p,
		    struct digest_list *there);
/* An entry has been written. */
void cacheknown_add(struct cacheknown *k, const char *input, const char *content, const struct descriptor *layers, size_t n);

#endif
