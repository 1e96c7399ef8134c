/* The syntax tree of a Dockerfile. */
#include "src/dockerfile/dast.h"

#include <ctype.h>
#include <strings.h>

#include "src/util/mem.h"
#include "src/util/nearest.h"
#include "src/util/sv.h"

#define FLAGS(...) ((const struct dast_flag_info[]){__VA_ARGS__ __VA_OPT__(, ){NULL, DAST_FLAG_END, false}})
#define STR	   DAST_FLAG_STRING
#define LIST	   DAST_FLAG_LIST
#define BOOL	   DAST_FLAG_BOOL

static const struct dast_info infos[DAST_KINDS] = {
	[DAST_UNKNOWN] = {"?", FLAGS(), DAST_EXPAND_NONE, false, false},
	[DAST_FROM] = {"FROM", FLAGS({"platform", STR, true}), DAST_EXPAND_FROM, false, false},
	[DAST_RUN] = {"RUN",
		      FLAGS({"mount", LIST, true}, {"network", STR, false}, {"security", STR, false},
			    {"device", LIST, true}),
		      DAST_EXPAND_NONE, true, false},
	[DAST_CMD] = {"CMD", FLAGS(), DAST_EXPAND_NONE, false, false},
	[DAST_LABEL] = {"LABEL", FLAGS(), DAST_EXPAND_PAIRS, false, false},
	[DAST_MAINTAINER] = {"MAINTAINER", FLAGS(), DAST_EXPAND_NONE, false, false},
	[DAST_EXPOSE] = {"EXPOSE", FLAGS(), DAST_EXPAND_SPLIT, false, false},
	[DAST_ENV] = {"ENV", FLAGS(), DAST_EXPAND_PAIRS, false, false},
	[DAST_ADD] = {"ADD",
		      FLAGS({"chown", STR, true}, {"chmod", STR, true}, {"link", BOOL, false},
			    {"keep-git-dir", BOOL, false}, {"checksum", STR, true}, {"unpack", BOOL, false},
			    {"exclude", LIST, true}),
		      DAST_EXPAND_WORD, true, true},
	[DAST_COPY] = {"COPY",
		       FLAGS({"chown", STR, true}, {"chmod", STR, true}, {"link", BOOL, false},
			     {"parents", BOOL, false}, {"from", STR, false}, {"exclude", LIST, true}),
		       DAST_EXPAND_WORD, true, true},
	[DAST_ENTRYPOINT] = {"ENTRYPOINT", FLAGS(), DAST_EXPAND_NONE, false, false},
	[DAST_VOLUME] = {"VOLUME", FLAGS(), DAST_EXPAND_WORD, false, false},
	[DAST_USER] = {"USER", FLAGS(), DAST_EXPAND_WORD, false, false},
	[DAST_WORKDIR] = {"WORKDIR", FLAGS(), DAST_EXPAND_WORD, false, false},
	[DAST_ARG] = {"ARG", FLAGS(), DAST_EXPAND_ARG, false, false},
	[DAST_ONBUILD] = {"ONBUILD", FLAGS(), DAST_EXPAND_NONE, false, false},
	[DAST_STOPSIGNAL] = {"STOPSIGNAL", FLAGS(), DAST_EXPAND_WORD, false, false},
	[DAST_HEALTHCHECK] = {"HEALTHCHECK",
			      FLAGS({"interval", STR, false}, {"timeout", STR, false}, {"start-period", STR, false},
				    {"start-interval", STR, false}, {"retries", STR, false}),
			      DAST_EXPAND_NONE, false, false},
	[DAST_SHELL] = {"SHELL", FLAGS(), DAST_EXPAND_NONE, false, false},
};

const struct dast_info *dast_info(enum dast_kind kind)
{
	return &infos[kind < DAST_KINDS ? kind : DAST_UNKNOWN];
}

enum dast_kind dast_kind_from_name(const char *name)
{
	for (int k = DAST_UNKNOWN + 1; k < DAST_KINDS; k++)
		if (!strcasecmp(infos[k].name, name))
			return (enum dast_kind)k;
	return DAST_UNKNOWN;
}

