/* Internal to toml: the reader that words and values share. */
#ifndef SLCT_TOML_PRIV_H
#define SLCT_TOML_PRIV_H

#include "src/util/toml.h"
#include "src/util/vec.h"

struct toml {
	const char *p, *end, *file;
	unsigned line, depth;
	struct json *root, *table;    /* table: where keys go now */
	VEC_OF(struct json *) closed; /* tables that a header or a value has defined, and arrays that a value has */
	struct err *e;
};

/* --- toml_scan.c; what fails has set t->e, with the line --- */
int toml_fail(struct toml *t, const char *what); /* -1 */
int toml_peek(const struct toml *t);		 /* the next byte; -1: the end */
bool toml_take(struct toml *t, char c);		 /* go past it, if it is next */
void toml_blanks(struct toml *t);
/* A comment, if there is one, and the end of a line; the end of the file is one. */
int toml_line_end(struct toml *t);
/* Blanks, comments and line ends, inside of arrays. */
int toml_gap(struct toml *t);
/* After the opening quote: a string of one line, appended to out. */
int toml_string(struct toml *t, char quote, struct buf *out);
/* Whether the byte may stand in a key without quotes. */
bool toml_bare(int c);
/* The parts of a dotted key, appended to out; at most TOML_DEPTH_MAX. */
int toml_key(struct toml *t, struct strv *out);

#endif
