/* Recorded owners by inode: a hash table with open addressing. */
#include "src/util/owntab.h"

#include <errno.h>

#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define OWNTAB_MAGIC	 "slct-owntab"
#define OWNTAB_VERSION	 1
#define OWNTAB_FIRST_CAP 64 /* a power of two, as all capacities */
#define OWNTAB_FILE_MAX	 ((size_t)512 << 20)

struct owntab_row {
	struct owntab_key key;
	struct ownrec rec;
	bool used;
};

struct owntab {
	struct owntab_row *v;
	size_t n, cap;
};

struct owntab *owntab_new(void)
{
	return mem_new(struct owntab);
}

void owntab_free(struct owntab *t)
{
	if (!t)
		return;
	free(t->v);
	free(t);
}

struct owntab_key owntab_key_of(const struct statx *st)
{
	if (!(st->stx_mask & STATX_BTIME))
		return (struct owntab_key){.ino = st->stx_ino};
	return (struct owntab_key){st->stx_ino, st->stx_btime.tv_sec, st->stx_btime.tv_nsec};
}

static bool key_eq(const struct owntab_key *a, const struct owntab_key *b)
{
	return a->ino == b->ino && a->btime_s == b->btime_s && a->btime_ns == b->btime_ns;
}

/* The finaliser of splitmix64: inode numbers are nearly consecutive, births nearly equal. */
static size_t key_hash(const struct owntab_key *k)
{
	uint64_t h = k->ino ^ ((uint64_t)k->btime_s << 32) ^ k->btime_ns;

	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (size_t)(h ^ (h >> 31));
}

/* The key's row, or the free one where it would be. There is always a free one. */
static size_t slot_of(const struct owntab *t, const struct owntab_key *k)
{
	size_t i = key_hash(k) & (t->cap - 1);

	while (t->v[i].used && !key_eq(&t->v[i].key, k))
		i = (i + 1) & (t->cap - 1);
	return i;
}

/* At most three quarters are used. */
static void make_room(struct owntab *t)
{
	struct owntab old = *t;

	if (t->cap && (t->n + 1) * 4 <= t->cap * 3)
		return;
	t->cap = t->cap ? 2 * t->cap : OWNTAB_FIRST_CAP;
	t->v = memset(mem_array(t->cap, sizeof *t->v), 0, t->cap * sizeof *t->v);
	for (size_t i = 0; i < old.cap; i++)
		if (old.v[i].used)
			t->v[slot_of(t, &old.v[i].key)] = old.v[i];
	free(old.v);
}

int owntab_set(struct owntab *t, const struct owntab_key *k, const struct ownrec *rec)
{
	struct owntab_row *row;

	make_room(t);
	row = &t->v[slot_of(t, k)];
	if (!row->used && t->n >= OWNTAB_MAX_ROWS) {
		errno = ENOSPC;
		return -1;
	}
	t->n += !row->used;
	*row = (struct owntab_row){*k, *rec, true};
	return 0;
}

bool owntab_get(const struct owntab *t, const struct owntab_key *k, struct ownrec *out)
{
	const struct owntab_row *row = t && t->n ? &t->v[slot_of(t, k)] : NULL;

	if (!row || !row->used)
		return false;
	if (out)
		*out = row->rec;
	return true;
}

/* Rows after the hole that would no longer be found move into it. */
static void close_hole(struct owntab *t, size_t hole)
{
	size_t mask = t->cap - 1, home;

	for (size_t i = (hole + 1) & mask; t->v[i].used; i = (i + 1) & mask) {
		home = key_hash(&t->v[i].key) & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->v[hole] = t->v[i];
		hole = i;
	}
	t->v[hole].used = false;
}

bool owntab_del(struct owntab *t, const struct owntab_key *k)
{
	size_t i;

	if (!owntab_get(t, k, NULL))
		return false;
	i = slot_of(t, k);
	t->n--;
	close_hole(t, i);
	return true;
}

size_t owntab_len(const struct owntab *t)
{
	return t ? t->n : 0;
}

bool owntab_next(const struct owntab *t, size_t *pos, struct owntab_key *k, struct ownrec *rec)
{
	while (t && *pos < t->cap) {
		const struct owntab_row *row = &t->v[(*pos)++];

		if (!row->used)
			continue;
		*k = row->key;
		*rec = row->rec;
		return true;
	}
	return false;
}

