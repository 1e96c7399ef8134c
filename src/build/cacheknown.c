#include "src/build/cacheknown.h"

#include <string.h>

#include "src/util/mem.h"

/* A blob of this size is sent as quickly as it is asked for. */
#define CACHEKNOWN_SMALL_BYTES ((uint64_t)64 << 10)

void cacheknown_release(struct cacheknown *k)
{
	smap_release(&k->tags);
	smap_release(&k->blobs);
	*k = (struct cacheknown){0};
}

void cacheknown_take(struct cacheknown *k, const struct json *result)
{
	const struct json *tags = json_get(result, "tags");

	if (k->asked)
		return;
	k->asked = true;
	k->complete = tags != NULL;
	k->empty = tags && !json_len(tags);
	for (size_t i = 0; i < json_len(tags); i++)
		if (json_str(json_at(tags, i)))
			smap_set(&k->tags, json_str(json_at(tags, i)), NULL);
}

void cacheknown_ask(struct registry *r, const struct ref *repo, struct cacheknown *k, struct json *result)
{
	AUTO_STRV struct strv tags = {0};
	struct err e = ERR_INIT;
	bool complete = false;

	if (k->asked)
		return;
	/* Not to have any is an answer. */
	if (registry_some_tags(r, repo, &tags, &complete, &e) < 0)
		complete = e.code == ERR_NOT_FOUND;
	if (complete)
		json_set(result, "tags", json_from_strv(&tags));
	cacheknown_take(k, result); /* this process's copy */
	err_release(&e);
}

static bool all_new(const struct cacheknown *k, const struct registry_push *p)
{
	bool is_new = k->complete && !smap_has(&k->tags, p->to->tag);

	for (size_t i = 0; is_new && i < p->nmore; i++)
		is_new = !smap_has(&k->tags, p->more_tags[i]);
	return is_new;
}

void cacheknown_use(const struct cacheknown *k, const struct descriptor *layers, size_t n, struct registry_push *p,
		    struct digest_list *there)
{
	for (size_t i = 0; i < n; i++)
		if (smap_has(&k->blobs, layers[i].digest.text))
			vec_push(there, layers[i].digest);
	p->there = there->v;
	p->nthere = there->n;
	p->new_tags = all_new(k, p);
	if (p->new_tags)
		p->unasked_bytes = k->empty ? UINT64_MAX : CACHEKNOWN_SMALL_BYTES;
}

void cacheknown_add(struct cacheknown *k, const char *input, const char *content, const struct descriptor *layers, size_t n)
{
	smap_set(&k->tags, input, NULL);
	smap_set(&k->tags, content, NULL);
	for (size_t i = 0; i < n; i++)
		smap_set(&k->blobs, layers[i].digest.text, NULL);
}
