/* .dockerignore: reading, matching, pruning. */
#include "src/dockerfile/ignore.h"

#include "src/dockerfile/dchar.h"
#include "src/dockerfile/dlimit.h"
#include "src/dockerfile/ipattern.h"
#include "src/util/mem.h"

struct ignore {
	VEC_OF(struct ipattern) patterns;
};

bool ignore_match(const struct ignore *ig, const char *path)
{
	bool out = false;

	if (!ig)
		return false;
	for (size_t i = 0; i < ig->patterns.n; i++) {
		const struct ipattern *pat = &ig->patterns.v[i];

		/* A pattern that could not change the answer is not tried. */
		if (pat->again == out && ipattern_match(pat, sv_from(path), true))
			out = !pat->again;
	}
	return out;
}

bool ignore_prune(const struct ignore *ig, const char *dir)
{
	if (!ignore_match(ig, dir))
		return false;
	/* What leaves dir out leaves out all below it too, so only what comes after the last such pattern can
	 * re-include. */
	for (size_t i = ig->patterns.n; i-- > 0;) {
		const struct ipattern *pat = &ig->patterns.v[i];

		if (!pat->again && ipattern_match(pat, sv_from(dir), true))
			return true;
		if (pat->again && ipattern_below(pat, sv_from(dir)))
			return false;
	}
	return true;
}

/* A pattern that leaves out a name which nobody gives a file leaves out every name. */
bool ignore_everything(const struct ignore *ig)
{
	bool out = false;

	for (size_t i = 0; ig && i < ig->patterns.n; i++) {
		const struct ipattern *pat = &ig->patterns.v[i];

		if (pat->again)
			out = false;
		else if (ipattern_match(pat, SV("\x01\x02slct\x02\x01"), true))
			out = true;
	}
	return out;
}

int ignore_glob(const char *pattern, const char *path)
{
	struct ipattern pat = {0};
	bool found;

	if (ipattern_compile(&pat, sv_from(pattern)))
		return -1;
	found = ipattern_match(&pat, sv_from(path), false);
	ipattern_release(&pat);
	return found;
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
			err_set(e, ERR_INPUT, "the line has a NUL character or more than %d bytes",
				DIGNORE_PATTERN_MAX_BYTES);
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
	return err_hint(e,
			"[ starts a list of characters that ] ends, ! stands before a pattern; \\ before a character "
			"takes it as it is");
}

/* Index of the first bad pattern, -1 if all are good. */
static ssize_t add_all(struct ignore *ig, const struct strv *patterns)
{
	for (size_t i = 0; i < patterns->n; i++) {
		AUTO_FREE char *clean = NULL;
		AUTO_FREE char *trimmed = sv_dup(dchar_trim(sv_from(patterns->v[i])));
		struct ipattern pat = {.again = trimmed[0] == '!'};

		if (!*trimmed)
			continue;
		clean = clean_pattern(trimmed);
		if (pat.again && !clean[1])
			return (ssize_t)i;
		if (ipattern_compile(&pat, sv_from(clean + pat.again)))
			return (ssize_t)i;
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
		ipattern_release(&ig->patterns.v[i]);
	vec_release(&ig->patterns);
	free(ig);
}
