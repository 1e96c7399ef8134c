/* Ordered map from strings. The items lie in order in an array; a table of slots with linear probing finds them. A
 * removal closes the gap in the array and builds the table anew: removals are rare, order and look-up are not. */
#include "src/util/smap.h"

#include "src/util/mem.h"
#include "src/util/vec.h"

#define SMAP_FIRST_SLOTS 16

/* FNV-1a, 64 bits, with a final mix since only the low bits choose the slot. Keys are bounded in number by their
 * callers' limits, so that chosen collisions cost at most a linear search. */
static size_t smap_hash(const char *key)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *key; key++) {
		h ^= (unsigned char)*key;
		h *= UINT64_C(0x100000001b3);
	}
	return (size_t)(h ^ h >> 32);
}

/* The slot of the key, or the empty slot where it would go. slots is a power of two and never full. */
static size_t smap_slot(const struct smap *m, const char *key, size_t hash)
{
	size_t i = hash & (m->slots - 1);

	while (m->slot[i]) {
		const struct smap_item *it = &m->v[m->slot[i] - 1];

		if (it->hash == hash && strcmp(it->key, key) == 0)
			break;
		i = (i + 1) & (m->slots - 1);
	}
	return i;
}

static void smap_rebuild(struct smap *m, size_t slots)
{
	free(m->slot);
	m->slots = slots;
	m->slot = mem_array(slots, sizeof(*m->slot));
	memset(m->slot, 0, slots * sizeof(*m->slot));
	for (size_t i = 0; i < m->n; i++)
		m->slot[smap_slot(m, m->v[i].key, m->v[i].hash)] = i + 1;
}

static struct smap_item *smap_find(const struct smap *m, const char *key)
{
	size_t i;

	if (m->n == 0)
		return NULL;
	i = m->slot[smap_slot(m, key, smap_hash(key))];
	return i ? &m->v[i - 1] : NULL;
}

static void smap_drop_val(const struct smap *m, void *val)
{
	if (m->free_val && val)
		m->free_val(val);
}

void smap_release(struct smap *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].key);
		smap_drop_val(m, m->v[i].val);
	}
	free(m->v);
	free(m->slot);
	*m = SMAP_INIT(m->free_val);
}

void *smap_get(const struct smap *m, const char *key)
{
	const struct smap_item *it = smap_find(m, key);

	return it ? it->val : NULL;
}

bool smap_has(const struct smap *m, const char *key)
{
	return smap_find(m, key) != NULL;
}

void smap_set(struct smap *m, const char *key, void *val)
{
	struct smap_item *it = smap_find(m, key), item;

	if (it) {
		if (it->val != val)
			smap_drop_val(m, it->val);
		it->val = val;
		return;
	}
	item = (struct smap_item){mem_strdup(key), val, smap_hash(key)};
	vec_push(m, item);
	if (m->n * 2 > m->slots)
		smap_rebuild(m, m->slots ? m->slots * 2 : SMAP_FIRST_SLOTS);
	else
		m->slot[smap_slot(m, item.key, item.hash)] = m->n;
}

void smap_set_str(struct smap *m, const char *key, const char *val)
{
	smap_set(m, key, mem_strdup(val));
}

bool smap_del(struct smap *m, const char *key)
{
	struct smap_item *it = smap_find(m, key);

	if (!it)
		return false;
	free(it->key);
	smap_drop_val(m, it->val);
	m->n--;
	memmove(it, it + 1, (size_t)(m->v + m->n - it) * sizeof(*it));
	smap_rebuild(m, m->slots);
	return true;
}

void smap_copy_str(struct smap *to, const struct smap *from)
{
	if (to == from)
		return;
	for (size_t i = 0; i < from->n; i++)
		smap_set_str(to, from->v[i].key, from->v[i].val);
}
