/* References to git repositories. */
#include "src/dockerfile/dgit.h"

#include <stdlib.h>
#include <string.h>

#include "src/dockerfile/dcsv.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/sv.h"

#define GITHUB "github.com/"

/* URL, query and fragment; v.p is NULL of what is not there. */
struct parts {
	struct sv url, query, fragment;
};

static struct parts split(const char *text)
{
	struct parts p = {.fragment = sv_from(text)};

	p.query = sv_cut(&p.fragment, '#');
	p.url = sv_cut(&p.query, '?');
	return p;
}

static bool only(struct sv v, const char *more)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(more, c)))
			return false;
	}
	return v.n > 0;
}

/* USER@HOST:PATH, as of scp(1). */
static bool is_scp(struct sv url)
{
	struct sv host = url, user, path;

	user = sv_cut(&host, '@');
	path = host.p ? host : SV_NULL;
	host = path.p ? sv_cut(&path, ':') : SV_NULL;
	return path.p && only(user, "-_") && only(host, "-.");
}

bool dgit_is(const char *text)
{
	static const char *const always[] = {"git://", "ssh://"}, *const ending[] = {"http://", "https://", "file://"};
	struct sv url = split(text).url;

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		if (sv_starts(url, always[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(ending); i++)
		if (sv_starts(url, ending[i]))
			return sv_ends(url, ".git");
	return is_scp(url);
}

bool dgit_is_short(const char *text)
{
	return strncmp(text, GITHUB, strlen(GITHUB)) == 0 && strchr(text + strlen(GITHUB), '/');
}

void dgit_release(struct dgit *g)
{
	free(g->remote);
	free(g->ref);
	free(g->subdir);
	free(g->checksum);
	*g = (struct dgit){0};
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Percent escapes; in a query "+" is a space. A NUL stays as it is written. */
static char *decode(struct sv v, bool query)
{
	char *out = mem_alloc(v.n + 1), *p = out;

	for (size_t i = 0; i < v.n; i++) {
		int high = v.p[i] == '%' && i + 2 < v.n ? digit(v.p[i + 1]) : -1;
		int low = high < 0 ? -1 : digit(v.p[i + 2]);

		if (low >= 0 && (high || low)) {
			*p++ = (char)(high << 4 | low);
			i += 2;
		} else {
			*p++ = query && v.p[i] == '+' ? ' ' : v.p[i];
		}
	}
	*p = '\0';
	return out;
}

/* --- parameters --- */

static int conflict(const char *what, const char *a, const char *b, struct err *e)
{
	return err_set(e, ERR_INPUT, "git repository: two %s: \"%s\" and \"%s\"", what, a, b);
}

static int set_once(char **to, char *value, const char *what, struct err *e)
{
	AUTO_FREE char *v = value;

	if (*to && strcmp(*to, v) != 0)
		return conflict(what, *to, v, e);
	free(*to);
	*to = STEAL_PTR(v);
	return 0;
}

static int set_ref(struct dgit *g, const char *prefix, const char *value, struct err *e)
{
	bool full = strncmp(value, prefix, strlen(prefix)) == 0;

	return set_once(&g->ref, mem_printf("%s%s", full ? "" : prefix, value), "references", e);
}

static int param_ref(struct dgit *g, const char *value, struct err *e)
{
	return set_ref(g, "", value, e);
}

static int param_tag(struct dgit *g, const char *value, struct err *e)
{
	return set_ref(g, "refs/tags/", value, e);
}

static int param_branch(struct dgit *g, const char *value, struct err *e)
{
	return set_ref(g, "refs/heads/", value, e);
}

/* The reference makes "/" of what leads out; nobody means that. */
static int param_subdir(struct dgit *g, const char *value, struct err *e)
{
	const char *rel = value + strspn(value, "/");

	if (*rel && !path_is_beneath(rel))
		return err_set(e, ERR_INPUT, "\"%s\" leads out of the repository", value);
	return *rel ? set_once(&g->subdir, path_clean(rel), "directories", e) : 0;
}

static int param_checksum(struct dgit *g, const char *value, struct err *e)
{
	return set_once(&g->checksum, mem_strdup(value), "commits", e);
}

static int truth(const char *name, const char *value, bool *out, struct err *e)
{
	*out = true;
	if (!*value || dcsv_bool(sv_from(value), out) == 0)
		return 0;
	return err_set(e, ERR_INPUT, "git repository: %s=%s is neither true nor false", name, value);
}

static int param_keep(struct dgit *g, const char *value, struct err *e)
{
	bool on;

	if (truth("keep-git-dir", value, &on, e) < 0)
		return -1;
	g->keep_git_dir = on ? DGIT_YES : DGIT_NO;
	return 0;
}

static int param_submodules(struct dgit *g, const char *value, struct err *e)
{
	bool on;

	if (truth("submodules", value, &on, e) < 0)
		return -1;
	g->submodules = on ? DGIT_YES : DGIT_NO;
	return 0;
}

static int param_mtime(struct dgit *g, const char *value, struct err *e)
{
	g->mtime_commit = strcmp(value, "commit") == 0;
	if (g->mtime_commit || strcmp(value, "checkout") == 0)
		return 0;
	return err_set(e, ERR_INPUT, "git repository: mtime=%s: it is checkout or commit", value);
}

static int param_fetch(struct dgit *g, const char *value, struct err *e)
{
	return truth("fetch-by-commit", value, &g->fetch_by_commit, e);
}

static const struct param {
	const char *name;
	bool flag; /* may stand without a value */
	int (*set)(struct dgit *g, const char *value, struct err *e);
} params[] = {
	{"ref", false, param_ref},	     {"tag", false, param_tag},
	{"branch", false, param_branch},     {"subdir", false, param_subdir},
	{"checksum", false, param_checksum}, {"commit", false, param_checksum},
	{"keep-git-dir", true, param_keep},  {"submodules", true, param_submodules},
	{"mtime", false, param_mtime},	     {"fetch-by-commit", true, param_fetch},
};

static int set_param(struct dgit *g, struct sv item, unsigned *seen, struct err *e)
{
	struct sv raw = item, key = sv_cut(&raw, '=');
	AUTO_FREE char *name = decode(key, true), *value = decode(raw.p ? raw : SV(""), true);

	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		if (strcmp(params[i].name, name) != 0)
			continue;
		if (*seen >> i & 1)
			return err_set(e, ERR_INPUT, "git repository: %s stands twice", name);
		*seen |= 1u << i;
		if (!*value && !params[i].flag)
			return err_set(e, ERR_INPUT, "git repository: %s needs a value", name);
		return params[i].set(g, value, e);
	}
	err_set(e, ERR_INPUT, "git repository: unknown parameter \"%s\"", name);
	return err_hint(e, "known are ref, tag, branch, subdir, checksum, commit, keep-git-dir, submodules, mtime, "
			   "fetch-by-commit");
}

/* --- all of it --- */

static int take_fragment(struct dgit *g, struct sv fragment, struct err *e)
{
	AUTO_FREE char *text = decode(fragment, false);
	struct sv sub = sv_from(text), ref = sv_cut(&sub, ':');

	g->ref = ref.n ? sv_dup(ref) : NULL;
	AUTO_FREE char *dir = sub.p ? sv_dup(sub) : NULL;

	return dir ? param_subdir(g, dir, e) : 0;
}

int dgit_parse(const char *text, struct dgit *out, struct err *e)
{
	struct parts p = split(text);
	unsigned seen = 0;

	*out = (struct dgit){0};
	out->remote = mem_printf("%s%.*s", dgit_is_short(text) ? "https://" : "", SV_ARG(p.url));
	if (p.fragment.p && take_fragment(out, p.fragment, e) < 0)
		return -1;
	while (p.query.p) {
		struct sv item = sv_cut(&p.query, '&');

		if (item.n && set_param(out, item, &seen, e) < 0)
			return -1;
	}
	return 0;
}
