/* Lexer: bytes of a Dockerfile -> logical lines.
 *
 * A logical line is one instruction: physical lines that end in the escape character joined, comment lines and empty
 * lines between them left out, CRLF as LF. Parser directives at the top of the file (escape, syntax, check) are taken
 * in on the way. Here-documents are read on request, since only the parser knows that a line has one. */
#ifndef SLCT_DLEX_H
#define SLCT_DLEX_H

#include "src/dockerfile/dast.h"
#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/sv.h"

/* From offset `at` of the logical line on, bytes come from this place of the file. */
struct dlex_seg {
	size_t at;
	struct dast_pos pos;
};

struct dlex_line {
	struct buf text;
	VEC_OF(struct dlex_seg) segs;
	unsigned first, last; /* physical lines */
	bool gap;	      /* there was an empty line between continued lines */
};

struct dlex {
	const char *name; /* for errors */
	struct sv all;	  /* the whole file, without BOM */
	size_t at;	  /* next byte */
	unsigned line;	  /* physical lines read so far */
	char escape;
	bool directives_done;
	char *syntax, *check; /* values of the directives, owned; NULL if absent */
	bool escape_seen;
};

/* text is borrowed. Errors: size, NUL bytes (UTF-16). */
int dlex_init(struct dlex *l, const char *name, struct sv text, struct err *e) ATTR_NODISCARD;
void dlex_release(struct dlex *l);

/* 1: *line is the next logical line (its buffers are reused), 0: end of file, -1: error (directive, UTF-8, length). */
int dlex_next(struct dlex *l, struct dlex_line *line, struct err *e) ATTR_NODISCARD;
void dlex_line_release(struct dlex_line *line);

/* Read the body of h (name and chomp are set) up to its terminator. A missing terminator is an error at h->pos. */
int dlex_heredoc(struct dlex *l, struct dast_heredoc *h, struct err *e) ATTR_NODISCARD;

/* Place in the file of an offset of the logical line. */
struct dast_pos dlex_pos(const struct dlex_line *line, size_t at);

/* Set place and excerpt (the source line and a caret below it) of *e, whose message is set; returns -1. */
int dlex_err_at(const char *name, struct sv all, struct dast_pos pos, struct err *e);

#endif
