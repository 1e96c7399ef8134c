/* The file as the rules see it: instructions with what they expand to, comments, stages. */
#include "src/dockerfile/dlint_rule.h"

#include "src/dockerfile/dexpand.h"
#include "src/util/mem.h"
#include "src/util/nearest.h"

/* What a stage has if its image sets none. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct making {
	struct dlint_view *v;
	struct dargs *defaults; /* the global scope without build arguments */
	struct err *e;		/* the first error */
};

/* --- comments --- */

static void split_lines(struct dlint_view *v)
{
	struct sv rest = sv_of(v->l->file->text, v->l->file->text_n);

	while (rest.p) {
		struct sv line = sv_cut(&rest, '\n');

		vec_push(&v->lines, sv_ends(line, "\r") ? sv_sub(line, 0, line.n - 1) : line);
	}
}

struct sv dlint_view_line(const struct dlint_view *v, unsigned line)
{
	return line && line <= v->lines.n ? v->lines.v[line - 1] : SV("");
}

/* The text of a comment line; p NULL: the line is none. */
static struct sv comment_of(struct sv line)
{
	line = sv_trim(line);
	return sv_starts(line, "#") ? sv_trim(sv_sub(line, 1, line.n)) : SV_NULL;
}

static bool is_directive(struct sv comment)
{
	struct sv rest = comment, name = sv_trim(sv_cut(&rest, '='));

	return rest.p && (sv_ieq_str(name, "syntax") || sv_ieq_str(name, "escape") || sv_ieq_str(name, "check"));
}

/* Parser directives: the lines from the first on that look like one. They belong to the file. */
static unsigned directives_end(const struct dlint_view *v)
{
	unsigned line = 1;

	while (comment_of(dlint_view_line(v, line)).p && is_directive(comment_of(dlint_view_line(v, line))))
		line++;
	return line;
}

/* The comments since the instruction before. A bad "check=" there is a comment like others. */
static void read_comments(struct dlint_view *v, struct dlint_item *it, unsigned from)
{
	struct err ignored = ERR_INIT;

	for (unsigned line = from; line < it->in->first_line; line++) {
		struct sv c = comment_of(dlint_view_line(v, line)), check = c.p ? dlint_directive_of(c) : SV_NULL;

		it->comment = c.n ? c : SV_NULL;
		/* What follows a blank is a remark. */
		if (check.p && dlint_directive_parse(sv_cut(&check, ' '), &it->own, &ignored))
			err_release(&ignored);
	}
}

/* --- expansion --- */

static void keep_error(struct making *m, struct err *e)
{
	if (m->e->code == ERR_NONE)
		err_move(m->e, e);
	else
		err_release(e);
}

static const char *lookup(void *ctx, struct sv name)
{
	AUTO_FREE char *key = sv_dup(name);

	return dargs_get(ctx, key);
}

static char *expand_from(struct making *m, struct dargs *scope, const struct dast_instr *from, const char *text,
			 struct strv *set, struct strv *unset)
{
	struct dexpand_env env = {lookup, scope};
	struct dexpand_opts o = {.escape = from->escape, .env = &env, .matched = set, .unmatched = unset};
	struct err e = ERR_INIT;
	char *out = NULL;

	if (dexpand_word(sv_from(text), &o, &out, &e) == 0)
		return out;
	err_wrap(&e, "FROM %s", text);
	err_at(&e, m->v->l->file->name, from->pos.line, from->pos.col);
	keep_error(m, &e);
	return NULL;
}

/* Whether an ARG declares the name: then nobody slipped, it only has no value. */
static bool declared(const struct strv *args, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < args->n; i++)
		if (!strncmp(args->v[i], name, n) && (args->v[i][n] == '=' || !args->v[i][n]))
			return true;
	return false;
}

static void add_undefined(struct dlint_item *it, const struct dargs *scope, const struct strv *names)
{
	AUTO_STRV struct strv args = {0};

	dargs_declared(scope, &args);
	for (size_t i = 0; i < names->n; i++)
		if (!declared(&args, names->v[i]) && !strv_has(&it->undefined, names->v[i]))
			strv_add(&it->undefined, names->v[i]);
}

/* Names of "K=V". */
static void add_candidates(struct dlint_item *it, const struct strv *env)
{
	for (size_t i = 0; it->undefined.n && i < env->n; i++) {
		struct sv rest = sv_from(env->v[i]);

		strv_take(&it->candidates, sv_dup(sv_cut(&rest, '=')));
	}
}

static struct dlint_item *add_item(struct making *m, const struct dast_instr *in, size_t stage)
{
	struct dlint_view *v = m->v;
	unsigned from = v->items.n ? v->items.v[v->items.n - 1].in->last_line + 1 : directives_end(v);

	vec_push(&v->items, (struct dlint_item){.in = in, .stage = stage});
	read_comments(v, &v->items.v[v->items.n - 1], from);
	return &v->items.v[v->items.n - 1];
}

static void make_meta(struct making *m, const struct dast_instr *in)
{
	struct err e = ERR_INIT;

	add_item(m, in, DLINT_NO_STAGE);
	if (dargs_meta(m->v->global, in, &e))
		keep_error(m, &e);
	if (dargs_meta(m->defaults, in, &e))
		err_release(&e);
}

