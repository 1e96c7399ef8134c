/* Patterns of ${name#pattern} and its kin, matched by running all states of the pattern at once. */
#include "src/dockerfile/dglob.h"

#include "src/dockerfile/dchar.h"
#include "src/util/mem.h"

static int escaped(struct sv pattern, size_t *i, struct err *e)
{
	char c = *i + 1 < pattern.n ? pattern.p[*i + 1] : 0;

	if (c == '*' || c == '?' || c == '\\' || c == '}' || c == '/') {
		++*i;
		return 0;
	}
	if (!c)
		return err_set(e, ERR_INPUT, "invalid pattern \"%.*s\": it ends in a backslash", SV_ARG(pattern));
	return err_set(e, ERR_INPUT, "invalid pattern \"%.*s\": \\ stands only before * ? \\ } /", SV_ARG(pattern));
}

int dglob_init(struct dglob *g, struct sv pattern, struct err *e)
{
	*g = (struct dglob){0};
	for (size_t i = 0; i < pattern.n;) {
		struct dglob_item it = {DGLOB_CHAR, SV_NULL};

		if (pattern.p[i] == '*') {
			it.type = DGLOB_STAR;
		} else if (pattern.p[i] == '?') {
			it.type = DGLOB_ONE;
		} else if (pattern.p[i] == '\\' && escaped(pattern, &i, e)) {
			dglob_release(g);
			return -1;
		}
		it.c = sv_of(pattern.p + i, dchar_len(sv_of(pattern.p + i, pattern.n - i)));
		i += it.c.n;
		vec_push(&g->items, it);
	}
	g->state = mem_zalloc(g->items.n + 1);
	return 0;
}

void dglob_release(struct dglob *g)
{
	vec_release(&g->items);
	free(g->state);
	g->state = NULL;
}

/* Item k in the direction of matching. */
static const struct dglob_item *item(const struct dglob *g, size_t k, bool back)
{
	return &g->items.v[back ? g->items.n - 1 - k : k];
}

/* A state before a star is also one after it. */
static void close_stars(struct dglob *g, bool back)
{
	for (size_t k = 0; k < g->items.n; k++)
		if (g->state[k] && item(g, k, back)->type == DGLOB_STAR)
			g->state[k + 1] = 1;
}

/* Take one character; returns whether any state is left. */
static bool step(struct dglob *g, struct sv c, bool back)
{
	bool any = false;

	for (size_t k = g->items.n + 1; k-- > 0;) {
		const struct dglob_item *prev = k ? item(g, k - 1, back) : NULL;
		bool on = k < g->items.n && g->state[k] && item(g, k, back)->type == DGLOB_STAR;

		if (prev && g->state[k - 1])
			on = on || prev->type == DGLOB_ONE || (prev->type == DGLOB_CHAR && sv_eq(prev->c, c));
		g->state[k] = on;
		any = any || on;
	}
	close_stars(g, back);
	return any;
}

static struct sv last_char(struct sv v)
{
	for (size_t k = 2; k <= 4 && k <= v.n; k++)
		if (dchar_len(sv_of(v.p + v.n - k, k)) == k)
			return sv_of(v.p + v.n - k, k);
	return sv_of(v.p + v.n - 1, 1);
}

static ssize_t match(struct dglob *g, struct sv v, bool longest, bool back, size_t *work)
{
	ssize_t found = -1;
	size_t used = 0;
	bool more = true;

	memset(g->state, 0, g->items.n + 1);
	g->state[0] = 1;
	close_stars(g, back);
	while (more) {
		struct sv rest = back ? sv_of(v.p, v.n - used) : sv_of(v.p + used, v.n - used), c;

		if (g->state[g->items.n])
			found = (ssize_t)used;
		if (!rest.n || (found >= 0 && !longest))
			break;
		if (*work <= g->items.n + 1) {
			*work = 0;
			return -1;
		}
		*work -= g->items.n + 1;
		c = back ? last_char(rest) : sv_of(rest.p, dchar_len(rest));
		more = step(g, c, back);
		used += c.n;
	}
	return found;
}

ssize_t dglob_prefix(struct dglob *g, struct sv v, bool longest, size_t *work)
{
	return match(g, v, longest, false, work);
}

ssize_t dglob_suffix(struct dglob *g, struct sv v, bool longest, size_t *work)
{
	return match(g, v, longest, true, work);
}

void dglob_replace(struct dglob *g, struct sv v, struct sv by, bool all, struct buf *out, size_t *work)
{
	bool after_match = false, done = false;

	for (size_t i = 0; i <= v.n && *work && !out->over;) {
		struct sv rest = sv_of(v.p + i, v.n - i);
		ssize_t n = done ? -1 : dglob_prefix(g, rest, true, work);

		if (n > 0 || (n == 0 && !after_match)) {
			buf_sv_add(out, by);
			done = !all;
		}
		after_match = n > 0;
		if (n > 0) {
			i += (size_t)n;
			continue;
		}
		if (!rest.n)
			break;
		buf_add(out, rest.p, dchar_len(rest));
		i += dchar_len(rest);
	}
}
