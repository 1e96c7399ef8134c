#include "src/build/cacheknown.h"

#include <string.h>

void cacheknown_release(struct cacheknown *k)
{
	smap_release(&k->there);
	smap_release(&k->absent);
	*k = (struct cacheknown){0};
}

void cacheknown_list(struct cacheknown *k, const struct strv *tags, bool complete)
{
	k->listed = true;
	k->complete = complete;
	k->empty = complete && !tags->n;
	for (size_t i = 0; i < tags->n; i++)
		smap_set(&k->there, tags->v[i], NULL);
}

void cacheknown_tell(struct cacheknown *k, const char *tag, bool there)
{
	smap_del(there ? &k->absent : &k->there, tag);
	smap_set(there ? &k->there : &k->absent, tag, NULL);
}

size_t cacheknown_count(const struct cacheknown *k, const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < k->there.n; i++)
		n += strncmp(k->there.v[i].key, prefix, strlen(prefix)) == 0;
	return n;
}

enum cacheknown_answer cacheknown_has(const struct cacheknown *k, const char *tag)
{
	if (smap_has(&k->there, tag))
		return CACHEKNOWN_YES;
	return k->complete || smap_has(&k->absent, tag) ? CACHEKNOWN_NO : CACHEKNOWN_PERHAPS;
}
