#include "src/build/apart.h"

#include "oci/shares.h"
#include "src/util/mem.h"

struct seen {
	struct smap layers; /* hex → whether it stands apart */
	struct smap inodes; /* hex of the layers whose inodes are in the stack */
};

static char is_apart[] = "";

/* A tree and those that it shares with; all of them, if that is not known. */
static bool meets(const struct seen *s, const char *own, const struct strv *shares, bool known)
{
	bool met = !known || smap_has(&s->inodes, own);

	for (size_t i = 0; i < shares->n && !met; i++)
		met = smap_has(&s->inodes, shares->v[i]);
	return met;
}

static void add(struct seen *s, const char *own, const struct strv *shares, bool apart)
{
	smap_set(&s->layers, own, apart ? is_apart : NULL);
	if (apart)
		return; /* its copy has inodes of nobody else */
	smap_set(&s->inodes, own, NULL);
	for (size_t i = 0; i < shares->n; i++)
		smap_set(&s->inodes, shares->v[i], NULL);
}

static bool look_at(const struct build *b, const struct digest *diff_id, struct seen *s)
{
	AUTO_FREE char *path = store_layer_path(b->s->tier.form, diff_id);
	AUTO_STRV struct strv shares = {0};
	const char *own = digest_hex(diff_id);

	/* The same layer once more is the same directory once more. */
	if (smap_has(&s->layers, own))
		return smap_get(&s->layers, own) != NULL;
	bool known = shares_get(store_fd(b->s->store), path, &shares) == 0;
	bool apart = meets(s, own, &shares, known);

	add(s, own, &shares, apart);
	return apart;
}

bool *apart_find(const struct build *b, const struct digest_list *stack)
{
	struct seen s = {0};
	bool *out = NULL;

	for (size_t i = 0; stack->n > 1 && i < stack->n; i++) {
		if (!look_at(b, &stack->v[i], &s))
			continue;
		if (!out)
			out = mem_zalloc(stack->n * sizeof *out);
		out[i] = true;
	}
	smap_release(&s.layers);
	smap_release(&s.inodes);
	return out;
}
