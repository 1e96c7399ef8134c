/* Rules about how a Dockerfile is written. */
#include "src/dockerfile/dlint_rule.h"

#include <ctype.h>

static bool has_upper(const char *s)
{
	for (; *s; s++)
		if (isupper((unsigned char)*s))
			return true;
	return false;
}

static bool has_lower(const char *s)
{
	for (; *s; s++)
		if (islower((unsigned char)*s))
			return true;
	return false;
}

void dlint_style_stage_name(struct dlint_run *r, const struct dlint_item *it)
{
	if (it->in->kind == DAST_FROM && it->in->words.n == 3 && has_upper(it->in->words.v[2].s))
		dlint_found(r, it, "stage name \"%s\" should be in lower case", it->in->words.v[2].s);
}

/* A keyword of mixed case is a matter of another rule. */
void dlint_style_as(struct dlint_run *r, const struct dlint_item *it)
{
	const struct dast_instr *in = it->in;

	if (in->kind != DAST_FROM || in->words.n < 3 || (has_upper(in->written) && has_lower(in->written)))
		return;
	if (has_upper(in->written) ? has_lower(in->words.v[1].s) : has_upper(in->words.v[1].s))
		dlint_found(r, it, "\"%s\" and \"%s\" are not in the same case", in->words.v[1].s, in->written);
}

/* The line is that of the instruction's end, as BuildKit counts; here-documents do not belong to it. */
void dlint_style_gap(struct dlint_run *r, const struct dlint_item *it)
{
	unsigned line = it->in->last_line;

	if (!it->in->gap)
		return;
	for (size_t i = 0; i < it->in->heredocs.n; i++) {
		const struct dast_heredoc *h = &it->in->heredocs.v[i];

		line--; /* the terminator */
		for (size_t k = 0; k < h->content_n; k++)
			line -= h->content[k] == '\n';
	}
	dlint_found_at(r, it, line, "an empty line stands within the continued lines of %s",
		       dast_info(it->in->kind)->name);
}

/* ARGs before the first FROM are not counted, as in BuildKit. */
void dlint_style_casing(struct dlint_run *r)
{
	const struct dlint_view *v = dlint_view_of(r);
	size_t lower = 0, upper = 0;

	for (size_t i = 0; i < v->items.n; i++) {
		const char *word = v->items.v[i].in->written;

		if (v->items.v[i].stage == DLINT_NO_STAGE)
			continue;
		lower += !has_upper(word);
		upper += has_upper(word) && !has_lower(word);
	}
	for (size_t i = 0; i < v->items.n; i++) {
		const struct dlint_item *it = &v->items.v[i];
		const char *word = it->in->written;

		if (it->stage != DLINT_NO_STAGE && (lower > upper ? has_upper(word) : has_lower(word)))
			dlint_found(r, it, "\"%s\" should be in %s case like most of the instructions", word,
				    lower > upper ? "lower" : "upper");
	}
}

void dlint_style_maintainer(struct dlint_run *r, const struct dlint_item *it)
{
	if (it->in->kind == DAST_MAINTAINER)
		dlint_found(r, it, "MAINTAINER is deprecated, use LABEL org.opencontainers.image.authors=\"...\"");
}

void dlint_style_pairs(struct dlint_run *r, const struct dlint_item *it)
{
	const char *name = dast_info(it->in->kind)->name;

	for (size_t i = 0; dlint_view_wanted(dlint_view_of(r), it) && i < it->in->pairs.n; i++)
		if (it->in->pairs.v[i].sep == ' ')
			dlint_found(r, it, "write \"%s %s=VALUE\" instead of the old form \"%s %s VALUE\"", name,
				    it->in->pairs.v[i].key, name, it->in->pairs.v[i].key);
}

/* Whether the first word of the comment is one of the names that the instruction defines. */
static bool describes(struct sv comment, const struct dast_instr *in)
{
	struct sv first = sv_cut(&comment, ' ');

	if (in->kind == DAST_FROM)
		return sv_eq_str(first, in->words.v[2].s);
	for (size_t i = 0; i < in->pairs.n; i++)
		if (sv_eq_str(first, in->pairs.v[i].key))
			return true;
	return false;
}

void dlint_style_description(struct dlint_run *r, const struct dlint_item *it)
{
	const struct dast_instr *in = it->in;
	bool from = in->kind == DAST_FROM && in->words.n == 3, arg = in->kind == DAST_ARG && in->pairs.n > 0;

	if ((!from && !arg) || !it->comment.p || dlint_directive_of(it->comment).p || describes(it->comment, in))
		return;
	dlint_found(r, it, "a comment right above %s should read \"# %s DESCRIPTION\"", dast_info(in->kind)->name,
		    from	       ? in->words.v[2].s
		    : in->pairs.n == 1 ? in->pairs.v[0].key
				       : "ARG_NAME");
}
