/* Named contexts from elsewhere. */
#include "src/build/ctxnamed.h"

#include <string.h>

#include "src/build/gitrepo.h"
#include "src/util/mem.h"

static bool is_foreign(const char *src)
{
	return strcmp(src, "-") != 0 && context_is_foreign(src);
}

/* The directory of a repository that will be the context's is known by its reference alone. */
static int place(struct build *b, const char *src, struct context_named *n, struct err *e)
{
	AUTO_GITREPO struct gitrepo g = {0};

	n->dir = context_place(b->s, &b->context, "named", e);
	if (!n->dir || (gitrepo_is(src) && gitrepo_parse(src, &g, e) < 0))
		return -1;
	n->root = g.at.subdir ? mem_printf("%s/%s", n->dir, g.at.subdir) : mem_strdup(n->dir);
	return 0;
}

int ctxnamed_add(struct build *b, const char *text, struct err *e)
{
	const char *eq = strchr(text, '=');

	if (!eq || eq == text || !is_foreign(eq + 1))
		return plan_add_named(b->plan, text, e);
	AUTO_FREE char *name = mem_strndup(text, (size_t)(eq - text));
	struct context_named n = {.text = mem_strdup(eq + 1)};
	int rc = place(b, n.text, &n, e);

	if (rc == 0)
		rc = plan_add_named_dir(b->plan, name, n.root, &n.source, e);
	vec_push(&b->context.named, n);
	return rc < 0 ? err_wrap(e, "--build-context %s", name) : 0;
}

static bool step_uses(const struct plan_step *s, size_t source)
{
	if (s->kind == PLAN_COPY && s->copy.origin == PLAN_FROM_CONTEXT && s->copy.index == source)
		return true;
	for (size_t i = 0; i < s->mounts.n; i++)
		if (s->mounts.v[i].m.from && s->mounts.v[i].origin == PLAN_FROM_CONTEXT &&
		    s->mounts.v[i].index == source)
			return true;
	return false;
}

static bool is_used(const struct plan *p, size_t source)
{
	for (size_t i = 0; i < p->stages.n; i++)
		for (size_t k = 0; p->stages.v[i].evaluated && k < p->stages.v[i].steps.n; k++)
			if (step_uses(&p->stages.v[i].steps.v[k], source))
				return true;
	return false;
}

int ctxnamed_fetch(struct build *b, struct err *e)
{
	for (size_t i = 0; i < b->context.named.n; i++) {
		const struct context_named *n = &b->context.named.v[i];

		if (is_used(b->plan, n->source) && context_fetch(b->s, &b->context, b->o, n->text, n->dir, e) < 0)
			return err_wrap(e, "named context %s", n->text);
	}
	return 0;
}
