/* COPY and ADD. */
#include <string.h>

#include "src/dockerfile/dgit.h"
#include "src/dockerfile/dmode.h"
#include "src/plan/plan_eval.h"
#include "src/plan/plan_history.h"
#include "src/plan/plan_ref.h"
#include "src/util/mem.h"
#include "src/util/path.h"

static bool is_url(const char *s)
{
	return strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0;
}

static void copy_doc(struct plan_copy *c, const struct dast_heredoc *h)
{
	struct plan_doc doc = {.name = mem_strdup(h->name)};

	if (h->chomp) {
		doc.text = dast_heredoc_text(h);
		doc.n = strlen(doc.text);
	} else {
		doc.text = mem_dup(h->content, h->content_n);
		doc.n = h->content_n;
	}
	vec_push(&c->docs, doc);
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return p ? (int)(p - digits) : -1;
}

static char *decoded(struct sv v)
{
	char *out = mem_alloc(v.n + 1), *p = out;

	for (size_t i = 0; i < v.n; i++) {
		int high = v.p[i] == '%' && i + 2 < v.n ? hex_digit(v.p[i + 1]) : -1;
		int low = high < 0 ? -1 : hex_digit(v.p[i + 2]);

		*p++ = (char)(low < 0 ? v.p[i] : high << 4 | low);
		i += low < 0 ? 0 : 2;
	}
	*p = '\0';
	return out;
}

char *plan_remote_name(const char *url)
{
	const char *start = strstr(url, "://");
	struct sv path = sv_from(start ? start + 3 : url);
	AUTO_FREE char *clean = NULL;

	path.n = strcspn(path.p, "?#");
	path = sv_sub(path, sv_find(path, '/') < 0 ? path.n : (size_t)sv_find(path, '/'), path.n);
	AUTO_FREE char *text = decoded(path);
	size_t n = strlen(text);

	while (n && text[n - 1] == '/')
		text[--n] = '\0';
	clean = mem_strdup(path_base(text));
	return clean[0] && strcmp(clean, ".") != 0 && strcmp(clean, "..") != 0 ? STEAL_PTR(clean)
									       : mem_strdup("__unnamed__");
}

/* What the reference of a repository says, and the instruction's flags. */
static int remote_git(struct plan_eval *v, struct plan_remote *r, struct err *e)
{
	AUTO_DGIT struct dgit g = {0};
	bool flag = dast_flag(v->x, "keep-git-dir") != NULL;

	if (dgit_parse(r->url, &g, e) < 0)
		return -1;
	if (flag && g.keep_git_dir && r->keep_git != (g.keep_git_dir == DGIT_YES))
		return err_set(e, ERR_INPUT, "ADD --keep-git-dir and %s contradict each other", r->url);
	if (r->checksum && g.checksum && strcmp(r->checksum, g.checksum) != 0)
		return err_set(e, ERR_INPUT, "ADD --checksum=%s and %s contradict each other", r->checksum, r->url);
	r->keep_git = r->keep_git || g.keep_git_dir == DGIT_YES;
	r->submodules = g.submodules != DGIT_NO;
	r->subdir = STEAL_PTR(g.subdir);
	return 0;
}

static int remote_file(const struct plan_remote *r, struct err *e)
{
	struct digest d;

	if (r->checksum && digest_parse(sv_from(r->checksum), &d, ERR_INPUT, e) < 0)
		return err_wrap(e, "--checksum");
	return 0;
}

static int copy_remote(struct plan_eval *v, struct plan_copy *c, const char *url, struct err *e)
{
	struct plan_remote r = {.url = mem_strdup(url), .git = dgit_is(url)};

	r.keep_git = dast_flag_bool(v->x, "keep-git-dir");
	r.checksum = mem_strdup_opt(dast_flag(v->x, "checksum"));
	int rc = r.git ? remote_git(v, &r, e) : remote_file(&r, e);

	vec_push(&c->remotes, r);
	return rc;
}

static int copy_source(struct plan_eval *v, struct plan_copy *c, const char *w, struct err *e)
{
	bool add = v->x->kind == DAST_ADD;

	if (add && (dgit_is(w) || is_url(w)))
		return copy_remote(v, c, w, e);
	if (dgit_is(w) || is_url(w)) {
		err_set(e, ERR_INPUT, "COPY takes files of the context; %s is elsewhere", w);
		return err_hint(e, "ADD takes URLs and git repositories");
	}
	strv_add(&c->sources, w);
	return 0;
}

static int copy_sources(struct plan_eval *v, struct plan_copy *c, struct err *e)
{
	for (size_t i = 0; i + 1 < v->x->words.n; i++) {
		const struct dast_heredoc *h = dast_heredoc_of(v->x, i);

		if (h)
			copy_doc(c, h);
		else if (copy_source(v, c, v->x->words.v[i].s, e) < 0)
			return -1;
	}
	return 0;
}

/* The reference: relative to WORKDIR; "", "." and a trailing slash mean a directory. */
static char *copy_dest(const struct plan_eval *v, const char *dest)
{
	AUTO_FREE char *abs = plan_eval_below_workdir(v, dest);
	size_t n = strlen(dest);
	bool dir = n == 0 || strcmp(dest, ".") == 0 || dest[n - 1] == '/';

	return dir && abs[1] ? mem_printf("%s/", abs) : STEAL_PTR(abs);
}

static int copy_origin(struct plan_eval *v, struct plan_copy *c, struct err *e)
{
	const char *name = dast_flag(v->x, "from");
	struct plan_from from = {PLAN_FROM_CONTEXT, v->st->source};

	if (name && plan_ref_resolve(v->plan, v->at, name, true, PLAN_EDGE_COPY, &from, e) < 0)
		return -1;
	c->origin = from.origin;
	c->index = from.index;
	if (v->trigger && !plan_ref_ready(v->plan, &from))
		return plan_eval_unsupported(
			v, "COPY --from in an ONBUILD trigger, of what the Dockerfile does not need", e);
	return 0;
}

static int copy_flags(struct plan_eval *v, struct plan_copy *c, struct err *e)
{
	struct dmode mode;
	const char *pattern;

	c->unpack = v->x->kind == DAST_ADD;
	if (dast_flag(v->x, "unpack"))
		c->unpack = c->unpack_remote = dast_flag_bool(v->x, "unpack");
	c->parents = dast_flag_bool(v->x, "parents");
	for (size_t i = 0; (pattern = dast_flag_nth(v->x, "exclude", i)); i++)
		strv_add(&c->excludes, pattern);
	c->chown = mem_strdup_opt(dast_flag(v->x, "chown"));
	c->chmod = mem_strdup_opt(dast_flag(v->x, "chmod"));
	/* With --chmod the reference copies in the ordinary way. */
	c->link = dast_flag_bool(v->x, "link") && !c->chmod;
	return c->chmod ? dmode_parse(c->chmod, &mode, e) : 0;
}

int plan_eval_copy(struct plan_eval *v, struct err *e)
{
	struct plan_step *s = plan_eval_step(v, PLAN_COPY);
	struct plan_copy *c = &s->copy;

	s->created_by = plan_history_copy(v->x);
	c->dest = copy_dest(v, v->x->words.v[v->x->words.n - 1].s);
	if (copy_flags(v, c, e) < 0 || copy_sources(v, c, e) < 0)
		return -1;
	if (dast_flag(v->x, "checksum") && (c->remotes.n != 1 || c->sources.n || c->docs.n))
		return err_set(e, ERR_INPUT, "--checksum is for one source, a URL or a git repository");
	return copy_origin(v, c, e);
}
