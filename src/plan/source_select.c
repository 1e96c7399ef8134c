/* source_select(): patterns of COPY and ADD against a source. */
#include <string.h>

#include "src/plan/source.h"
#include "src/plan/srcwalk.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* As filepath.Match of the reference: these characters begin something that is not literal. */
static bool has_wildcard(const char *s)
{
	return strpbrk(s, "*?[\\") != NULL;
}

/* The directories before the first component with a wildcard. */
static char *literal_prefix(const char *pattern)
{
	size_t first = strcspn(pattern, "*?[\\");

	while (first > 0 && pattern[first - 1] != '/')
		first--;
	return mem_strndup(pattern, first ? first - 1 : 0);
}

/* Relative to the root whatever ".." there are, as the reference does. */
static char *normalise(const char *pattern)
{
	AUTO_FREE char *abs = mem_printf("/%s", pattern);
	AUTO_FREE char *clean = path_clean(abs);

	return mem_strdup(clean + 1);
}

static void push_match(struct source_list *out, struct source_match *m)
{
	out->entries += m->entries.n;
	vec_push(&out->matches, *m);
}

static int not_found(const struct source_set *s, const char *pattern, bool ignored, struct err *e)
{
	err_set(e, ERR_INPUT, "\"%s\": no such file or directory in the %s", pattern,
		s->rootfd >= 0 ? "source" : "build context");
	if (ignored)
		err_hint(e, "the ignore file leaves it out; add a line \"!%s\" to it", pattern);
	return -1;
}

static int select_literal(const struct source_set *s, const char *at, const char *pattern, struct source_list *out,
			  struct err *e)
{
	struct source_match m = {.path = mem_strdup(at)};
	bool ignored = false;

	if (srcwalk_collect(s, at, &m, &ignored, e) < 0) {
		push_match(out, &m);
		return -1;
	}
	push_match(out, &m);
	return m.entries.n ? 0 : not_found(s, pattern, ignored, e);
}

/* Whether `path` lies below the last match already taken. */
static bool is_covered(const struct source_list *out, size_t first, const char *path)
{
	if (out->matches.n == first)
		return false;
	const char *last = out->matches.v[out->matches.n - 1].path;
	size_t n = strlen(last);

	return strncmp(last, path, n) == 0 && path[n] == '/';
}

static int select_wildcard(const struct source_set *s, const char *pattern, struct source_list *out, struct err *e)
{
	AUTO_FREE char *prefix = literal_prefix(pattern);
	struct source_match all = {.path = mem_strdup(prefix)};
	struct source_list scratch = {0};
	bool ignored = false;
	size_t first = out->matches.n;
	int rc = srcwalk_collect(s, prefix, &all, &ignored, e);

	push_match(&scratch, &all);
	for (size_t i = 0; rc == 0 && i < all.entries.n; i++) {
		const char *rel = all.entries.v[i].rel;
		AUTO_FREE char *path = prefix[0] ? mem_printf("%s/%s", prefix, rel) : mem_strdup(rel);

		if (!rel[0] || is_covered(out, first, path))
			continue;
		int hit = ignore_glob(pattern, path);

		if (hit < 0)
			rc = err_set(e, ERR_INPUT, "\"%s\" is not a valid pattern", pattern);
		else if (hit)
			rc = select_literal(s, path, path, out, e);
	}
	source_list_release(&scratch);
	return rc;
}

int source_select(const struct source_set *s, const struct strv *patterns, struct source_list *out, struct err *e)
{
	*out = (struct source_list){0};
	for (size_t i = 0; i < patterns->n; i++) {
		AUTO_FREE char *p = normalise(patterns->v[i]);
		bool wild = has_wildcard(p);

		out->wildcard |= wild;
		if ((wild ? select_wildcard(s, p, out, e) : select_literal(s, p, patterns->v[i], out, e)) < 0)
			return -1;
	}
	return 0;
}
