/* The second pass of the parser: known instructions, flags and operands. */
#include "src/dockerfile/dcheck.h"

#include <limits.h>
#include <strings.h>

#include "src/dockerfile/dchar.h"
#include "src/dockerfile/dhealth.h"
#include "src/dockerfile/dheredoc.h"
#include "src/dockerfile/dlex.h"
#include "src/dockerfile/dstage.h"
#include "src/util/mem.h"
#include "src/util/num.h"

struct check {
	const char *name;
	struct sv text;
	struct dast_instr *in;
	struct err *e;
};

static int at(const struct check *c, struct dast_pos pos)
{
	return dlex_err_at(c->name, c->text, pos, c->e);
}

static int bad_flag(const struct check *c, const struct dast_flag *f)
{
	const char *near = dast_nearest_flag(c->in->kind, f->name);

	err_set(c->e, ERR_INPUT, "%s has no flag --%s", dast_info(c->in->kind)->name, f->name);
	if (near)
		err_hint(c->e, "did you mean --%s?", near);
	return at(c, f->pos);
}

static int check_bool(const struct check *c, const struct dast_flag *f)
{
	if (!f->value || !strcasecmp(f->value, "true") || !strcasecmp(f->value, "false"))
		return 0;
	err_set(c->e, ERR_INPUT, "--%s is true or false, not \"%s\"", f->name, f->value);
	return at(c, f->pos);
}

static int check_flag(const struct check *c, size_t i)
{
	const struct dast_flag *f = &c->in->flags.v[i];
	const struct dast_flag_info *info = dast_info(c->in->kind)->flags;

	while (info->name && strcmp(info->name, f->name) != 0)
		info++;
	if (!info->name)
		return bad_flag(c, f);
	for (size_t k = 0; k < i && info->type != DAST_FLAG_LIST; k++) {
		if (strcmp(c->in->flags.v[k].name, f->name) != 0)
			continue;
		err_set(c->e, ERR_INPUT, "the flag --%s stands twice", f->name);
		return at(c, f->pos);
	}
	if (info->type == DAST_FLAG_BOOL)
		return check_bool(c, f);
	if (f->value)
		return 0;
	err_set(c->e, ERR_INPUT, "the flag --%s needs a value", f->name);
	err_hint(c->e, "write --%s=VALUE", f->name);
	return at(c, f->pos);
}

static int check_flags(const struct check *c)
{
	for (size_t i = 0; i < c->in->flags.n; i++)
		if (check_flag(c, i))
			return -1;
	return 0;
}

static int unknown(const struct check *c)
{
	const char *near = dast_nearest(c->in->written);

	err_set(c->e, ERR_INPUT, "unknown instruction \"%s\"", c->in->written);
	if (near)
		err_hint(c->e, "did you mean %s?", near);
	else
		err_hint(c->e, "a line that continues the one above needs %c at the end of that", c->in->escape);
	return at(c, c->in->pos);
}

static int one_word(const struct check *c)
{
	if (c->in->words.n == 1)
		return 0;
	err_set(c->e, ERR_INPUT, "%s needs exactly one argument", dast_info(c->in->kind)->name);
	return at(c, c->in->pos);
}

static int some_words(const struct check *c)
{
	if (c->in->words.n)
		return 0;
	err_set(c->e, ERR_INPUT, "%s needs at least one argument", dast_info(c->in->kind)->name);
	return at(c, c->in->pos);
}

static int some_pairs(const struct check *c)
{
	const struct dast_instr *in = c->in;

	if (!in->pairs.n) {
		err_set(c->e, ERR_INPUT, "%s needs at least one argument", dast_info(in->kind)->name);
		return at(c, in->pos);
	}
	for (size_t i = 0; i < in->pairs.n; i++) {
		if (in->pairs.v[i].key[0])
			continue;
		err_set(c->e, ERR_INPUT, "%s: a name is empty", dast_info(in->kind)->name);
		return at(c, in->pairs.v[i].pos);
	}
	return 0;
}

