/* Option tables and the parser that reads them.
 *
 * Each command documents its options once, in a table of `struct opt`; the parser, --help, the man pages and shell
 * completion all read that table. Values go to members of a struct of the command by their offsets, so there are no
 * globals.
 *
 * Understood: `--name`, `--name=value`, `--name value`, `--no-name`, `-n`, `-nvalue`, `-n value`, `-qv` (several
 * flags), options behind operands, `--` as the end of options, `-` as an operand. Of a repeated option with a single
 * value the last one wins, as docker does. */
#ifndef SLCT_OPT_H
#define SLCT_OPT_H

#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/vec.h"

enum opt_kind {
	OPT_FLAG,     /* bool */
	OPT_TRI,      /* enum opt_tri: --x and --no-x */
	OPT_COUNT,    /* unsigned: how many times */
	OPT_STRING,   /* const char *: borrowed from argv */
	OPT_LIST,     /* struct strv: one value each time */
	OPT_CHOICE,   /* const char *: one of the words of `arg`, separated by '|' */
	OPT_SIZE,     /* uint64_t: bytes */
	OPT_DURATION, /* int64_t: nanoseconds */
	OPT_INT,      /* int64_t: from min to max */
};

enum opt_tri { OPT_UNSET, OPT_YES, OPT_NO };

struct opt {
	const char *name; /* long name without dashes */
	char letter;	  /* short name, or 0 */
	const char *arg;  /* name of the value in help, or the choices; NULL for flags */
	enum opt_kind kind;
	size_t offset;	  /* of the member in the command's struct */
	const char *dflt; /* what is without it, for help; NULL: nothing to say */
	const char *help; /* begins with a small letter, no full stop */
	int64_t min, max; /* OPT_INT */
	const char *bare; /* OPT_CHOICE: its value where none follows, see opt_parse(); NULL: it needs one */
};

/* A table and the struct that its offsets are in. */
struct opt_set {
	const struct opt *v;
	size_t n;
	void *base;
};

/* Two options that exclude each other. */
struct opt_conflict {
	const char *a, *b;
};

struct opt_result {
	struct strv operands;
	struct strv given; /* long names in order of appearance */
};

/* Parse args[0..n) by the tables. If stop_at_operand, the first operand ends the parsing; *used (may be NULL) is the
 * number of args consumed. An option with a bare value may stand before another option, at the end, or before what can
 * only be a path or URL (there is a '.', '/' or ':' in it); any other argument behind it is its value. true and false
 * are that value and dflt. 0/-1: ERR_USAGE with a hint. */
int opt_parse(const struct opt_set *sets, size_t nsets, char *const *args, size_t n, bool stop_at_operand,
	      struct opt_result *out, size_t *used, struct err *e);
/* ERR_USAGE if both options of a pair were given. */
int opt_check_conflicts(const struct opt_conflict *c, size_t n, const struct opt_result *r, struct err *e);
void opt_result_release(struct opt_result *r);
#define AUTO_OPT_RESULT AUTO(opt_result_release)
/* Free the lists in the struct of a table. */
void opt_set_release(const struct opt_set *s);

/* Whether the option takes a value. */
bool opt_has_value(const struct opt *o);
/* "-f, --file FILE" as help shows it; an option that may be repeated has "…" behind it. */
void opt_label(const struct opt *o, struct buf *out);

#endif
