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
 * Unknown keys are errors; `tests` and `services` are those of ftests.h, `export` is that of fexport.h. Without
 * `stages` it adds to a build_steps.py, with it (be it empty) it takes that file's place. */
#ifndef SLCT_FLAVORYML_H
#define SLCT_FLAVORYML_H

#include "src/flavor/flavor.h"
#include "src/util/yaml.h"

#define FLAVORYML_FILE "flavor.yml"

/* Read the file of a flavor with its path set. *doc NULL: there is none. ERR_INPUT with the line. */
int flavoryml_open(const struct flavor *f, struct yaml_doc **doc, struct err *e);
bool flavoryml_has_stages(const struct yaml_doc *doc); /* false for NULL */
/* Apply it to a flavor whose stages are known; nothing for NULL. ERR_INPUT with the line. */
int flavoryml_apply(struct flavor *f, struct yaml_doc *doc, struct err *e);

#endif
