/* Borrowed string slices. */
#include "src/util/sv.h"

#include "src/util/mem.h"

/* Not ctype.h: its answers depend on the locale, those here must not. */
static bool sv_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static char sv_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool sv_eq(struct sv a, struct sv b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool sv_eq_str(struct sv a, const char *s)
{
	return sv_eq(a, sv_from(s));
}

bool sv_ieq_str(struct sv a, const char *s)
{
	struct sv b = sv_from(s);

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (sv_lower(a.p[i]) != sv_lower(b.p[i]))
			return false;
	return true;
}

bool sv_starts(struct sv v, const char *prefix)
{
	struct sv p = sv_from(prefix);

	return v.n >= p.n && sv_eq(sv_of(v.p, p.n), p);
}

bool sv_ends(struct sv v, const char *suffix)
{
	struct sv s = sv_from(suffix);

	return s.n == 0 || (v.n >= s.n && sv_eq(sv_of(v.p + (v.n - s.n), s.n), s));
}

ssize_t sv_find(struct sv v, char c)
{
	const char *p = v.n ? memchr(v.p, c, v.n) : NULL;

	return p ? p - v.p : -1;
}

ssize_t sv_rfind(struct sv v, char c)
{
	const char *p = v.n ? memrchr(v.p, c, v.n) : NULL;

	return p ? p - v.p : -1;
}

struct sv sv_sub(struct sv v, size_t from, size_t n)
{
	if (from > v.n)
		from = v.n;
	if (n > v.n - from)
		n = v.n - from;
	return sv_of(v.p ? v.p + from : NULL, n);
}

struct sv sv_trim(struct sv v)
{
	while (v.n && sv_is_space(v.p[0])) {
		v.p++;
		v.n--;
	}
	while (v.n && sv_is_space(v.p[v.n - 1]))
		v.n--;
	return v;
}

struct sv sv_cut(struct sv *rest, char sep)
{
	struct sv all = *rest;
	ssize_t i = sv_find(all, sep);

	if (i < 0) {
		*rest = SV_NULL;
		return all;
	}
	*rest = sv_of(all.p + i + 1, all.n - (size_t)i - 1);
	return sv_of(all.p, (size_t)i);
}

char *sv_dup(struct sv v)
{
	char *s = mem_alloc(v.n + 1);

	if (v.n)
		memcpy(s, v.p, v.n);
	s[v.n] = '\0';
	return s;
}
