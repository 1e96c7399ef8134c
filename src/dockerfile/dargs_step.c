/* Instructions in their scope: the expanded copy of one, and what it does to the variables. */
#include <string.h>

#include "src/dockerfile/dargs_priv.h"
#include "src/dockerfile/dexpand.h"
#include "src/dockerfile/dlimit.h"
#include "src/dockerfile/dmount.h"
#include "src/dockerfile/dparse.h"
#include "src/util/mem.h"

static const char *lookup(void *ctx, struct sv name)
{
	const struct dargs *d = ctx;
	AUTO_FREE char *key = sv_dup(name);

	return smap_get(&d->vars, key);
}

/* What all expansions of one instruction share. */
struct expansion {
	struct dargs *d;
	const struct dast_instr *in;
	struct dexpand_env env;
	struct dexpand_opts o;
	size_t bytes; /* made so far */
	struct err *e;
};

static void begin(struct expansion *x, struct dargs *d, const struct dast_instr *in, struct err *e)
{
	*x = (struct expansion){.d = d, .in = in, .e = e};
	x->env = (struct dexpand_env){lookup, d};
	x->o = (struct dexpand_opts){.escape = in->escape, .env = &x->env, .unmatched = &d->undefined};
}

static int at(struct expansion *x, struct dast_pos pos)
{
	return dparse_err_in(x->in, pos, x->e);
}

static int count(struct expansion *x, size_t n, struct dast_pos pos)
{
	x->bytes += n;
	if (x->bytes <= DARGS_MAX_BYTES)
		return 0;
	err_set(x->e, ERR_INPUT, "the expanded instruction has more than %zu bytes", DARGS_MAX_BYTES);
	return at(x, pos);
}

/* Replace a string of the copy by its expansion. */
static int word(struct expansion *x, char **s, struct dast_pos pos)
{
	char *out;

	if (dexpand_word(sv_from(*s), &x->o, &out, x->e))
		return at(x, pos);
	dast_replace(s, out);
	return count(x, strlen(out), pos);
}

static int set_value(struct expansion *x, struct smap *m, const struct dast_pair *p)
{
	x->d->bytes += strlen(p->key) + strlen(p->value);
	if (x->d->bytes > DARGS_MAX_BYTES) {
		err_set(x->e, ERR_INPUT, "all variables together have more than %zu bytes", DARGS_MAX_BYTES);
		return at(x, p->pos);
	}
	smap_set_str(m, p->key, p->value);
	return 0;
}

static int expand_flag(struct expansion *x, struct dast_flag *f)
{
	char *out;

	if (strcmp(f->name, "mount") != 0)
		return word(x, &f->value, f->pos);
	if (dmount_expand(sv_from(f->value), &x->o, &out, x->e))
		return at(x, f->pos);
	dast_replace(&f->value, out);
	return count(x, strlen(out), f->pos);
}

static int expand_flags(struct expansion *x, struct dast_instr *c)
{
	for (size_t i = 0; i < c->flags.n; i++) {
		struct dast_flag *f = &c->flags.v[i];
		const struct dast_flag_info *info = dast_info(c->kind)->flags;

		while (info->name && strcmp(info->name, f->name) != 0)
			info++;
		if (info->name && info->expanded && f->value && expand_flag(x, f))
			return -1;
	}
	return 0;
}

static int expand_words(struct expansion *x, struct dast_instr *c)
{
	for (size_t i = 0; i < c->words.n; i++) {
		struct dast_word *w = &c->words.v[i];

		if (w->heredoc)
			continue;
		if (word(x, &w->s, w->pos))
			return -1;
		w->n = strlen(w->s);
	}
	return 0;
}

/* Words of EXPOSE: each may become several. */
static int expand_split(struct expansion *x, struct dast_instr *c)
{
	__typeof__(c->words) old = c->words;
	int rc = 0;

	memset(&c->words, 0, sizeof(c->words));
	for (size_t i = 0; i < old.n; i++) {
		AUTO_STRV struct strv out = {0};

		if (!rc && dexpand_words(sv_from(old.v[i].s), &x->o, &out, x->e))
			rc = at(x, old.v[i].pos);
		for (size_t k = 0; !rc && k < out.n; k++) {
			dast_word_add(c, sv_from(out.v[k]), old.v[i].pos);
			rc = count(x, strlen(out.v[k]), old.v[i].pos);
		}
		free(old.v[i].s);
	}
	vec_release(&old);
	return rc;
}

static int blank_key(struct expansion *x, const struct dast_pair *p)
{
	if (p->key[0])
		return 0;
	err_set(x->e, ERR_INPUT, "a name is empty once its variables are expanded");
	return at(x, p->pos);
}

static int expand_pairs(struct expansion *x, struct dast_instr *c)
{
	for (size_t i = 0; i < c->pairs.n; i++) {
		struct dast_pair *p = &c->pairs.v[i];

		if (word(x, &p->key, p->pos) || blank_key(x, p) || word(x, &p->value, p->pos))
			return -1;
	}
	if (c->kind != DAST_ENV)
		return 0;
	for (size_t i = 0; i < c->pairs.n; i++) {
		const struct dast_pair *p = &c->pairs.v[i];

		if (set_value(x, &x->d->vars, p))
			return -1;
		smap_set_str(&x->d->env, p->key, p->value);
	}
	return 0;
}