static int command(const struct check *c)
{
	/* In shell form an empty command is one empty word. */
	if (!c->in->json && !c->in->words.n && c->in->kind != DAST_ENTRYPOINT)
		dast_word_add(c->in, SV(""), c->in->pos);
	return 0;
}

static int one_of(const struct check *c, const char *flag, const char *a, const char *b, const char *d)
{
	const char *v = dast_flag(c->in, flag);

	if (!v || !strcmp(v, a) || !strcmp(v, b) || (d && !strcmp(v, d)))
		return 0;
	err_set(c->e, ERR_INPUT, "--%s does not know \"%s\"", flag, v);
	err_hint(c->e, "it is %s%s%s or %s", a, d ? ", " : "", d ? d : "", b);
	for (size_t i = 0; i < c->in->flags.n; i++)
		if (!strcmp(c->in->flags.v[i].name, flag))
			return at(c, c->in->flags.v[i].pos);
	return -1;
}

static int run(const struct check *c)
{
	if (one_of(c, "network", "default", "host", "none") || one_of(c, "security", "sandbox", "insecure", NULL))
		return -1;
	return command(c);
}

static int from(const struct check *c)
{
	const struct dast_instr *in = c->in;

	if (in->words.n != 1 && (in->words.n != 3 || strcasecmp(in->words.v[1].s, "as") != 0)) {
		err_set(c->e, ERR_INPUT, "FROM needs an image, or IMAGE AS NAME");
		return at(c, in->words.n ? in->words.v[in->words.n - 1].pos : in->pos);
	}
	if (in->words.n == 1 || dstage_name_valid(in->words.v[2].s))
		return 0;
	err_set(c->e, ERR_INPUT, "\"%s\" is no name for a stage", in->words.v[2].s);
	err_hint(c->e, "it starts with a letter and has only letters, digits, '-', '_' and '.'; variables are not "
		       "expanded in it");
	return at(c, in->words.v[2].pos);
}

/* Sources that announce a here-document get its number; the last one of a name counts. */
static void link_heredoc(struct dast_instr *in, struct dast_word *w)
{
	struct dast_heredoc h;

	if (in->json || !dheredoc_word(sv_from(w->s), &h))
		return;
	for (size_t i = 0; i < in->heredocs.n; i++)
		if (!strcmp(in->heredocs.v[i].name, h.name))
			w->heredoc = (unsigned)i + 1;
	free(h.name);
}

static int paths(const struct check *c)
{
	struct dast_instr *in = c->in;
	struct dast_word *dest;

	if (in->words.n < 2) {
		err_set(c->e, ERR_INPUT, "%s needs a source and a destination", dast_info(in->kind)->name);
		return at(c, in->words.n ? in->words.v[0].pos : in->pos);
	}
	for (size_t i = 0; i < in->words.n; i++)
		link_heredoc(in, &in->words.v[i]);
	dest = &in->words.v[in->words.n - 1];
	if (!dest->heredoc)
		return 0;
	err_set(c->e, ERR_INPUT, "the destination of %s cannot be a here-document", dast_info(in->kind)->name);
	return at(c, dest->pos);
}

static int volumes(const struct check *c)
{
	if (some_words(c))
		return -1;
	for (size_t i = 0; i < c->in->words.n; i++) {
		if (dchar_trim(sv_from(c->in->words.v[i].s)).n)
			continue;
		err_set(c->e, ERR_INPUT, "VOLUME: a path is empty");
		return at(c, c->in->words.v[i].pos);
	}
	return 0;
}

static int shell(const struct check *c)
{
	if (c->in->json)
		return some_words(c);
	err_set(c->e, ERR_INPUT, "SHELL needs a list in JSON form");
	err_hint(c->e, "for instance SHELL [\"/bin/bash\", \"-c\"]");
	return at(c, c->in->words.n ? c->in->words.v[0].pos : c->in->pos);
}

