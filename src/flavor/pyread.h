/* The constants of build_steps.py: a reader on pylex of what its classes may say without being run. What it does not
 * know is an error at its place, with the remedy. All return 0, or -1 with *r.e. */
#ifndef SLCT_PYREAD_H
#define SLCT_PYREAD_H

#include "src/flavor/pylex.h"

#define PYREAD_HINT                                                                                                    \
	"only classes whose methods return constants can be read without running Python; describe the flavor in a "    \
	"flavor.yml with the key `stages` beside flavor_base instead"

struct pyread {
	struct pylex x;
	struct err *e;
};

/* The current token is what the grammar does not know; `wanted` is what it knows there. Returns -1. */
int pyread_fail(struct pyread *p, const char *wanted);
int pyread_next(struct pyread *p);
/* The current token must be s; go behind it. */
int pyread_expect(struct pyread *p, const char *s, const char *wanted);
/* The end of a line, or of the file. */
int pyread_line_end(struct pyread *p);
int pyread_skip_lines(struct pyread *p);

/* NAME ("." NAME)*; *last is the last name. */
int pyread_dotted(struct pyread *p, struct sv *last);
/* To the next line. */
int pyread_import(struct pyread *p);
/* A string; *out is the caller's. */
int pyread_string(struct pyread *p, char **out, const char *wanted);
/* A class: `X`, `X(...)`, `self.create_child_task_with_common_params(X)`; *out is the caller's. */
int pyread_class_ref(struct pyread *p, char **out);
/* "(" "self" ")" ["->" type] ":" */
int pyread_signature(struct pyread *p);
/* A string that stands alone behind a signature, if there is one. */
int pyread_docstring(struct pyread *p);

#endif
