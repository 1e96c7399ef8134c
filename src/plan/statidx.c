#include "src/plan/statidx.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "src/util/clock.h"
#include "src/util/hash.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

/* History: 1 sums of content; 2 with extended attributes folded in (treesum_fold). */
#define MAGIC	       "slctidx2"
#define FILE_MAX_BYTES ((size_t)1 << 30)

/* On disk as in memory: the file never leaves this machine. */
struct row {
	uint64_t dev, ino, size;
	int64_t mtime, ctime; /* ns */
	uint8_t sum[STATIDX_SUM_BYTES];
};

struct header {
	char magic[8];
	uint64_t rows;
	uint8_t check[STATIDX_SUM_BYTES]; /* SHA-256 of the rows */
};

struct statidx {
	struct store *store;
	char *rel;
	VEC_OF(struct row) rows;
	size_t loaded;	/* rows[0..loaded) came from the file */
	bool *used;	/* of the loaded rows */
	uint32_t *slot; /* index + 1 by hash of (dev, ino); at most half full */
	size_t slots;
	bool changed;
};

static int64_t nanoseconds(struct timespec t)
{
	return t.tv_sec * CLOCK_NS_PER_S + t.tv_nsec;
}

static struct row row_of(const struct stat *st)
{
	return (struct row){.dev = st->st_dev,
			    .ino = st->st_ino,
			    .size = (uint64_t)st->st_size,
			    .mtime = nanoseconds(st->st_mtim),
			    .ctime = nanoseconds(st->st_ctim)};
}

static size_t bucket(const struct statidx *x, uint64_t dev, uint64_t ino)
{
	return (size_t)((ino * UINT64_C(0x9e3779b97f4a7c15) ^ dev) >> 16) & (x->slots - 1);
}

static void index_row(struct statidx *x, size_t i)
{
	size_t b = bucket(x, x->rows.v[i].dev, x->rows.v[i].ino);

	while (x->slot[b])
		b = (b + 1) & (x->slots - 1);
	x->slot[b] = (uint32_t)i + 1;
}

static void index_rows(struct statidx *x)
{
	free(x->slot);
	for (x->slots = 1024; x->slots < 4 * x->rows.n; x->slots *= 2)
		;
	x->slot = mem_zalloc(x->slots * sizeof *x->slot);
	for (size_t i = 0; i < x->rows.n; i++)
		index_row(x, i);
}

static void load_rows(struct statidx *x, const struct buf *text)
{
	struct header h;
	uint8_t sum[HASH_MAX_BYTES];

	if (text->n < sizeof h)
		return;
	memcpy(&h, text->p, sizeof h);
	if (memcmp(h.magic, MAGIC, sizeof h.magic) != 0 || h.rows > UINT32_MAX ||
	    text->n - sizeof h != h.rows * sizeof(struct row))
		return;
	hash_bytes(HASH_SHA256, text->p + sizeof h, text->n - sizeof h, sum);
	if (memcmp(sum, h.check, sizeof h.check) != 0)
		return;
	x->rows.v = mem_alloc(text->n - sizeof h + 1);
	memcpy(x->rows.v, text->p + sizeof h, text->n - sizeof h);
	x->rows.n = x->rows.cap = x->loaded = (size_t)h.rows;
}

struct statidx *statidx_open(struct store *s, const char *name)
{
	AUTO_BUF struct buf text = BUF_INIT(FILE_MAX_BYTES);
	struct statidx *x = mem_new(struct statidx);
	struct err e = ERR_INIT;
	struct digest d;

	digest_of_bytes(name, strlen(name), &d);
	x->store = s;
	x->rel = mem_printf("stat/%.32s", digest_hex(&d));
	if (store_record_get(s, x->rel, FILE_MAX_BYTES, &text, &e) == 0)
		load_rows(x, &text);
	err_release(&e);
	x->used = mem_zalloc(x->loaded + 1);
	index_rows(x);
	return x;
}

bool statidx_get(const struct statidx *x, const struct stat *st, uint8_t sum[STATIDX_SUM_BYTES])
{
	struct row want = row_of(st);

	for (size_t b = bucket(x, want.dev, want.ino); x->slot[b]; b = (b + 1) & (x->slots - 1)) {
		const struct row *r = &x->rows.v[x->slot[b] - 1];

		if (memcmp(r, &want, offsetof(struct row, sum)) == 0) {
			memcpy(sum, r->sum, STATIDX_SUM_BYTES);
			if (x->slot[b] <= x->loaded)
				x->used[x->slot[b] - 1] = true;
			return true;
		}
	}
	return false;
}

void statidx_put(struct statidx *x, const struct stat *st, int64_t hashed_at, const uint8_t sum[STATIDX_SUM_BYTES])
{
	struct row r = row_of(st);

	if (major(st->st_dev) == 0 || r.mtime > hashed_at - STATIDX_AGE_NS || r.ctime > hashed_at - STATIDX_AGE_NS)
		return;
	memcpy(r.sum, sum, STATIDX_SUM_BYTES);
	vec_push(&x->rows, r);
	if (2 * x->rows.n > x->slots)
		index_rows(x);
	else
		index_row(x, x->rows.n - 1);
	x->changed = true;
}

void statidx_save(struct statidx *x)
{
	AUTO_BUF struct buf text = BUF_INIT(FILE_MAX_BYTES);
	struct header h = {.magic = MAGIC};
	struct err e = ERR_INIT;

	if (!x->changed)
		return;
	buf_add(&text, &h, sizeof h);
	for (size_t i = 0; i < x->rows.n; i++)
		if (i >= x->loaded || x->used[i]) {
			buf_add(&text, &x->rows.v[i], sizeof(struct row));
			h.rows++;
		}
	if (text.over)
		return;
	uint8_t sum[HASH_MAX_BYTES];

	hash_bytes(HASH_SHA256, text.p + sizeof h, text.n - sizeof h, sum);
	memcpy(h.check, sum, sizeof h.check);
	memcpy(text.p, &h, sizeof h);
	if (store_record_put(x->store, x->rel, text.p, text.n, false, &e) < 0)
		err_release(&e);
}

void statidx_free(struct statidx *x)
{
	if (!x)
		return;
	vec_release(&x->rows);
	free(x->used);
	free(x->slot);
	free(x->rel);
	free(x);
}
