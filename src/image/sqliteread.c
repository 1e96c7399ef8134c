#include "src/image/sqliteread.h"

#include <string.h>

#include "src/util/buf.h"

#define SQLITEREAD_MAGIC     "SQLite format 3" /* with its NUL */
#define SQLITEREAD_HEAD	     100
#define SQLITEREAD_PAGE_MIN  512
#define SQLITEREAD_UTF8	     1
#define SQLITEREAD_DEPTH_MAX 20
#define SQLITEREAD_INTERIOR  0x05
#define SQLITEREAD_LEAF	     0x0d

static uint64_t sqliteread_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Seven bits a byte, the first ones first, of the ninth all eight. */
static int sqliteread_varint(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < 9 && *p < end; i++) {
		uint8_t c = *(*p)++;

		if (i == 8) {
			*out = *out << 8 | c;
			return 0;
		}
		*out = *out << 7 | (c & 0x7f);
		if (!(c & 0x80))
			return 0;
	}
	return -1;
}

int sqliteread_open(struct sqliteread *s, const void *p, size_t n)
{
	const uint8_t *h = p;

	if (n < SQLITEREAD_HEAD || memcmp(h, SQLITEREAD_MAGIC, sizeof SQLITEREAD_MAGIC) != 0)
		return -1;
	*s = (struct sqliteread){.p = h, .page = sqliteread_be(h + 16, 2)};
	if (s->page == 1)
		s->page = 65536;
	if (s->page < SQLITEREAD_PAGE_MIN || (s->page & (s->page - 1)) || sqliteread_be(h + 56, 4) != SQLITEREAD_UTF8)
		return -1;
	s->usable = s->page - h[20];
	s->pages = n / s->page;
	return s->usable >= 480 && s->pages ? 0 : -1;
}

/* --- rows --- */

struct sqliteread_walk {
	const struct sqliteread *s;
	sqliteread_fn *fn;
	void *arg;
	size_t visited;
	uint64_t left; /* bytes of rows that may still come */
	bool stop;
};

static const uint8_t *sqliteread_page(struct sqliteread_walk *w, uint64_t number)
{
	if (number == 0 || number > w->s->pages || w->visited++ >= w->s->pages)
		return NULL;
	return w->s->p + (number - 1) * w->s->page;
}

/* "Cell payload overflow pages": how much of a row of n bytes is in its leaf. */
static uint64_t sqliteread_local(const struct sqliteread *s, uint64_t n)
{
	uint64_t max = s->usable - 35, min = (s->usable - 12) * 32 / 255 - 23, k;

	if (n <= max)
		return n;
	k = min + (n - min) % (s->usable - 4);
	return k <= max ? k : min;
}

static int sqliteread_overflow(struct sqliteread_walk *w, uint64_t number, uint64_t left, struct buf *row)
{
	while (left) {
		const uint8_t *page = sqliteread_page(w, number);
		uint64_t n = left < w->s->usable - 4 ? left : w->s->usable - 4;

		if (!page)
			return -1;
		buf_add(row, page + 4, n);
		number = sqliteread_be(page, 4);
		left -= n;
	}
	return 0;
}

static int sqliteread_cell(struct sqliteread_walk *w, const uint8_t *p, const uint8_t *end)
{
	AUTO_BUF struct buf row = BUF_INIT(SIZE_MAX);
	uint64_t n, id, local;

	if (sqliteread_varint(&p, end, &n) || sqliteread_varint(&p, end, &id) || n > w->left)
		return -1;
	w->left -= n;
	local = sqliteread_local(w->s, n);
	if (local + (local < n ? 4 : 0) > (uint64_t)(end - p))
		return -1;
	buf_add(&row, p, local);
	if (local < n && sqliteread_overflow(w, sqliteread_be(p + local, 4), n - local, &row))
		return -1;
	w->stop = !w->fn(w->arg, buf_sv(&row));
	return 0;
}

