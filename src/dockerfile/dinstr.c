/* One logical line -> one instruction: keyword, flags, operands. */
#include "src/dockerfile/dinstr.h"

#include "src/dockerfile/dchar.h"
#include "src/dockerfile/dlimit.h"
#include "src/dockerfile/dwords.h"
#include "src/util/mem.h"

struct dinstr {
	const struct dlex *lex;
	const struct dlex_line *line;
	struct err *e;
};

/* Part of the logical line and where it starts in it. */
struct part {
	struct sv v;
	size_t at;
};

static struct part part_trim(struct part p)
{
	struct sv v = dchar_trim(p.v);

	return (struct part){v, p.at + (size_t)(v.p - p.v.p)};
}

static struct part part_from(struct part p, size_t n)
{
	return part_trim((struct part){sv_sub(p.v, n, p.v.n), p.at + (n < p.v.n ? n : p.v.n)});
}

static int fail(struct dinstr *p, size_t at)
{
	return dlex_err_at(p->lex->name, p->lex->all, dlex_pos(p->line, at), p->e);
}

static int too_many(struct dinstr *p, const char *what, size_t max, size_t at)
{
	err_set(p->e, ERR_INPUT, "the instruction has more than %zu %s", max, what);
	return fail(p, at);
}

static int add_words(struct dinstr *p, struct dast_instr *in, const struct dwords *w)
{
	if (in->words.n + w->items.n > DWORD_MAX)
		return too_many(p, "words", DWORD_MAX, w->items.v[0].at);
	for (size_t i = 0; i < w->items.n; i++)
		dast_word_add(in, w->items.v[i].v, dlex_pos(p->line, w->items.v[i].at));
	return 0;
}

static int parse_string(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	if (rest.v.n)
		dast_word_add(in, rest.v, dlex_pos(p->line, rest.at));
	return 0;
}

static int parse_list(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	AUTO_DWORDS struct dwords w = {0};

	dwords_blank(&w, rest.v, rest.at);
	return add_words(p, in, &w);
}

/* 1: the words are a JSON list, 0: they are not, -1: error. */
static int parse_json(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	struct dwords_list list = {0};
	enum dwords_json type = dwords_json(rest.v, rest.at, &list);
	int rc = 0;

	if (type == DWORDS_JSON_MIXED) {
		err_set(p->e, ERR_INPUT, "a list in brackets must hold nothing but strings");
		err_hint(p->e, "write every element in double quotes");
		rc = fail(p, rest.at);
	} else if (type == DWORDS_JSON_LIST && list.items.n > DWORD_MAX) {
		rc = too_many(p, "words", DWORD_MAX, rest.at);
	} else if (type == DWORDS_JSON_LIST) {
		for (size_t i = 0; i < list.items.n; i++) {
			const struct dwords_string *s = &list.items.v[i];

			dast_word_add(in, sv_of(buf_str(&list.text) + s->from, s->n), dlex_pos(p->line, s->at));
		}
		in->json = true;
		rc = 1;
	} else if (rest.v.n > 1 && rest.v.p[0] == '[') {
		struct sv inside = sv_trim(sv_sub(rest.v, 1, rest.v.n));

		/* `[ -f x ]` is a test in shell form, not a list gone wrong. */
		in->json_failed = inside.n && (inside.p[0] == '"' || inside.p[0] == '\'');
	}
	dwords_list_release(&list);
	return rc;
}

static int parse_command(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	int rc = parse_json(p, in, rest);

	return rc ? (rc > 0 ? 0 : -1) : parse_string(p, in, rest);
}

static int parse_paths(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	int rc = parse_json(p, in, rest);

	return rc ? (rc > 0 ? 0 : -1) : parse_list(p, in, rest);
}

static void add_pair(struct dinstr *p, struct dast_instr *in, struct sv v, size_t at)
{
	ssize_t eq = sv_find(v, '=');
	struct dast_pair pair = {.sep = eq < 0 ? 0 : '=', .pos = dlex_pos(p->line, at)};

	pair.key = sv_dup(sv_sub(v, 0, eq < 0 ? v.n : (size_t)eq));
	pair.value = eq < 0 ? NULL : sv_dup(sv_sub(v, (size_t)eq + 1, v.n));
	vec_push(&in->pairs, pair);
}

/* `KEY rest of the line`, the form from before there was `KEY=value`. */
static int parse_old_pair(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	struct dast_pair pair = {.sep = ' ', .pos = dlex_pos(p->line, rest.at)};
	size_t n = 0, m;

	while (n < rest.v.n && !dchar_blank(rest.v.p[n]))
		n++;
	for (m = n; m < rest.v.n && dchar_blank(rest.v.p[m]);)
		m++;
	if (n == rest.v.n) {
		err_set(p->e, ERR_INPUT, "%s %.*s has no value", dast_info(in->kind)->name, SV_ARG(rest.v));
		err_hint(p->e, "write %s %.*s=VALUE", dast_info(in->kind)->name, SV_ARG(rest.v));
		return fail(p, rest.at + n);
	}
	pair.key = sv_dup(sv_sub(rest.v, 0, n));
	pair.value = sv_dup(sv_sub(rest.v, m, rest.v.n));
	vec_push(&in->pairs, pair);
	return 0;
}

