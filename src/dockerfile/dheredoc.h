/* Here-documents: finding `<<NAME` in an instruction. */
#ifndef SLCT_DHEREDOC_H
#define SLCT_DHEREDOC_H

#include "src/dockerfile/dast.h"
#include "src/util/sv.h"

/* Whether the word is `N<<-NAME` (number and minus optional, blanks before NAME, NAME quoted or not); then name, fd,
 * expand and chomp of *out are set, the name is owned by it. */
bool dheredoc_word(struct sv word, struct dast_heredoc *out);

/* The here-documents that the line of an instruction announces, without content and position; appended to in->heredocs.
 * A line with unbalanced quotes has none. */
void dheredoc_find(struct sv line, struct dast_instr *in);

#endif
