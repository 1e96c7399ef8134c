/* Templates of Dockerfiles: `{{ name }}`, with spaces or without, stands for the image of a stage. `{{ 'text' }}` (or
 * with double quotes) is the text itself, the way to write a literal `{{`. Nothing else: `{%` and `{#` are not ours and
 * stay. A name is made of letters, digits, '_', '-' and '.'.
 *
 * Pure: text in, text or error out. Source: what the templates of EXASLCT's flavors contain. */
#ifndef SLCT_TEMPLATE_H
#define SLCT_TEMPLATE_H

#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

#define TEMPLATE_NAMES_MAX 1000

/* What stands for a name. */
struct template_env {
	/* Append what replaces the name; false: the name is not defined. */
	bool (*value)(const void *arg, struct sv name, struct buf *out);
	/* Append the names that are defined, for the error's hint. */
	void (*names)(const void *arg, struct strv *out);
	const void *arg;
};

/* Render text; `file` names it in errors. ERR_INPUT with place and excerpt: undefined name, something between the
 * braces that is no name, no closing braces on the line. In a comment line (first character '#') those are no errors
 * and the text stays. */
int template_render(const char *file, struct sv text, const struct template_env *env, struct buf *out, struct err *e);

/* The names that text uses outside of comment lines, each once, in order. Text that template_render() would refuse is
 * skipped; so is what comes after TEMPLATE_NAMES_MAX names. */
void template_names(struct sv text, struct strv *out);

#endif
