/* source_select(): patterns of COPY and ADD against a source. */
#include <dirent.h>
#include <string.h>
#include <strings.h>

#include "src/plan/source.h"
#include "src/plan/srcwalk.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/nearest.h"
#include "src/util/path.h"

/* Names that are looked through for one that was perhaps meant. */
#define NEAR_NAMES_MAX 10000

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

/* Whether a path with ".." leads out of where it begins. */
static bool leads_out(const char *path)
{
	struct sv rest = sv_from(path);
	int depth = 0;

	while (rest.p && depth >= 0) {
		struct sv part = sv_cut(&rest, '/');

		if (sv_eq_str(part, ".."))
			depth--;
		else if (part.n && !sv_eq_str(part, "."))
			depth++;
	}
	return depth < 0;
}

/* What lies beside the missing path on the disk and has a name like it. The context is a directory here. */
static void hint_near(const char *context, const char *pattern, struct err *e)
{
	AUTO_FREE char *at = normalise(pattern);
	char *slash = strrchr(at, '/');
	AUTO_FREE char *folder = slash ? mem_printf("%s/%.*s", context, (int)(slash - at), at) : mem_strdup(context);
	AUTO_CLOSEDIR DIR *dir = opendir(folder);
	struct nearest near = NEAREST_INIT(slash ? slash + 1 : at);
	AUTO_STRV struct strv names = {0};
	const struct dirent *ent;

	for (size_t n = 0; dir && n < NEAR_NAMES_MAX && (ent = readdir(dir)); n++)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			strv_add(&names, ent->d_name);
	strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		nearest_offer(&near, names.v[i]);
		if (strcasecmp(names.v[i], near.want) == 0) {
			near = (struct nearest){near.want, names.v[i], 1};
			break;
		}
	}
	if (near.best && near.distance)
		err_hint(e, "did you mean %.*s%s? Paths are relative to the build context, %s",
			 slash ? (int)(slash + 1 - at) : 0, at, near.best, context);
	else
		err_hint(e, "paths are relative to the build context, %s", context);
}

static int not_found(const struct source_set *s, const char *pattern, bool ignored, struct err *e)
{
	bool plain = s->rootfd < 0 && s->parts.n == 1 && !s->parts.v[0].dest[0] && s->parts.v[0].path;

	err_set(e, ERR_INPUT, "\"%s\": no such file or directory in the %s", pattern,
		s->rootfd >= 0 ? "source" : "build context");
	if (ignored)
		err_hint(e, "the ignore file leaves it out; add a line \"!%s\" to it", pattern);
	else if (s->rootfd < 0 && leads_out(pattern))
		err_hint(e, "no path leads out of the build context: build a directory further up, with -f, or name "
			    "the other "
			    "one by --build-context NAME=DIR and write COPY --from=NAME");
	else if (plain)
		hint_near(s->parts.v[0].path, pattern, e);
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

static int select_pattern(const struct source_set *s, const char *pattern, struct source_list *out, struct err *e)
{
	AUTO_FREE char *p = normalise(pattern);
	bool wild = has_wildcard(p);

	out->wildcard |= wild;
	return wild ? select_wildcard(s, p, out, e) : select_literal(s, p, pattern, out, e);
}

/* --- filters --- */

struct filter {
	struct ignore *include; /* NULL: everything */
	struct ignore *exclude; /* NULL: nothing */
};

static bool is_picked(const struct filter *f, const struct source_entry *en)
{
	return (!f->include || ignore_match(f->include, en->rel)) && !ignore_match(f->exclude, en->rel);
}

static bool is_below(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(dir, path, n) == 0 && path[n] == '/';
}

/* Index of each entry's directory; entries come parents first. */
static size_t *find_parents(const struct source_match *m)
{
	size_t *up = mem_array(m->entries.n, sizeof *up);

	for (size_t i = 1; i < m->entries.n; i++)
		for (up[i] = i - 1; up[i] && !is_below(m->entries.v[up[i]].rel, m->entries.v[i].rel);)
			up[i] = up[up[i]];
	return up;
}

static void drop_entry(struct source_entry *en)
{
	free(en->rel);
	free(en->target);
	free(en->open_path);
}

/* Keep what is picked and the directories that lead there; the match itself always stays. */
static void filter_match(const struct filter *f, struct source_match *m)
{
	AUTO_FREE size_t *up = find_parents(m);
	AUTO_FREE bool *keep = mem_zalloc(m->entries.n);
	size_t n = 1;

	for (size_t i = m->entries.n; i-- > 1;) {
		m->entries.v[i].passage = !is_picked(f, &m->entries.v[i]);
		keep[i] |= !m->entries.v[i].passage;
		keep[up[i]] |= keep[i];
	}
	for (size_t i = 1; i < m->entries.n; i++) {
		if (keep[i])
			m->entries.v[n++] = m->entries.v[i];
		else
			drop_entry(&m->entries.v[i]);
	}
	m->entries.n = n;
}

static void filter_list(const struct filter *f, struct source_list *l, size_t first)
{
	for (size_t i = first; i < l->matches.n; i++) {
		size_t before = l->matches.v[i].entries.n;

		if (before)
			filter_match(f, &l->matches.v[i]);
		l->entries -= before - l->matches.v[i].entries.n;
	}
}

/* --- parents --- */

static bool has_entry(const struct source_list *l, size_t first, const char *rel)
{
	for (size_t i = first; i < l->matches.n; i++)
		for (size_t k = 0; k < l->matches.v[i].entries.n; k++)
			if (strcmp(l->matches.v[i].entries.v[k].rel, rel) == 0)
				return true;
	return false;
}

/* "a/./b/c": everything starts from a, and b is kept; without "/./" from the source's root. */
static int select_with_parents(const struct source_set *s, const char *pattern, struct filter *f,
			       struct source_list *out, struct err *e)
{
	const char *pivot = strstr(pattern, "/./");
	AUTO_FREE char *start = pivot ? mem_strndup(pattern, (size_t)(pivot - pattern)) : mem_strdup("");
	AUTO_FREE char *rest = normalise(pivot ? pivot + 2 : pattern);
	AUTO_STRV struct strv one = {0};
	size_t first = out->matches.n;

	strv_add(&one, rest);
	f->include = rest[0] ? ignore_new(&one, e) : NULL;
	if ((rest[0] && !f->include) || select_pattern(s, start, out, e) < 0)
		return -1;
	filter_list(f, out, first);
	ignore_free(f->include);
	f->include = NULL;
	if (has_wildcard(start) || has_wildcard(rest) || has_entry(out, first, rest))
		return 0;
	return not_found(s, pattern, false, e);
}

static int select_all(const struct source_set *s, const struct source_query *q, struct filter *f,
		      struct source_list *out, struct err *e)
{
	for (size_t i = 0; i < q->patterns->n; i++) {
		const char *pattern = q->patterns->v[i];

		if ((q->parents ? select_with_parents(s, pattern, f, out, e) : select_pattern(s, pattern, out, e)) < 0)
			return -1;
	}
	if (f->exclude && !q->parents)
		filter_list(f, out, 0);
	return 0;
}

int source_select(const struct source_set *s, const struct source_query *q, struct source_list *out, struct err *e)
{
	struct filter f = {0};

	*out = (struct source_list){0};
	if (q->excludes && q->excludes->n) {
		f.exclude = ignore_new(q->excludes, e);
		if (!f.exclude)
			return -1;
	}
	int rc = select_all(s, q, &f, out, e);

	ignore_free(f.include);
	ignore_free(f.exclude);
	return rc;
}