static int row_cmp(const void *pa, const void *pb)
{
	const struct owntab_key *a = &((const struct owntab_row *)pa)->key, *b = &((const struct owntab_row *)pb)->key;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->btime_s != b->btime_s)
		return a->btime_s < b->btime_s ? -1 : 1;
	return (a->btime_ns > b->btime_ns) - (a->btime_ns < b->btime_ns);
}

static struct owntab_row *sorted_rows(const struct owntab *t)
{
	struct owntab_row *v = mem_array(owntab_len(t) + 1, sizeof *v);
	size_t pos = 0, n = 0;

	while (owntab_next(t, &pos, &v[n].key, &v[n].rec))
		n++;
	qsort(v, n, sizeof *v, row_cmp);
	return v;
}

int owntab_save(const struct owntab *t, int fd, struct err *e)
{
	AUTO_FREE struct owntab_row *rows = sorted_rows(t);
	AUTO_BUF struct buf b = BUF_INIT(OWNTAB_FILE_MAX);
	char text[OWNREC_TEXT_MAX];

	buf_printf(&b, OWNTAB_MAGIC " %d %zu\n", OWNTAB_VERSION, owntab_len(t));
	for (size_t i = 0; i < owntab_len(t); i++) {
		if (ownrec_format(&rows[i].rec, text) < 0)
			return err_set(e, ERR_INTERNAL, "recorded owner of inode %llu",
				       (unsigned long long)rows[i].key.ino);
		buf_printf(&b, "%llu %lld %u %s\n", (unsigned long long)rows[i].key.ino, (long long)rows[i].key.btime_s,
			   rows[i].key.btime_ns, text);
	}
	if (b.over)
		return err_set(e, ERR_INPUT, "recorded owners: more than %zu MiB", OWNTAB_FILE_MAX >> 20);
	if (lseek(fd, 0, SEEK_SET) < 0 || ftruncate(fd, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "table of recorded owners");
	return io_write_all(fd, b.p, b.n, "table of recorded owners", e);
}

static int parse_number(struct sv *line, uint64_t max, uint64_t *out)
{
	return line->p ? num_parse(sv_cut(line, ' '), 10, max, out) : -1;
}

static int parse_time(struct sv *line, int64_t *out)
{
	bool negative = line->p && sv_starts(*line, "-");
	uint64_t v;

	if (negative)
		*line = sv_sub(*line, 1, line->n);
	if (parse_number(line, INT64_MAX, &v) < 0)
		return -1;
	*out = negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

static int parse_row(struct sv line, struct owntab_row *row)
{
	uint64_t ns;

	if (parse_number(&line, UINT64_MAX, &row->key.ino) < 0 || parse_time(&line, &row->key.btime_s) < 0 ||
	    parse_number(&line, 999999999, &ns) < 0 || !line.p)
		return -1;
	row->key.btime_ns = (uint32_t)ns;
	return ownrec_parse(line.p, line.n, &row->rec);
}

static int parse_head(struct sv line, uint64_t *rows)
{
	uint64_t version;

	if (!sv_eq_str(sv_cut(&line, ' '), OWNTAB_MAGIC) || parse_number(&line, OWNTAB_VERSION, &version) < 0 ||
	    version != OWNTAB_VERSION)
		return -1;
	return parse_number(&line, OWNTAB_MAX_ROWS, rows) < 0 || line.p ? -1 : 0;
}

static int parse_all(struct owntab *t, struct sv rest)
{
	struct owntab_row row;
	uint64_t rows;

	if (!sv_ends(rest, "\n") || parse_head(sv_cut(&rest, '\n'), &rows) < 0)
		return -1;
	while (rows--)
		if (!rest.p || parse_row(sv_cut(&rest, '\n'), &row) < 0 || owntab_set(t, &row.key, &row.rec) < 0)
			return -1;
	return rest.p && rest.n == 0 ? 0 : -1;
}

int owntab_load(struct owntab *t, int fd, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(OWNTAB_FILE_MAX);

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, ERR_HOST, errno, "table of recorded owners");
	if (io_read_all(fd, &b, "table of recorded owners", e) < 0)
		return -1;
	if (parse_all(t, buf_sv(&b)) < 0)
		return err_set(e, ERR_INTEGRITY, "table of recorded owners: malformed or cut off");
	return 0;
}