static int parse_pairs(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	AUTO_DWORDS struct dwords w = {0};

	dwords_quoted(&w, rest.v, rest.at, p->lex->escape);
	if (!w.items.n)
		return 0;
	if (w.items.n > DWORD_MAX)
		return too_many(p, "pairs", DWORD_MAX, w.items.v[0].at);
	if (sv_find(w.items.v[0].v, '=') < 0)
		return parse_old_pair(p, in, rest);
	for (size_t i = 0; i < w.items.n; i++) {
		struct dwords_item it = w.items.v[i];

		if (sv_find(it.v, '=') < 0) {
			err_set(p->e, ERR_INPUT, "\"%.*s\" has no \"=\"; all of the line must be NAME=VALUE",
				SV_ARG(it.v));
			err_hint(p->e, "a value with spaces must be quoted");
			return fail(p, it.at);
		}
		add_pair(p, in, it.v, it.at);
	}
	return 0;
}

static int parse_args(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	AUTO_DWORDS struct dwords w = {0};

	dwords_quoted(&w, rest.v, rest.at, p->lex->escape);
	if (add_words(p, in, &w))
		return -1;
	for (size_t i = 0; i < w.items.n; i++)
		add_pair(p, in, w.items.v[i].v, w.items.v[i].at);
	return 0;
}

static int parse_health(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	size_t n = 0;

	while (n < rest.v.n && !dchar_space(sv_of(rest.v.p + n, rest.v.n - n)))
		n++;
	if (!n)
		return 0;
	dast_word_add(in, sv_sub(rest.v, 0, n), dlex_pos(p->line, rest.at));
	rest = part_from(rest, n);
	return rest.v.n ? parse_command(p, in, rest) : 0;
}

static int parse_ignored(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	(void)p;
	(void)in;
	(void)rest;
	return 0;
}

static struct dast_instr *parse_line(struct dinstr *p, struct part line, bool inner);

static int parse_onbuild(struct dinstr *p, struct dast_instr *in, struct part rest)
{
	if (!rest.v.n)
		return 0;
	in->inner = parse_line(p, rest, true);
	return in->inner ? 0 : -1;
}

typedef int parse_fn(struct dinstr *p, struct dast_instr *in, struct part rest);

static parse_fn *const parsers[DAST_KINDS] = {
	[DAST_UNKNOWN] = parse_ignored, [DAST_FROM] = parse_list,	   [DAST_RUN] = parse_command,
	[DAST_CMD] = parse_command,	[DAST_LABEL] = parse_pairs,	   [DAST_MAINTAINER] = parse_string,
	[DAST_EXPOSE] = parse_list,	[DAST_ENV] = parse_pairs,	   [DAST_ADD] = parse_paths,
	[DAST_COPY] = parse_paths,	[DAST_ENTRYPOINT] = parse_command, [DAST_VOLUME] = parse_paths,
	[DAST_USER] = parse_string,	[DAST_WORKDIR] = parse_string,	   [DAST_ARG] = parse_args,
	[DAST_ONBUILD] = parse_onbuild, [DAST_STOPSIGNAL] = parse_string,  [DAST_HEALTHCHECK] = parse_health,
	[DAST_SHELL] = parse_command,
};

/* Flags at the start of *rest, which moves behind them. */
static int parse_flags(struct dinstr *p, struct dast_instr *in, struct part *rest)
{
	AUTO_BUF struct buf text = BUF_INIT(DLINE_MAX_BYTES);
	size_t n;

	while ((n = dwords_flag(rest->v, &text))) {
		struct dast_flag f = {.pos = dlex_pos(p->line, rest->at)};
		struct sv v;
		ssize_t eq;

		*rest = part_from(*rest, n);
		if (!text.n)
			break;
		if (in->flags.n == DWORD_MAX)
			return too_many(p, "flags", DWORD_MAX, rest->at);
		v = sv_sub(buf_sv(&text), 2, text.n);
		eq = sv_find(v, '=');
		f.name = sv_dup(sv_sub(v, 0, eq < 0 ? v.n : (size_t)eq));
		f.value = eq < 0 ? NULL : sv_dup(sv_sub(v, (size_t)eq + 1, v.n));
		vec_push(&in->flags, f);
		buf_clear(&text);
	}
	return 0;
}

/* One instruction; inner: the trigger of an ONBUILD, whose own trigger (refused later) is not parsed, so the depth is
 * two at most. */
static struct dast_instr *parse_line(struct dinstr *p, struct part line, bool inner)
{
	AUTO_DAST_INSTR struct dast_instr *in = dast_instr_new();
	struct part rest;
	size_t n = 0;

	line = part_trim(line);
	while (n < line.v.n && !dchar_blank(line.v.p[n]))
		n++;
	in->written = sv_dup(sv_sub(line.v, 0, n));
	in->original = sv_dup(line.v);
	in->kind = dast_kind_from_name(in->written);
	in->pos = dlex_pos(p->line, line.at);
	in->first_line = p->line->first;
	in->last_line = p->line->last;
	in->escape = p->lex->escape;
	in->gap = p->line->gap;
	rest = part_from(line, n);
	if (parse_flags(p, in, &rest))
		return NULL;
	if (!(inner && in->kind == DAST_ONBUILD) && parsers[in->kind](p, in, rest))
		return NULL;
	return STEAL_PTR(in);
}

struct dast_instr *dinstr_parse(const struct dlex *lex, const struct dlex_line *line, struct err *e)
{
	struct dinstr p = {lex, line, e};

	return parse_line(&p, (struct part){buf_sv(&line->text), 0}, false);
}