/* Longest name that can be near to one of ours. */
#define NAME_MAX_BYTES 32

/* Without regard to case: `how` makes both sides alike. A name counts as near if less than half of it differs. */
static const char *nearest(const char *name, int (*how)(int), const char *(*nth)(const void *arg, int i),
			   const void *arg)
{
	char want[NAME_MAX_BYTES + 1] = "";
	struct nearest near = NEAREST_INIT(want);
	size_t n = strlen(name);

	if (n > NAME_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < n; i++)
		want[i] = (char)how((unsigned char)name[i]);
	for (int i = 0; nth(arg, i); i++)
		nearest_offer(&near, nth(arg, i));
	return near.best && near.distance * 2 < strlen(near.best) ? near.best : NULL;
}

static const char *nth_name(const void *arg, int i)
{
	(void)arg;
	return DAST_UNKNOWN + 1 + i < DAST_KINDS ? infos[DAST_UNKNOWN + 1 + i].name : NULL;
}

static const char *nth_flag(const void *arg, int i)
{
	const struct dast_info *info = arg;

	return info->flags[i].name;
}

const char *dast_nearest(const char *name)
{
	return nearest(name, toupper, nth_name, NULL);
}

const char *dast_nearest_flag(enum dast_kind kind, const char *name)
{
	return nearest(name, tolower, nth_flag, dast_info(kind));
}

const char *dast_flag_nth(const struct dast_instr *in, const char *name, size_t i)
{
	for (size_t k = 0; k < in->flags.n; k++)
		if (!strcmp(in->flags.v[k].name, name) && i-- == 0)
			return in->flags.v[k].value ? in->flags.v[k].value : "";
	return NULL;
}

const char *dast_flag(const struct dast_instr *in, const char *name)
{
	const char *v = NULL;

	for (size_t k = 0; k < in->flags.n; k++)
		if (!strcmp(in->flags.v[k].name, name))
			v = in->flags.v[k].value ? in->flags.v[k].value : "";
	return v;
}

bool dast_flag_bool(const struct dast_instr *in, const char *name)
{
	const char *v = dast_flag(in, name);

	return v && strcasecmp(v, "false") != 0;
}

const struct dast_heredoc *dast_heredoc_of(const struct dast_instr *in, size_t i)
{
	return i < in->words.n && in->words.v[i].heredoc ? &in->heredocs.v[in->words.v[i].heredoc - 1] : NULL;
}

char *dast_heredoc_text(const struct dast_heredoc *h)
{
	struct buf b = BUF_INIT(h->content_n + 1);
	bool start = h->chomp;

	for (size_t i = 0; i < h->content_n; i++) {
		if (start && h->content[i] == '\t')
			continue;
		buf_char_add(&b, h->content[i]);
		start = h->chomp && h->content[i] == '\n';
	}
	return buf_steal(&b);
}

void dast_argv(const struct dast_instr *in, const struct strv *shell, struct strv *out)
{
	size_t from = in->kind == DAST_HEALTHCHECK;

	if (!in->json && shell && shell->n) {
		strv_copy(out, shell);
	} else if (!in->json) {
		strv_add(out, "/bin/sh");
		strv_add(out, "-c");
	}
	for (size_t i = from; i < in->words.n; i++)
		strv_add(out, in->words.v[i].s);
}

struct dast_instr *dast_instr_new(void)
{
	return mem_new(struct dast_instr);
}

/* mem_strndup() stops at a NUL, which a JSON string may hold. */
static char *dup_bytes(struct sv v)
{
	char *p = mem_alloc(v.n + 1);

	if (v.n)
		memcpy(p, v.p, v.n);
	p[v.n] = '\0';
	return p;
}

void dast_word_add(struct dast_instr *in, struct sv s, struct dast_pos pos)
{
	vec_push(&in->words, (struct dast_word){dup_bytes(s), s.n, pos, 0});
}

