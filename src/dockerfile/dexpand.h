/* Expansion of variables, quotes and escapes in words of a Dockerfile.
 *
 *   $name ${name}             value, empty if unset
 *   ${name:-word} ${name-word}   word if unset (or empty, with the colon)
 *   ${name:+word} ${name+word}   word if set (and not empty)
 *   ${name:?word} ${name?word}   error with the message word if unset (or empty)
 *   ${name#p} ${name##p}      without the shortest (longest) prefix that matches p: * any text, ? one character, \x is
 * x
 *   ${name%p} ${name%%p}      the same for a suffix
 *   ${name/p/r} ${name//p/r}  first (every) longest match of p replaced by r
 *
 * word, p and r are expanded themselves. Single quotes keep everything; double quotes expand variables and let the
 * escape character quote only ", $ and itself. Names: letters, digits, _; a number; or one of @ * # ? - $ ! */
#ifndef SLCT_DEXPAND_H
#define SLCT_DEXPAND_H

#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

struct dexpand_env {
	/* Value of a variable, NULL if unset; the name is not terminated. */
	const char *(*get)(void *ctx, struct sv name);
	void *ctx;
};

enum {
	DEXPAND_RAW_QUOTES = 1,	 /* quotes work, but stay in the result */
	DEXPAND_RAW_ESCAPES = 2, /* the escape character works, but stays in the result */
	DEXPAND_NO_QUOTES = 4,	 /* quotes are ordinary characters (here-documents) */
	DEXPAND_KEEP_UNSET = 8,	 /* $name of an unset variable stays as written */
};

struct dexpand_opts {
	char escape; /* '\\' or '`'; 0 means '\\' */
	unsigned flags;
	const struct dexpand_env *env; /* NULL: nothing is set */
	struct strv *matched;	       /* names met that are set, each once; may be NULL */
	struct strv *unmatched;	       /* names met that are unset, each once; may be NULL */
};

/* One word in, one word out; *out is allocated (caller frees). Errors (ERR_INPUT, without place): unbalanced quotes or
 * braces, unknown modifier, ${v?}, limits of dlimit.h. */
int dexpand_word(struct sv in, const struct dexpand_opts *o, char **out, struct err *e) ATTR_NODISCARD;
/* The same with a length, for content that may hold anything. */
int dexpand_bytes(struct sv in, const struct dexpand_opts *o, char **out, size_t *n, struct err *e) ATTR_NODISCARD;
/* Split at white space, also at that of unquoted variables; appends. Empty words vanish. As in the reference, a
 * ${v MODIFIER word} drops the part of the word that stands before it. */
int dexpand_words(struct sv in, const struct dexpand_opts *o, struct strv *out, struct err *e) ATTR_NODISCARD;

#endif
