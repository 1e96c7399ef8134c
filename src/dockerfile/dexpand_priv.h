/* Internal to dexpand.c (words, quotes, escapes) and dexpand_param.c ($name and ${...}). */
#ifndef SLCT_DEXPAND_PRIV_H
#define SLCT_DEXPAND_PRIV_H

#include "src/dockerfile/dexpand.h"
#include "src/util/buf.h"

struct dexpand_splitter {
	struct buf word;
	struct strv *out;
};

struct dexpand_state {
	struct sv in;
	size_t at;
	char escape;
	bool raw_quotes, raw_escapes, no_quotes, keep_unset;
	unsigned depth;
	size_t work; /* steps of pattern matching left */
	const struct dexpand_opts *o;
	struct dexpand_splitter *split; /* NULL: one word is wanted */
	struct err *e;
};

/* The byte at the cursor, -1 at the end. */
int dexpand_peek(const struct dexpand_state *s);
/* The character at the cursor, which moves behind it. */
struct sv dexpand_take(struct dexpand_state *s);
int dexpand_fail(struct dexpand_state *s, const char *why);
/* Expand up to the byte `stop` (taken, too) or the end. */
int dexpand_run(struct dexpand_state *s, int stop, bool raw_escapes, struct buf *out, struct dexpand_splitter *split);

/* The name at the cursor, which may be empty. */
struct sv dexpand_name(struct dexpand_state *s);
/* Its value; as it was written if it is unset and that is asked for. */
void dexpand_plain(struct dexpand_state *s, struct sv key, bool braces, struct buf *out);
/* The error of a "${" without its end. */
int dexpand_unclosed(struct dexpand_state *s);
/* The cursor is behind "${". */
int dexpand_braces(struct dexpand_state *s, struct buf *out);

#endif
