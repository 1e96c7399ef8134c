/* Here-documents: finding `<<NAME` in an instruction. */
#include "src/dockerfile/dheredoc.h"

#include <limits.h>

#include "src/dockerfile/dexpand.h"
#include "src/dockerfile/dlimit.h"
#include "src/util/mem.h"
#include "src/util/num.h"

/* The one word that v is without variables; NULL if it is none or several. Caller frees. */
static char *only_word(struct sv v, unsigned flags)
{
	struct dexpand_opts o = {.flags = flags | DEXPAND_KEEP_UNSET};
	AUTO_STRV struct strv words = {0};
	struct err e = ERR_INIT;
	char *word = NULL;

	if (dexpand_words(v, &o, &words, &e))
		err_release(&e);
	else if (words.n == 1)
		word = mem_strdup(words.v[0]);
	return word;
}

static unsigned descriptor(struct sv v)
{
	uint64_t n = 0;

	if (v.n && num_parse(v, 10, UINT_MAX, &n))
		return UINT_MAX;
	return (unsigned)n;
}

bool dheredoc_word(struct sv word, struct dast_heredoc *out)
{
	AUTO_FREE char *raw = NULL;
	struct sv rest;
	size_t i = 0;

	*out = (struct dast_heredoc){0};
	while (i < word.n && word.p[i] >= '0' && word.p[i] <= '9')
		i++;
	rest = sv_sub(word, i, word.n);
	if (!sv_starts(rest, "<<"))
		return false;
	rest = sv_sub(rest, 2, rest.n);
	out->chomp = sv_starts(rest, "-");
	rest = sv_trim(sv_sub(rest, out->chomp, rest.n));
	if (!rest.n || sv_find(rest, '<') >= 0)
		return false;
	out->fd = descriptor(sv_sub(word, 0, i));
	out->name = only_word(rest, 0);
	raw = only_word(rest, DEXPAND_RAW_QUOTES);
	if (!out->name || !raw) {
		free(out->name);
		*out = (struct dast_heredoc){0};
		return false;
	}
	/* Quotes that vanish were quotes: the body is not expanded. */
	out->expand = !strcmp(raw, out->name);
	return true;
}

void dheredoc_find(struct sv line, struct dast_instr *in)
{
	struct dexpand_opts o = {.flags = DEXPAND_RAW_QUOTES | DEXPAND_RAW_ESCAPES | DEXPAND_KEEP_UNSET};
	AUTO_STRV struct strv words = {0};
	struct err e = ERR_INIT;

	if (dexpand_words(line, &o, &words, &e)) {
		err_release(&e);
		return;
	}
	for (size_t i = 0; i < words.n; i++) {
		struct dast_heredoc h;

		if (dheredoc_word(sv_from(words.v[i]), &h))
			vec_push(&in->heredocs, h);
	}
}
