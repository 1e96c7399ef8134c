/* Packages files (packages.yml): a list of build steps, each with the packages that its stage installs. A stage gets
 * only its own part, `<stage>_packages.yml`, so that a change for one stage leaves the others cached.
 *
 *   build_steps:
 *   - name: language_deps
 *     ...                      anything; kept as it is
 *   version: 1.0.0
 *
 * Scalars stay strings and are written quoted, in JSON, which is YAML too: an unquoted `version: 3.10` would become a
 * number. Source: Exasol's flavors. */
#ifndef SLCT_PACKAGES_H
#define SLCT_PACKAGES_H

#include "src/util/err.h"
#include "src/util/sv.h"

#define PACKAGES_STEPS_MAX 1000

struct packages;

/* Parse; `file` names it in errors. Checked: a mapping with a list build_steps, each with a unique name. */
struct packages *packages_parse(const char *file, struct sv text, struct err *e);
/* Read and parse a file; a missing one gives no error and *out NULL. */
int packages_load(const char *path, struct packages **out, struct err *e);
void packages_free(struct packages *p); /* NULL is fine */
static inline void packages_freep(struct packages **p)
{
	packages_free(*p);
}
#define AUTO_PACKAGES AUTO(packages_freep)

/* The file of one stage: {"build_steps":[the step],"version":...,"comment":...}, indented, one scalar a line, with a
 * final newline. NULL if p is NULL or has no such step. Caller frees. */
char *packages_cut(const struct packages *p, const char *stage);

#endif