static int sqliteread_node(struct sqliteread_walk *w, uint64_t number, unsigned depth)
{
	const uint8_t *page = depth > SQLITEREAD_DEPTH_MAX ? NULL : sqliteread_page(w, number), *h;
	size_t head = number == 1 ? SQLITEREAD_HEAD : 0, cells, list;

	if (!page)
		return -1;
	h = page + head;
	if (h[0] != SQLITEREAD_INTERIOR && h[0] != SQLITEREAD_LEAF)
		return -1;
	cells = sqliteread_be(h + 3, 2);
	list = head + (h[0] == SQLITEREAD_INTERIOR ? 12 : 8);
	if (list + 2 * cells > w->s->usable)
		return -1;
	for (size_t i = 0; i < cells && !w->stop; i++) {
		size_t at = sqliteread_be(page + list + 2 * i, 2);

		if (at + 4 > w->s->usable)
			return -1;
		if (h[0] == SQLITEREAD_LEAF ? sqliteread_cell(w, page + at, page + w->s->usable)
					    : sqliteread_node(w, sqliteread_be(page + at, 4), depth + 1))
			return -1;
	}
	if (h[0] == SQLITEREAD_LEAF || w->stop)
		return 0;
	return sqliteread_node(w, sqliteread_be(h + 8, 4), depth + 1);
}

int sqliteread_rows(const struct sqliteread *s, uint32_t first, sqliteread_fn *fn, void *arg)
{
	struct sqliteread_walk w = {.s = s, .fn = fn, .arg = arg, .left = (uint64_t)s->pages * s->page};

	return sqliteread_node(&w, first, 0);
}

/* --- columns --- */

/* "Serial type codes": how many bytes a value has. */
static uint64_t sqliteread_size(uint64_t type)
{
	static const uint8_t sizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};

	return type < ARRAY_LEN(sizes) ? sizes[type] : (type - 12) / 2;
}

static void sqliteread_value(uint64_t type, const uint8_t *p, uint64_t n, struct sqliteread_value *out)
{
	*out = (struct sqliteread_value){.kind = SQLITEREAD_OTHER};
	if (type >= 12) {
		out->kind = SQLITEREAD_BYTES;
		out->bytes = sv_of((const char *)p, n);
	} else if (type == 8 || type == 9) {
		out->kind = SQLITEREAD_INT;
		out->number = (int64_t)type - 8;
	} else if (type >= 1 && type <= 6) {
		uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;

		for (uint64_t i = 0; i < n; i++)
			v = v << 8 | p[i];
		out->kind = SQLITEREAD_INT;
		out->number = (int64_t)v;
	}
}

int sqliteread_column(struct sv row, size_t i, struct sqliteread_value *out)
{
	const uint8_t *p = (const uint8_t *)row.p, *begin = p, *end = p + row.n, *heads, *body;
	uint64_t head, type, size;

	if (!row.n || sqliteread_varint(&p, end, &head) || head > row.n)
		return -1;
	heads = begin + head;
	body = heads;
	for (;; i--) {
		if (p >= heads || sqliteread_varint(&p, heads, &type))
			return -1;
		size = sqliteread_size(type);
		if (size > (uint64_t)(end - body))
			return -1;
		if (i == 0)
			break;
		body += size;
	}
	sqliteread_value(type, body, size, out);
	return 0;
}

/* --- the schema --- */

struct sqliteread_search {
	const char *name;
	uint32_t found;
};

static bool sqliteread_is(struct sv row, size_t column, const char *text)
{
	struct sqliteread_value v;

	return sqliteread_column(row, column, &v) == 0 && v.kind == SQLITEREAD_BYTES && sv_eq_str(v.bytes, text);
}

static bool sqliteread_schema(void *arg, struct sv row)
{
	struct sqliteread_search *x = arg;
	struct sqliteread_value first;

	if (!sqliteread_is(row, 0, "table") || !sqliteread_is(row, 1, x->name) || sqliteread_column(row, 3, &first) ||
	    first.kind != SQLITEREAD_INT || first.number < 1 || first.number > UINT32_MAX)
		return true;
	x->found = (uint32_t)first.number;
	return false;
}

uint32_t sqliteread_table(const struct sqliteread *s, const char *name)
{
	struct sqliteread_search x = {name, 0};

	return sqliteread_rows(s, 1, sqliteread_schema, &x) ? 0 : x.found;
}