/* The text that goes to the image config: the trigger as written, then the bodies of its here-documents. */
static char *trigger_text(const struct dast_instr *in)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	buf_str_add(&b, in->inner->original);
	for (size_t i = 0; i < in->heredocs.n; i++) {
		buf_char_add(&b, '\n');
		buf_add(&b, in->heredocs.v[i].content, in->heredocs.v[i].content_n);
		buf_str_add(&b, in->heredocs.v[i].name);
	}
	return buf_steal(&b);
}

static int onbuild(const struct check *c)
{
	struct dast_instr *inner = c->in->inner;

	if (!inner) {
		err_set(c->e, ERR_INPUT, "ONBUILD needs an instruction");
		return at(c, c->in->pos);
	}
	if (inner->kind == DAST_ONBUILD || inner->kind == DAST_FROM || inner->kind == DAST_MAINTAINER) {
		err_set(c->e, ERR_INPUT, "%s is not allowed as a trigger of ONBUILD", dast_info(inner->kind)->name);
		return at(c, inner->pos);
	}
	dast_replace(&c->in->trigger, trigger_text(c->in));
	return dcheck_instr(c->name, c->text, inner, c->e);
}

static int healthcheck(const struct check *c)
{
	struct dast_instr *in = c->in;

	if (some_words(c))
		return -1;
	if (!strcasecmp(in->words.v[0].s, "NONE")) {
		in->health.none = true;
		if (in->words.n == 1 && !in->flags.n)
			return 0;
		err_set(c->e, ERR_INPUT, "HEALTHCHECK NONE takes no arguments");
		return at(c, in->words.n > 1 ? in->words.v[1].pos : in->flags.v[0].pos);
	}
	if (strcasecmp(in->words.v[0].s, "CMD") != 0) {
		err_set(c->e, ERR_INPUT, "HEALTHCHECK does not know \"%s\"", in->words.v[0].s);
		err_hint(c->e, "it is CMD or NONE");
		return at(c, in->words.v[0].pos);
	}
	if (in->words.n == 1) {
		err_set(c->e, ERR_INPUT, "HEALTHCHECK CMD needs a command");
		return at(c, in->words.v[0].pos);
	}
	return dhealth_flags(c->name, c->text, in, c->e);
}

static int (*const checks[DAST_KINDS])(const struct check *c) = {
	[DAST_UNKNOWN] = unknown,   [DAST_FROM] = from,		  [DAST_RUN] = run,
	[DAST_CMD] = command,	    [DAST_LABEL] = some_pairs,	  [DAST_MAINTAINER] = one_word,
	[DAST_EXPOSE] = some_words, [DAST_ENV] = some_pairs,	  [DAST_ADD] = paths,
	[DAST_COPY] = paths,	    [DAST_ENTRYPOINT] = command,  [DAST_VOLUME] = volumes,
	[DAST_USER] = one_word,	    [DAST_WORKDIR] = one_word,	  [DAST_ARG] = some_pairs,
	[DAST_ONBUILD] = onbuild,   [DAST_STOPSIGNAL] = one_word, [DAST_HEALTHCHECK] = healthcheck,
	[DAST_SHELL] = shell,
};

int dcheck_instr(const char *name, struct sv text, struct dast_instr *in, struct err *e)
{
	struct check c = {name, text, in, e};

	if (in->kind == DAST_UNKNOWN)
		return unknown(&c);
	for (size_t i = 0; i < in->words.n; i++) {
		if (!memchr(in->words.v[i].s, 0, in->words.v[i].n))
			continue;
		err_set(e, ERR_INPUT, "a NUL character cannot be part of an argument");
		return at(&c, in->words.v[i].pos);
	}
	return check_flags(&c) || checks[in->kind](&c) ? -1 : 0;
}
