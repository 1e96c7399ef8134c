/* flavor.yml: what cannot be inferred from the directories of a flavor.
 *
 *   version: 1                      optional
 *   goals: [release, test]          default goals
 *   stages:
 *     build_run:
 *       context: {src: ext/client}  destination in the context: path relative to the repository's root
 *       args: {PYTHON: "3.11"}      build arguments that change the image
 *       transparent_args: {JOBS: 4} build arguments that do not
 *
 * Unknown keys are errors; `tests` and `services` are those of ftests.h, `export` is reserved. */
#ifndef SLCT_FLAVORYML_H
#define SLCT_FLAVORYML_H

#include "src/flavor/flavor.h"
#include "src/util/sv.h"

#define FLAVORYML_FILE "flavor.yml"

/* Apply the text of `file` to a flavor whose stages are known: mappings, arguments, goals. ERR_INPUT with the line. */
int flavoryml_apply(struct flavor *f, const char *file, struct sv text, struct err *e);

#endif
