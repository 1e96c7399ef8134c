/* Parser: logical lines -> instructions. */
#include "src/dockerfile/dparse.h"

#include <fcntl.h>

#include "src/dockerfile/dcheck.h"
#include "src/dockerfile/dheredoc.h"
#include "src/dockerfile/dinstr.h"
#include "src/dockerfile/dlex.h"
#include "src/dockerfile/dlimit.h"
#include "src/util/io.h"
#include "src/util/mem.h"

struct parser {
	struct dlex lex;
	struct dlex_line line;
	struct err *e;
};

static int fail(struct parser *p, size_t at)
{
	return dlex_err_at(p->lex.name, p->lex.all, dlex_pos(&p->line, at), p->e);
}

/* The instruction that the here-documents belong to; NULL if it takes none. */
static struct dast_instr *heredoc_owner(struct dast_instr *in)
{
	struct dast_instr *owner = in->kind == DAST_ONBUILD && in->inner ? in->inner : in;

	return dast_info(owner->kind)->heredoc && !owner->json ? owner : NULL;
}

static void inherit_heredocs(struct dast_instr *in, struct dast_instr *owner)
{
	if (owner == in)
		return;
	for (size_t i = 0; i < in->heredocs.n; i++) {
		struct dast_heredoc h = in->heredocs.v[i];

		h.name = mem_strdup(h.name);
		h.content = mem_strdup(h.content);
		vec_push(&owner->heredocs, h);
	}
	owner->last_line = in->last_line;
}

static int parse_heredocs(struct parser *p, struct dast_instr *in)
{
	struct sv line = buf_sv(&p->line.text);
	struct dast_instr *owner = heredoc_owner(in);
	size_t at = 0;

	if (!owner || !strstr(buf_str(&p->line.text), "<<"))
		return 0;
	dheredoc_find(line, in);
	if (in->heredocs.n > DHEREDOC_MAX) {
		err_set(p->e, ERR_INPUT, "the instruction has more than %d here-documents", DHEREDOC_MAX);
		return fail(p, 0);
	}
	for (size_t i = 0; i < in->heredocs.n; i++) {
		const char *mark = strstr(buf_str(&p->line.text) + at, "<<");

		at = mark ? (size_t)(mark - p->line.text.p) : at;
		in->heredocs.v[i].pos = dlex_pos(&p->line, at);
		at += mark ? 2 : 0;
		if (dlex_heredoc(&p->lex, &in->heredocs.v[i], p->e))
			return -1;
	}
	in->last_line = p->lex.line;
	inherit_heredocs(in, owner);
	return 0;
}

/* The next instruction; NULL at the end of the file, or with p->e set. */
static struct dast_instr *next_instr(struct parser *p)
{
	AUTO_DAST_INSTR struct dast_instr *in = NULL;

	if (dlex_next(&p->lex, &p->line, p->e) <= 0)
		return NULL;
	in = dinstr_parse(&p->lex, &p->line, p->e);
	if (!in || parse_heredocs(p, in))
		return NULL;
	return STEAL_PTR(in);
}

static void parser_release(struct parser *p)
{
	dlex_release(&p->lex);
	dlex_line_release(&p->line);
}

static int parse_all(struct parser *p, struct dast_file *f)
{
	struct dast_instr *in;

	while ((in = next_instr(p))) {
		vec_push(&f->instrs, in);
		in->file = f;
		if (in->inner)
			in->inner->file = f;
		if (f->instrs.n > DINSTR_MAX) {
			err_set(p->e, ERR_INPUT, "the file has more than %d instructions", DINSTR_MAX);
			return dlex_err_at(f->name, p->lex.all, in->pos, p->e);
		}
	}
	if (err_is_set(p->e))
		return -1;
	if (!f->instrs.n) {
		err_set(p->e, ERR_INPUT, "the file has no instructions");
		return err_at(p->e, f->name, 0, 0);
	}
	return 0;
}

struct dast_file *dparse_syntax(const char *name, struct sv text, struct err *e)
{
	__attribute__((cleanup(parser_release))) struct parser p = {.e = e};
	AUTO_DAST_FILE struct dast_file *f = mem_new(struct dast_file);

	if (dlex_init(&p.lex, name, text, e))
		return NULL;
	f->name = mem_strdup(name);
	f->text = mem_strndup(p.lex.all.p, p.lex.all.n);
	f->text_n = p.lex.all.n;
	if (parse_all(&p, f))
		return NULL;
	f->escape = p.lex.escape;
	f->syntax = STEAL_PTR(p.lex.syntax);
	f->check = STEAL_PTR(p.lex.check);
	return STEAL_PTR(f);
}

int dparse_check(struct dast_file *f, struct err *e)
{
	bool stage = false;

	for (size_t i = 0; i < f->instrs.n; i++) {
		struct dast_instr *in = f->instrs.v[i];

		if (dcheck_instr(f->name, sv_of(f->text, f->text_n), in, e))
			return -1;
		stage = stage || in->kind == DAST_FROM;
		if (!stage && in->kind != DAST_ARG) {
			err_set(e, ERR_INPUT, "%s stands before the first FROM", dast_info(in->kind)->name);
			err_hint(e, "only ARG may stand there");
			return dparse_err_at(f, in->pos, e);
		}
	}
	return 0;
}

struct dast_file *dparse(const char *name, struct sv text, struct err *e)
{
	AUTO_DAST_FILE struct dast_file *f = dparse_syntax(name, text, e);

	if (!f || dparse_check(f, e))
		return NULL;
	return STEAL_PTR(f);
}

struct dast_file *dparse_load(int dirfd, const char *path, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(DFILE_MAX_BYTES);

	if (io_read_file(dirfd, path, &b, e))
		return NULL;
	return dparse(path, buf_sv(&b), e);
}

static int check_trigger(const struct dast_instr *in, struct err *e)
{
	if (in->kind != DAST_ONBUILD && in->kind != DAST_FROM && in->kind != DAST_MAINTAINER)
		return 0;
	return err_set(e, ERR_INPUT, "%s is not allowed as a trigger of ONBUILD", dast_info(in->kind)->name);
}

struct dast_instr *dparse_instr(const char *name, struct sv text, char escape, bool trigger, struct err *e)
{
	__attribute__((cleanup(parser_release))) struct parser p = {.e = e};
	AUTO_DAST_INSTR struct dast_instr *in = NULL, *more = NULL;

	if (dlex_init(&p.lex, name, text, e))
		return NULL;
	p.lex.escape = escape;
	p.lex.directives_done = true;
	in = next_instr(&p);
	if (!in && !err_is_set(e))
		err_set(e, ERR_INPUT, "the instruction is empty");
	if (!in || dcheck_instr(name, p.lex.all, in, e))
		return NULL;
	if (trigger && check_trigger(in, e)) {
		dlex_err_at(name, p.lex.all, in->pos, e);
		return NULL;
	}
	more = next_instr(&p);
	if (more) {
		err_set(e, ERR_INPUT, "there is text after the instruction");
		dlex_err_at(name, p.lex.all, more->pos, e);
	}
	return err_is_set(e) ? NULL : STEAL_PTR(in);
}

int dparse_err_at(const struct dast_file *f, struct dast_pos pos, struct err *e)
{
	return dlex_err_at(f->name, sv_of(f->text, f->text_n), pos, e);
}

int dparse_err_in(const struct dast_instr *in, struct dast_pos pos, struct err *e)
{
	err_wrap(e, "%s", dast_info(in->kind)->name);
	return in->file ? dparse_err_at(in->file, pos, e) : -1;
}