/* The value of one ARG: build argument, default, value of the global scope, or none. */
static int arg_value(struct expansion *x, struct dast_pair *p)
{
	struct dargs *g = x->d->global;
	const char *given = smap_get(&g->given, p->key);

	if (given) {
		smap_set_str(&g->used, p->key, "");
		dast_replace(&p->value, mem_strdup(given));
		return 0;
	}
	if (p->value)
		return word(x, &p->value, p->pos);
	if (x->d != g)
		p->value = mem_strdup_opt(smap_get(&g->vars, p->key));
	return 0;
}

static int expand_args(struct expansion *x, struct dast_instr *c)
{
	for (size_t i = 0; i < c->pairs.n; i++) {
		struct dast_pair *p = &c->pairs.v[i];

		if (arg_value(x, p))
			return -1;
		if (p->value && set_value(x, &x->d->vars, p))
			return -1;
		smap_set_str(&x->d->args, p->key, "");
	}
	return 0;
}

/* Bodies of COPY and ADD: quotes are ordinary characters there, and the escape is always the backslash. */
static int expand_heredocs(struct expansion *x, struct dast_instr *c)
{
	struct dexpand_opts o = x->o;

	o.escape = '\\';
	o.flags = DEXPAND_NO_QUOTES;
	for (size_t i = 0; i < c->heredocs.n; i++) {
		struct dast_heredoc *h = &c->heredocs.v[i];
		AUTO_FREE char *text = NULL;
		char *out;

		if (!h->expand)
			continue;
		text = dast_heredoc_text(h);
		if (dexpand_word(sv_from(text), &o, &out, x->e))
			return at(x, h->pos);
		dast_replace(&h->content, out);
		h->content_n = strlen(out);
		h->chomp = false;
		if (count(x, h->content_n, h->pos))
			return -1;
	}
	return 0;
}

/* A stage or image must be known before the build starts, so --from does not take variables. */
static int check_from(struct expansion *x, const struct dast_instr *c)
{
	for (size_t i = 0; i < c->flags.n; i++) {
		const struct dast_flag *f = &c->flags.v[i];

		if (c->kind != DAST_COPY || strcmp(f->name, "from") != 0 || !strchr(f->value, '$'))
			continue;
		err_set(x->e, ERR_INPUT, "variables are not expanded in --from=%s", f->value);
		err_hint(x->e, "add a stage FROM that image with a name, and copy --from the name");
		return at(x, f->pos);
	}
	return 0;
}

static int expand_operands(struct expansion *x, struct dast_instr *c)
{
	switch (dast_info(c->kind)->expand) {
	case DAST_EXPAND_WORD:
		return expand_words(x, c);
	case DAST_EXPAND_SPLIT:
		return expand_split(x, c);
	case DAST_EXPAND_PAIRS:
		return expand_pairs(x, c);
	case DAST_EXPAND_ARG:
		return expand_args(x, c);
	case DAST_EXPAND_NONE:
	case DAST_EXPAND_FROM:
	default:
		return 0;
	}
}

static struct dast_instr *expanded(struct dargs *d, const struct dast_instr *in, struct err *e)
{
	AUTO_DAST_INSTR struct dast_instr *c = dast_instr_copy(in);
	struct expansion x;

	begin(&x, d, in, e);
	if (check_from(&x, c) || expand_flags(&x, c) || expand_operands(&x, c))
		return NULL;
	if (dast_info(c->kind)->heredoc_vars && expand_heredocs(&x, c))
		return NULL;
	return STEAL_PTR(c);
}

struct dast_instr *dargs_step(struct dargs *s, const struct dast_instr *in, struct err *e)
{
	return expanded(s, in, e);
}

int dargs_meta(struct dargs *g, const struct dast_instr *in, struct err *e)
{
	AUTO_DAST_INSTR struct dast_instr *c = expanded(g, in, e);

	return c ? 0 : -1;
}

int dargs_from(struct dargs *g, const struct dast_instr *from, char **image, char **platform, struct err *e)
{
	AUTO_FREE char *name = mem_strdup(from->words.v[0].s), *plat = mem_strdup_opt(dast_flag(from, "platform"));
	struct expansion x;

	begin(&x, g, from, e);
	if (word(&x, &name, from->words.v[0].pos) || (plat && word(&x, &plat, from->flags.v[0].pos)))
		return -1;
	if (!*name) {
		err_set(e, ERR_INPUT, "the image is empty: \"%s\" has no value", from->words.v[0].s);
		err_hint(e, "give the ARG before FROM a default, or the build a --build-arg");
		return at(&x, from->words.v[0].pos);
	}
	*image = STEAL_PTR(name);
	*platform = STEAL_PTR(plat);
	return 0;
}
