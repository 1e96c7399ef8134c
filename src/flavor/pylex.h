/* Tokens of the small part of Python that build_steps.py uses: names, strings, punctuation, ends of lines. Line ends
 * inside brackets, comments and white space are no tokens. A pure state machine over bytes. */
#ifndef SLCT_PYLEX_H
#define SLCT_PYLEX_H

#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/sv.h"

enum pylex_kind { PYLEX_END, PYLEX_LINE_END, PYLEX_NAME, PYLEX_STRING, PYLEX_PUNCT, PYLEX_OTHER };

struct pylex {
	const char *file;
	struct sv text;
	size_t pos;	/* behind the current token */
	unsigned depth; /* of open brackets */
	/* The current token. */
	enum pylex_kind kind;
	size_t start;
	unsigned line;	/* of start, from 1 */
	struct sv src;	/* its bytes in text */
	struct buf str; /* PYLEX_STRING: the value, escapes resolved */
};

void pylex_init(struct pylex *x, const char *file, struct sv text);
void pylex_release(struct pylex *x);
/* Go to the next token. -1 with place and excerpt: a string without end, an escape or a prefix (f"", b"") that is not
 * supported. */
int pylex_next(struct pylex *x, struct err *e);
/* The current token is this name or punctuation. */
bool pylex_is(const struct pylex *x, const char *s);
/* Set a place and excerpt at the current token; returns -1. */
int pylex_err(const struct pylex *x, struct err *e);

#endif
