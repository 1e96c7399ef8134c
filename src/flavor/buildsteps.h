/* Static reader of EXASLCT's build_steps.py: bytes in, classes out; nothing is executed.
 *
 *   file   := (import | class | docstring)*
 *   class  := "class" NAME "(" dotted ")" ":" (docstring | "pass" | method)+    last name of dotted: BUILDSTEPS_BASE
 *   method := "def" NAME "(" "self" ")" ["->" type] ":" [docstring] "return" value
 *   value  := STRING | "None" | "dict()" | "{" [STRING ":" item ("," STRING ":" item)* [","]] "}"
 *   item   := STRING | dotted ["(" balanced ")"]
 *
 * Indentation is not looked at, except that classes begin in the first column and methods do not. Anything else is an
 * error, since a guess would build something that EXASLCT would not. Source: all 58 build_steps.py of Exasol's
 * repository and its history (flavors.md). */
#ifndef SLCT_BUILDSTEPS_H
#define SLCT_BUILDSTEPS_H

#include "src/util/err.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

#define BUILDSTEPS_BASE	     "DockerFlavorAnalyzeImageTask"
#define BUILDSTEPS_MAX_BYTES ((size_t)1 << 20)
#define BUILDSTEPS_ITEMS_MAX 1000 /* of a dictionary; classes */

/* "key": value, in the order of the file. */
struct buildsteps_item {
	char *key;
	char *val; /* a string, or the name of a class */
	unsigned line;
};

struct buildsteps_dict {
	struct buildsteps_item *v;
	size_t n, cap;
};

/* What the methods of a class return; NULL or empty where there is none or it returns None. */
struct buildsteps_class {
	char *name;
	unsigned line;
	char *step;				 /* get_build_step; never NULL or "" in a result */
	char *path_in_flavor;			 /* get_path_in_flavor; NULL: the flavor's root */
	char *language_definition;		 /* get_language_definition; NULL for "" too */
	struct buildsteps_dict requires;	 /* requires_tasks: alias -> name of a class of this file */
	struct buildsteps_dict mapping;		 /* get_additional_build_directories_mapping: destination -> source */
	struct buildsteps_dict args;		 /* get_image_changing_build_arguments */
	struct buildsteps_dict transparent_args; /* get_transparent_build_arguments */
};

struct buildsteps {
	struct buildsteps_class *v; /* in the order of the file; a class without methods is left out */
	size_t n, cap;
};

/* Parse; `file` names it in errors. ERR_INPUT with place, excerpt and hint. Checked: unique classes and stages, every
 * class has a stage, required classes are there. */
struct buildsteps *buildsteps_parse(const char *file, struct sv text, struct err *e);
void buildsteps_free(struct buildsteps *b);
static inline void buildsteps_freep(struct buildsteps **b)
{
	buildsteps_free(*b);
}
#define AUTO_BUILDSTEPS AUTO(buildsteps_freep)
const struct buildsteps_class *buildsteps_find(const struct buildsteps *b, const char *class_name);

#endif