/* What FROM says, by the global scope and by the ARGs' defaults alone. */
static void make_from(struct making *m, struct dlint_stage *s, size_t at)
{
	static const char *const given[] = {"BUILDPLATFORM", "BUILDOS",	       "BUILDARCH",
					    "BUILDVARIANT",  "TARGETPLATFORM", "TARGETOS",
					    "TARGETARCH",    "TARGETVARIANT",  "TARGETSTAGE"};
	const struct dstage *df = &m->v->l->stages.v[at];
	struct dlint_item *it = add_item(m, df->from, at);
	AUTO_STRV struct strv unset = {0}, args = {0}, set = {0}, by_default = {0};

	s->image = expand_from(m, m->v->global, df->from, df->image, NULL, &unset);
	s->dflt = expand_from(m, m->defaults, df->from, df->image, NULL, &by_default);
	add_undefined(it, m->v->global, &unset);
	if (df->platform) {
		strv_release(&unset);
		s->platform = expand_from(m, m->v->global, df->from, df->platform, &set, &unset);
		add_undefined(it, m->v->global, &unset);
		strv_copy(&s->args, &set);
		strv_copy(&s->args, &unset);
		s->args_set = set.n;
	}
	dargs_declared(m->v->global, &args);
	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		strv_add(&args, given[i]);
	add_candidates(it, &args);
}

static void make_step(struct making *m, const struct dlint_stage *s, const struct dast_instr *in, size_t at)
{
	struct dlint_item *it = add_item(m, in, at);
	AUTO_STRV struct strv names = {0}, env = {0};
	struct err e = ERR_INIT;

	if (!dlint_view_wanted(m->v, it))
		return;
	it->x = dargs_step(s->scope, in, &e);
	if (!it->x)
		keep_error(m, &e);
	dargs_undefined_take(s->scope, &names);
	add_undefined(it, s->scope, &names);
	dargs_run_env(s->scope, &env);
	add_candidates(it, &env);
}

static void open_scope(struct making *m, struct dlint_stage *s, size_t at)
{
	const struct dlint_opts *o = m->v->o;
	struct dlint_base base = {0};

	s->base = s->image ? dstage_find(m->v->l, s->image, at, false) : -1;
	s->scope = dargs_stage(m->v->global, s->base < 0 ? NULL : m->v->stages[s->base].scope);
	s->known = s->base >= 0 ? m->v->stages[s->base].known : s->image && !strcmp(s->image, "scratch");
	if (s->base < 0 && !s->known && s->image && o->base)
		s->known = o->base(o->ctx, at, s->image, &base);
	s->shell = s->base_shell = s->base < 0 ? base.shell : m->v->stages[s->base].shell;
	for (size_t i = 0; i < base.env.n; i++)
		dargs_base_env(s->scope, base.env.v[i]);
	strv_release(&base.env);
	if (!dargs_get(s->scope, "PATH"))
		dargs_env_set(s->scope, "PATH", DEFAULT_PATH);
}

static void make_stage(struct making *m, size_t at)
{
	struct dlint_stage *s = &m->v->stages[at];
	const struct dstage *df = &m->v->l->stages.v[at];

	make_from(m, s, at);
	open_scope(m, s, at);
	for (size_t i = 0; i < df->instrs.n; i++) {
		make_step(m, s, df->instrs.v[i], at);
		s->shell = s->shell || df->instrs.v[i]->kind == DAST_SHELL;
	}
}

bool dlint_view_wanted(const struct dlint_view *v, const struct dlint_item *it)
{
	return it->stage == DLINT_NO_STAGE || !v->o->wanted || v->o->wanted[it->stage];
}

const char *dlint_view_meant(const struct dlint_item *it, size_t i)
{
	struct nearest n = NEAREST_INIT(it->undefined.v[i]);

	for (size_t k = 0; k < it->candidates.n; k++)
		nearest_offer(&n, it->candidates.v[k]);
	/* Names of one or two letters are near to everything. */
	return n.best && n.distance * 2 < strlen(n.want) ? n.best : NULL;
}

void dlint_view_make(struct dlint_view *v, const struct dstage_list *l, const struct dlint_opts *o, struct err *e)
{
	struct dargs_opts args = {o->build_args, o->build_platform, o->target_platform, o->target_stage};
	struct making m = {.v = v, .e = e};

	*v = (struct dlint_view){.l = l, .o = o, .global = dargs_new(&args)};
	args.build_args = NULL;
	m.defaults = dargs_new(&args);
	v->stages = mem_zalloc((l->stages.n + 1) * sizeof(*v->stages));
	split_lines(v);
	for (size_t i = 0; i < l->meta.n; i++)
		make_meta(&m, l->meta.v[i]);
	for (size_t i = 0; i < l->stages.n; i++)
		make_stage(&m, i);
	dargs_free(m.defaults);
}

static void release_stage(struct dlint_stage *s)
{
	free(s->image);
	free(s->platform);
	free(s->dflt);
	strv_release(&s->args);
	dargs_free(s->scope);
}

void dlint_view_release(struct dlint_view *v)
{
	for (size_t i = 0; i < v->items.n; i++) {
		dast_instr_free(v->items.v[i].x);
		strv_release(&v->items.v[i].undefined);
		strv_release(&v->items.v[i].candidates);
		dlint_directive_release(&v->items.v[i].own);
	}
	for (size_t i = 0; i < v->l->stages.n; i++)
		release_stage(&v->stages[i]);
	free(v->stages);
	dargs_free(v->global);
	vec_release(&v->items);
	vec_release(&v->lines);
}
