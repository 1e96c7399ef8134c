/* Language definitions of a flavor, and the statements that activate them in a database (flavors.md).
 *
 * `language_definition` is a template of ALIAS=URL words with {{ bucketfs_name }}, {{ bucket_name }},
 * {{ path_in_bucket }} and {{ release_name }}; it is what EXASLCT prints, so it comes first. A flavor that has only
 * `language_definitions.json` (schema version 2) gets the same words made from it. Both are looked for in flavor_base/
 * and in the flavor itself. */
#ifndef SLCT_LANGDEF_H
#define SLCT_LANGDEF_H

#include "src/util/err.h"
#include "src/util/smap.h"
#include "src/util/vec.h"

#define LANGDEF_MAX_BYTES      ((size_t)1 << 20)
#define LANGDEF_SCHEMA_VERSION 2

struct langdef_place {
	const char *bucketfs, *bucket;
	const char *path;      /* in the bucket, with or without slashes at its ends; NULL: none */
	const char *container; /* the archive's name without its ending */
};

/* "ALIAS=URL ALIAS=URL", as it stands between the quotes of the statements. ERR_INPUT: there is no definition, or it is
 * wrong, or it holds a quote, which would end the statement. Caller frees. */
char *langdef_render(const char *flavor_dir, const struct langdef_place *p, struct err *e);
/* Whether both files, as far as they are there, can be read. ERR_INPUT. */
int langdef_check(const char *flavor_dir, struct err *e);
/* Other names for aliases (renames: old name → new one), and built-in languages (PYTHON3, JAVA, R) that have none.
 * ERR_USAGE names an alias that is not there. Caller frees. */
char *langdef_change(const char *definitions, const struct smap *renames, bool add_builtin, struct err *e);

char *langdef_alter(const char *scope, const char *definitions); /* scope: "SESSION" or "SYSTEM"; caller frees */
/* What EXASLCT's generate-language-activation prints for a flavor's name, byte for byte. Caller frees. */
char *langdef_message(const char *flavor_name, const char *definitions);

#endif