void dast_replace(char **at, char *s)
{
	free(*at);
	*at = s;
}

static struct dast_heredoc heredoc_copy(const struct dast_heredoc *h)
{
	struct dast_heredoc c = *h;

	c.name = mem_strdup(h->name);
	c.content = mem_dup(h->content, h->content_n + 1);
	return c;
}

struct dast_instr *dast_instr_copy(const struct dast_instr *in)
{
	struct dast_instr *c = dast_instr_new();

	*c = *in;
	c->written = mem_strdup_opt(in->written);
	c->original = mem_strdup_opt(in->original);
	c->trigger = mem_strdup_opt(in->trigger);
	c->inner = in->inner ? dast_instr_copy(in->inner) : NULL;
	memset(&c->flags, 0, sizeof(c->flags));
	memset(&c->words, 0, sizeof(c->words));
	memset(&c->heredocs, 0, sizeof(c->heredocs));
	memset(&c->pairs, 0, sizeof(c->pairs));
	for (size_t i = 0; i < in->flags.n; i++) {
		const struct dast_flag *f = &in->flags.v[i];

		vec_push(&c->flags, (struct dast_flag){mem_strdup(f->name), mem_strdup_opt(f->value), f->pos});
	}
	for (size_t i = 0; i < in->words.n; i++) {
		const struct dast_word *w = &in->words.v[i];

		dast_word_add(c, sv_of(w->s, w->n), w->pos);
		c->words.v[i].heredoc = w->heredoc;
	}
	for (size_t i = 0; i < in->heredocs.n; i++)
		vec_push(&c->heredocs, heredoc_copy(&in->heredocs.v[i]));
	for (size_t i = 0; i < in->pairs.n; i++) {
		const struct dast_pair *p = &in->pairs.v[i];

		vec_push(&c->pairs, (struct dast_pair){mem_strdup(p->key), mem_strdup_opt(p->value), p->sep, p->pos});
	}
	return c;
}

void dast_instr_free(struct dast_instr *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < in->flags.n; i++) {
		free(in->flags.v[i].name);
		free(in->flags.v[i].value);
	}
	for (size_t i = 0; i < in->words.n; i++)
		free(in->words.v[i].s);
	for (size_t i = 0; i < in->heredocs.n; i++) {
		free(in->heredocs.v[i].name);
		free(in->heredocs.v[i].content);
	}
	for (size_t i = 0; i < in->pairs.n; i++) {
		free(in->pairs.v[i].key);
		free(in->pairs.v[i].value);
	}
	vec_release(&in->flags);
	vec_release(&in->words);
	vec_release(&in->heredocs);
	vec_release(&in->pairs);
	free(in->written);
	free(in->original);
	free(in->trigger);
	dast_instr_free(in->inner);
	free(in);
}

void dast_file_free(struct dast_file *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->instrs.n; i++)
		dast_instr_free(f->instrs.v[i]);
	vec_release(&f->instrs);
	free(f->name);
	free(f->text);
	free(f->syntax);
	free(f->check);
	free(f);
}

/* An escape character at the end of the text (which only that of a file can have) would continue the line: one that
 * does so follows it. */
static void print_end(const struct dast_instr *in, struct buf *out)
{
	size_t n = strlen(in->original);

	if (n && in->original[n - 1] == in->escape && !(n > 1 && in->original[n - 2] == in->escape))
		buf_printf(out, " %c", in->escape);
}

void dast_print(const struct dast_instr *in, struct buf *out)
{
	const char *rest = in->original + strlen(in->written);

	buf_str_add(out, in->kind ? dast_info(in->kind)->name : in->written);
	buf_str_add(out, rest);
	print_end(in, out);
	for (size_t i = 0; i < in->heredocs.n; i++) {
		const struct dast_heredoc *h = &in->heredocs.v[i];

		buf_char_add(out, '\n');
		buf_add(out, h->content, h->content_n);
		buf_str_add(out, h->name);
	}
}
