/* The first path of every inode that has several names. */
#include "oci/linkmap.h"

#include "src/util/cleanup.h"
#include "src/util/mem.h"

struct linkmap_slot {
	dev_t dev;
	ino_t ino;
	char *path; /* NULL: free */
};

void linkmap_release(struct linkmap *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slot[i].path);
	free(m->slot);
	*m = (struct linkmap){0};
}

static struct linkmap_slot *linkmap_find(const struct linkmap *m, dev_t dev, ino_t ino)
{
	/* Inode numbers come in rows: spread them by a 64-bit multiplication. */
	uint64_t h = ((uint64_t)ino ^ ((uint64_t)dev << 32)) * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(h >> 32) & (m->cap - 1);

	while (m->slot[i].path && (m->slot[i].ino != ino || m->slot[i].dev != dev))
		i = (i + 1) & (m->cap - 1);
	return &m->slot[i];
}

static void linkmap_grow(struct linkmap *m)
{
	struct linkmap old = *m;

	m->cap = old.cap ? 2 * old.cap : 64;
	m->slot = mem_array(m->cap, sizeof *m->slot);
	memset(m->slot, 0, m->cap * sizeof *m->slot);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].path)
			*linkmap_find(m, old.slot[i].dev, old.slot[i].ino) = old.slot[i];
	free(old.slot);
}

const char *linkmap_first(struct linkmap *m, const struct stat *st, const char *path)
{
	struct linkmap_slot *s;

	if (2 * m->n >= m->cap)
		linkmap_grow(m);
	s = linkmap_find(m, st->st_dev, st->st_ino);
	if (s->path)
		return s->path;
	*s = (struct linkmap_slot){st->st_dev, st->st_ino, mem_strdup(path)};
	m->n++;
	return NULL;
}
