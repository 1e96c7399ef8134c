/* Open addressing; 0 is a free place. */
#include "src/util/nameset.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/util/buf.h"
#include "src/util/io.h"
#include "src/util/mem.h"

#define NAMESET_FIRST 64 /* places; always a power of two */

struct nameset {
	uint64_t *v;
	size_t places, n;
	bool all;
};

struct nameset *nameset_new(void)
{
	struct nameset *t = mem_new(struct nameset);

	t->places = NAMESET_FIRST;
	t->v = mem_zalloc(t->places * sizeof *t->v);
	return t;
}

void nameset_free(struct nameset *t)
{
	if (!t)
		return;
	free(t->v);
	free(t);
}

/* FNV-1a, and then mixed: the places are taken from the low bits. Never 0. */
static uint64_t hash_of(const char *name, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	h ^= h >> 29;
	return h ? h : 1;
}

static uint64_t *place_of(const struct nameset *t, uint64_t h)
{
	size_t i = h & (t->places - 1);

	while (t->v[i] && t->v[i] != h)
		i = (i + 1) & (t->places - 1);
	return &t->v[i];
}

static void put(struct nameset *t, uint64_t h)
{
	uint64_t *at = place_of(t, h);

	t->n += *at == 0;
	*at = h;
}

static void grow(struct nameset *t)
{
	struct nameset old = *t;

	t->places *= 2;
	t->n = 0;
	t->v = mem_zalloc(t->places * sizeof *t->v);
	for (size_t i = 0; i < old.places; i++)
		if (old.v[i])
			put(t, old.v[i]);
	free(old.v);
}

static void add_hash(struct nameset *t, uint64_t h)
{
	if (t->n == NAMESET_MAX)
		t->all = true;
	if (t->all)
		return;
	if (t->n >= t->places / 2)
		grow(t);
	put(t, h);
}

void nameset_add(struct nameset *t, const char *name, size_t n)
{
	add_hash(t, hash_of(name, n));
}

void nameset_add_all(struct nameset *t)
{
	t->all = true;
}

bool nameset_has(const struct nameset *t, const char *name, size_t n)
{
	return t->all || *place_of(t, hash_of(name, n));
}

bool nameset_is_empty(const struct nameset *t)
{
	return !t->all && t->n == 0;
}

/* As a file: the hashes; a 0 stands for "all". */
int nameset_save(const struct nameset *t, int fd, struct err *e)
{
	AUTO_FREE uint64_t *v = mem_array(t->n + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; i < t->places && !t->all; i++)
		if (t->v[i])
			v[n++] = t->v[i];
	if (t->all)
		v[n++] = 0;
	return io_write_all(fd, v, n * sizeof *v, "names of recorded owners", e);
}

int nameset_load(struct nameset *t, int fd, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT((NAMESET_MAX + 1) * sizeof(uint64_t));
	uint64_t h;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, ERR_HOST, errno, "names of recorded owners");
	if (io_read_all(fd, &text, "names of recorded owners", e) < 0)
		return -1;
	if (text.n % sizeof h)
		return err_set(e, ERR_INTERNAL, "names of recorded owners: %zu bytes", text.n);
	for (size_t at = 0; at < text.n; at += sizeof h) {
		memcpy(&h, text.p + at, sizeof h);
		if (h)
			add_hash(t, h);
		else
			t->all = true;
	}
	return 0;
}
