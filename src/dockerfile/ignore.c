/* .dockerignore: reading, matching, pruning.
 *
 * A pattern becomes a list of items. Matching runs all positions of the pattern at once over the path, so that its cost
 * is length times length whatever the pattern says. */
#include "src/dockerfile/ignore.h"

#include "src/dockerfile/dchar.h"
#include "src/dockerfile/dlimit.h"
#include "src/util/mem.h"

enum item_type {
	ITEM_CHAR,  /* one character */
	ITEM_ONE,   /* any but '/' */
	ITEM_STAR,  /* any number of characters but '/' */
	ITEM_DIRS,  /* nothing, or anything up to and including a '/' */
	ITEM_ALL,   /* anything */
	ITEM_CLASS, /* one character of ranges */
};

struct range {
	uint32_t lo, hi;
};

struct item {
	enum item_type type;
	bool negated;
	uint32_t c;
	size_t from, n; /* ranges */
};

struct pattern {
	bool again; /* "!": re-includes */
	VEC_OF(struct item) items;
	VEC_OF(struct range) ranges;
};

struct ignore {
	VEC_OF(struct pattern) patterns;
};

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

static int class(struct pattern *pat, struct sv p, size_t *i)
{
	struct item it = {.type = ITEM_CLASS, .from = pat->ranges.n};

	if (*i < p.n && p.p[*i] == '^') {
		it.negated = true;
		++*i;
	}
	for (;;) {
		struct range r;

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

static void stars(struct pattern *pat, struct sv p, size_t *i)
{
	struct item it = {.type = ITEM_STAR};

	if (*i < p.n && p.p[*i] == '*') {
		++*i;
		if (*i < p.n && p.p[*i] == '/')
			++*i;
		it.type = *i == p.n ? ITEM_ALL : ITEM_DIRS;
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

/* -1: bad pattern. */
static int compile(struct pattern *pat, struct sv p)
{
	size_t i = is_suffix(p) ? 2 : 0;

	if (i)
		vec_push(&pat->items, (struct item){.type = ITEM_ALL});
	while (i < p.n) {
		char c = p.p[i];

		if (c == '*') {
			i++;
			stars(pat, p, &i);
		} else if (c == '?') {
			i++;
			vec_push(&pat->items, (struct item){.type = ITEM_ONE});
		} else if (c == '[') {
			i++;
			if (class(pat, p, &i))
				return -1;
		} else {
			if (c == '\\' && ++i == p.n)
				return -1;
			vec_push(&pat->items, (struct item){.type = ITEM_CHAR, .c = next_char(p, &i)});
		}
	}
	return 0;
}

static void pattern_release(struct pattern *pat)
{
	vec_release(&pat->items);
	vec_release(&pat->ranges);
}

static bool in_class(const struct pattern *pat, const struct item *it, uint32_t c)
{
	bool found = false;

	for (size_t k = it->from; k < it->from + it->n && !found; k++)
		found = c >= pat->ranges.v[k].lo && c <= pat->ranges.v[k].hi;
	return found != it->negated;
}

/* State k: the items before k have matched what was read. An item that may match nothing lets the next state in; ITEM_DIRS
 * does only at its start, so it has a state of its own while it is in the middle of a name. */
struct run {
	const struct pattern *pat;
	unsigned char *on;  /* n + 1 */
	unsigned char *mid; /* n */
};

static void close_states(struct run *r)
{
	for (size_t k = 0; k < r->pat->items.n; k++) {
		enum item_type t = r->pat->items.v[k].type;

		if (r->on[k] && (t == ITEM_STAR || t == ITEM_DIRS || t == ITEM_ALL))
			r->on[k + 1] = 1;
	}
}

/* What one character does to item k: bit 0 stays at it, bit 1 goes behind it, bit 2 in the middle of ITEM_DIRS. */
static unsigned item_step(const struct run *r, size_t k, uint32_t c)
{
	const struct item *it = &r->pat->items.v[k];

	switch (it->type) {
	case ITEM_CHAR:
		return it->c == c ? 2 : 0;
	case ITEM_ONE:
		return c != '/' ? 2 : 0;
	case ITEM_STAR:
		return c != '/';
	case ITEM_ALL:
		return 1;
	case ITEM_CLASS:
		return in_class(r->pat, it, c) ? 2 : 0;
	case ITEM_DIRS:
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

static void run_begin(struct run *r, const struct pattern *pat)
{
	r->pat = pat;
	r->on = mem_zalloc(2 * pat->items.n + 1);
	r->mid = r->on + pat->items.n + 1;
	r->on[0] = 1;
	close_states(r);
}

/* Whether the pattern matches the path itself or, with parents, a directory above it. */
static bool match_one(const struct pattern *pat, struct sv path, bool parents)
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

bool ignore_match(const struct ignore *ig, const char *path)
{
	bool out = false;

	if (!ig)
		return false;
	for (size_t i = 0; i < ig->patterns.n; i++) {
		const struct pattern *pat = &ig->patterns.v[i];

		/* A pattern that could not change the answer is not tried. */
		if (pat->again == out && match_one(pat, sv_from(path), true))
			out = !pat->again;
	}
	return out;
}

/* Whether the pattern may match something below dir. */
static bool may_match_below(const struct pattern *pat, const char *dir)
{
	struct sv path = sv_from(dir);
	struct run r;
	bool more = true;

	run_begin(&r, pat);
	for (size_t i = 0; i < path.n && more;)
		more = run_step(&r, next_char(path, &i));
	more = more && run_step(&r, '/');
	free(r.on);
	return more;
}

bool ignore_prune(const struct ignore *ig, const char *dir)
{
	if (!ignore_match(ig, dir))
		return false;
	/* What leaves dir out leaves out all below it too, so only what comes after the last such pattern can re-include. */
	for (size_t i = ig->patterns.n; i-- > 0;) {
		const struct pattern *pat = &ig->patterns.v[i];

		if (!pat->again && match_one(pat, sv_from(dir), true))
			return true;
		if (pat->again && may_match_below(pat, dir))
			return false;
	}
	return true;
}

int ignore_glob(const char *pattern, const char *path)
{
	struct pattern pat = {0};
	int rc = compile(&pat, sv_from(pattern));

	if (!rc)
		rc = match_one(&pat, sv_from(path), false);
	pattern_release(&pat);
	return rc;
}

/* Go's path.Clean: unlike path_clean(), ".." at the start of a relative path stays, so that such a pattern matches
 * nothing instead of something else. */
static char *clean_pattern(const char *p)
{
	AUTO_STRV struct strv parts = {0};
	struct sv rest = sv_from(p);
	bool rooted = *p == '/';
	AUTO_FREE char *joined = NULL;

	while (rest.p) {
		struct sv part = sv_cut(&rest, '/');

		if (!part.n || sv_eq_str(part, "."))
			continue;
		if (!sv_eq_str(part, "..") || (!rooted && (!parts.n || !strcmp(parts.v[parts.n - 1], ".."))))
			strv_take(&parts, sv_dup(part));
		else if (parts.n)
			free(parts.v[--parts.n]);
	}
	joined = strv_join(&parts, "/");
	if (!*joined)
		return mem_strdup(rooted ? "/" : ".");
	return mem_printf("%s%s", rooted ? "/" : "", joined);
}

/* One line of the file as a pattern; NULL for comments and empty lines. */
static char *line_pattern(struct sv line)
{
	AUTO_FREE char *raw = NULL, *clean = NULL;
	bool again;

	if (line.n && line.p[0] == '#')
		return NULL;
	line = dchar_trim(line);
	again = sv_starts(line, "!");
	if (again)
		line = dchar_trim(sv_sub(line, 1, line.n));
	if (!line.n)
		return again ? mem_strdup("!") : NULL;
	raw = sv_dup(line);
	clean = clean_pattern(raw);
	return mem_printf("%s%s", again ? "!" : "", clean[0] == '/' && clean[1] ? clean + 1 : clean);
}

static int bad_line(const char *name, unsigned line, struct err *e)
{
	return err_at(e, name, line, 1);
}

/* Read; lines (may be NULL) gets the line number of each pattern. */
struct lines {
	VEC_OF(unsigned) v;
};

static int read_lines(const char *name, struct sv text, struct strv *out, struct lines *lines, struct err *e)
{
	struct sv rest = text;
	unsigned n = 0;

	if (text.n > DIGNORE_MAX_BYTES) {
		err_set(e, ERR_INPUT, "the file has more than %zu bytes", DIGNORE_MAX_BYTES);
		return bad_line(name, 0, e);
	}
	if (sv_starts(rest, "\xef\xbb\xbf"))
		rest = sv_sub(rest, 3, rest.n);
	while (rest.p && rest.n) {
		struct sv line = sv_cut(&rest, '\n');
		char *p;

		n++;
		if (line.n > DIGNORE_PATTERN_MAX_BYTES || (line.n && memchr(line.p, 0, line.n))) {
			err_set(e, ERR_INPUT, "the line has a NUL character or more than %d bytes", DIGNORE_PATTERN_MAX_BYTES);
			return bad_line(name, n, e);
		}
		p = line_pattern(line);
		if (!p)
			continue;
		strv_take(out, p);
		if (lines)
			vec_push(&lines->v, n);
		if (out->n > DIGNORE_MAX_PATTERNS) {
			err_set(e, ERR_INPUT, "there are more than %d patterns", DIGNORE_MAX_PATTERNS);
			return bad_line(name, n, e);
		}
	}
	return 0;
}

int ignore_read(const char *name, struct sv text, struct strv *out, struct err *e)
{
	return read_lines(name, text, out, NULL, e);
}

static int bad_pattern(const char *p, struct err *e)
{
	err_set(e, ERR_INPUT, "bad pattern \"%s\"", p);
	return err_hint(e, "[ starts a list of characters that ] ends, ! stands before a pattern; \\ before a character "
			   "takes it as it is");
}

/* Index of the first bad pattern, -1 if all are good. */
static ssize_t add_all(struct ignore *ig, const struct strv *patterns)
{
	for (size_t i = 0; i < patterns->n; i++) {
		AUTO_FREE char *clean = NULL;
		AUTO_FREE char *trimmed = sv_dup(dchar_trim(sv_from(patterns->v[i])));
		struct pattern pat = {.again = trimmed[0] == '!'};

		if (!*trimmed)
			continue;
		clean = clean_pattern(trimmed);
		if (pat.again && !clean[1])
			return (ssize_t)i;
		if (compile(&pat, sv_from(clean + pat.again))) {
			pattern_release(&pat);
			return (ssize_t)i;
		}
		vec_push(&ig->patterns, pat);
	}
	return -1;
}

struct ignore *ignore_new(const struct strv *patterns, struct err *e)
{
	AUTO_IGNORE struct ignore *ig = mem_new(struct ignore);
	ssize_t bad = add_all(ig, patterns);

	if (bad >= 0) {
		bad_pattern(patterns->v[bad], e);
		return NULL;
	}
	return STEAL_PTR(ig);
}

struct ignore *ignore_parse(const char *name, struct sv text, struct err *e)
{
	AUTO_IGNORE struct ignore *ig = mem_new(struct ignore);
	AUTO_STRV struct strv patterns = {0};
	struct lines lines = {0};
	ssize_t bad = -1;
	int rc = read_lines(name, text, &patterns, &lines, e);

	if (!rc)
		bad = add_all(ig, &patterns);
	if (bad >= 0) {
		bad_pattern(patterns.v[bad], e);
		rc = bad_line(name, lines.v.v[bad], e);
	}
	vec_release(&lines.v);
	return rc ? NULL : STEAL_PTR(ig);
}

void ignore_free(struct ignore *ig)
{
	if (!ig)
		return;
	for (size_t i = 0; i < ig->patterns.n; i++)
		pattern_release(&ig->patterns.v[i]);
	vec_release(&ig->patterns);
	free(ig);
}
