/* One pattern of an ignore file, compiled. */
#include "src/dockerfile/ipattern.h"

#include "src/dockerfile/dchar.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"

static uint32_t next_char(struct sv v, size_t *i)
{
	struct sv rest = sv_of(v.p + *i, v.n - *i);
	size_t n = dchar_len(rest);
	unsigned char c = (unsigned char)rest.p[0];
	uint32_t cp = n == 1 ? c : c & (0x7fu >> n);

	for (size_t k = 1; k < n; k++)
		cp = cp << 6 | ((unsigned char)rest.p[k] & 0x3f);
	*i += n;
	/* A stray byte is a character of its own, beyond all of Unicode. */
	return n == 1 && c >= 0x80 ? 0x110000u + c : cp;
}

/* One end of a range; a '-' or ']' must be escaped. -1: bad. */
static int class_char(struct sv p, size_t *i, uint32_t *c)
{
	if (*i >= p.n || p.p[*i] == '-' || p.p[*i] == ']')
		return -1;
	if (p.p[*i] == '\\' && ++*i >= p.n)
		return -1;
	*c = next_char(p, i);
	return *i < p.n ? 0 : -1;
}

static int class(struct ipattern *pat, struct sv p, size_t *i)
{
	struct ipattern_item it = {.type = IPATTERN_CLASS, .from = pat->ranges.n};

	if (*i < p.n && p.p[*i] == '^') {
		it.negated = true;
		++*i;
	}
	for (;;) {
		struct ipattern_range r;

		if (*i < p.n && p.p[*i] == ']' && it.n)
			break;
		if (class_char(p, i, &r.lo))
			return -1;
		r.hi = r.lo;
		if (p.p[*i] == '-') {
			++*i;
			if (class_char(p, i, &r.hi) || r.hi < r.lo)
				return -1;
		}
		vec_push(&pat->ranges, r);
		it.n++;
	}
	++*i;
	vec_push(&pat->items, it);
	return 0;
}

static void stars(struct ipattern *pat, struct sv p, size_t *i)
{
	struct ipattern_item it = {.type = IPATTERN_STAR};

	if (*i < p.n && p.p[*i] == '*') {
		++*i;
		if (*i < p.n && p.p[*i] == '/')
			++*i;
		it.type = *i == p.n ? IPATTERN_ALL : IPATTERN_DIRS;
	}
	vec_push(&pat->items, it);
}

/* "**name" without any other special character ends in name: there "**" need not end at a '/'. */
static bool is_suffix(struct sv p)
{
	if (!sv_starts(p, "**") || p.n < 3 || p.p[2] == '/')
		return false;
	for (size_t i = 2; i < p.n; i++)
		if (strchr("*?[]\\", p.p[i]))
			return false;
	return true;
}

static int compile(struct ipattern *pat, struct sv p)
{
	size_t i = is_suffix(p) ? 2 : 0;

	if (i)
		vec_push(&pat->items, (struct ipattern_item){.type = IPATTERN_ALL});
	while (i < p.n) {
		char c = p.p[i];

		if (c == '*') {
			i++;
			stars(pat, p, &i);
		} else if (c == '?') {
			i++;
			vec_push(&pat->items, (struct ipattern_item){.type = IPATTERN_ONE});
		} else if (c == '[') {
			i++;
			if (class(pat, p, &i))
				return -1;
		} else {
			if (c == '\\' && ++i == p.n)
				return -1;
			vec_push(&pat->items, (struct ipattern_item){.type = IPATTERN_CHAR, .c = next_char(p, &i)});
		}
	}
	return 0;
}

int ipattern_compile(struct ipattern *pat, struct sv p)
{
	if (!compile(pat, p))
		return 0;
	ipattern_release(pat);
	return -1;
}

void ipattern_release(struct ipattern *pat)
{
	vec_release(&pat->items);
	vec_release(&pat->ranges);
}

static bool in_class(const struct ipattern *pat, const struct ipattern_item *it, uint32_t c)
{
	bool found = false;

	for (size_t k = it->from; k < it->from + it->n && !found; k++)
		found = c >= pat->ranges.v[k].lo && c <= pat->ranges.v[k].hi;
	return found != it->negated;
}

/* State k: the items before k have matched what was read. An item that may match nothing lets the next state in;
 * IPATTERN_DIRS does only at its start, so it has a state of its own while it is in the middle of a name. */
struct run {
	const struct ipattern *pat;
	unsigned char *on;  /* n + 1 */
	unsigned char *mid; /* n */
};

static void close_states(struct run *r)
{
	for (size_t k = 0; k < r->pat->items.n; k++) {
		enum ipattern_type t = r->pat->items.v[k].type;

		if (r->on[k] && (t == IPATTERN_STAR || t == IPATTERN_DIRS || t == IPATTERN_ALL))
			r->on[k + 1] = 1;
	}
}

/* What one character does to item k: bit 0 stays at it, bit 1 goes behind it, bit 2 in the middle of IPATTERN_DIRS. */
static unsigned item_step(const struct run *r, size_t k, uint32_t c)
{
	const struct ipattern_item *it = &r->pat->items.v[k];

	switch (it->type) {
	case IPATTERN_CHAR:
		return it->c == c ? 2 : 0;
	case IPATTERN_ONE:
		return c != '/' ? 2 : 0;
	case IPATTERN_STAR:
		return c != '/';
	case IPATTERN_ALL:
		return 1;
	case IPATTERN_CLASS:
		return in_class(r->pat, it, c) ? 2 : 0;
	case IPATTERN_DIRS:
	default:
		return c == '/' ? 2 | 4 : 4;
	}
}

static bool run_step(struct run *r, uint32_t c)
{
	bool any = false;

	for (size_t k = r->pat->items.n + 1; k-- > 0;) {
		bool here = k < r->pat->items.n && (r->on[k] || r->mid[k]);
		unsigned s = here ? item_step(r, k, c) : 0;
		bool was_on = k < r->pat->items.n && r->on[k];

		r->on[k] = was_on && (s & 1);
		if (k < r->pat->items.n)
			r->mid[k] = (s & 4) != 0;
		if (s & 2)
			r->on[k + 1] = 1;
		any = any || s;
	}
	close_states(r);
	return any;
}

static void run_begin(struct run *r, const struct ipattern *pat)
{
	r->pat = pat;
	r->on = mem_zalloc(2 * pat->items.n + 1);
	r->mid = r->on + pat->items.n + 1;
	r->on[0] = 1;
	close_states(r);
}

bool ipattern_match(const struct ipattern *pat, struct sv path, bool parents)
{
	struct run r;
	bool more = true, found = false;

	run_begin(&r, pat);
	for (size_t i = 0; i < path.n && more && !found;) {
		if (parents && path.p[i] == '/')
			found = r.on[pat->items.n];
		more = run_step(&r, next_char(path, &i));
	}
	found = found || (more && r.on[pat->items.n]);
	free(r.on);
	return found;
}

bool ipattern_below(const struct ipattern *pat, struct sv dir)
{
	struct run r;
	bool more = true;

	run_begin(&r, pat);
	for (size_t i = 0; i < dir.n && more;)
		more = run_step(&r, next_char(dir, &i));
	more = more && run_step(&r, '/');
	free(r.on);
	return more;
}
