/* <stage>_packages.yml as EXASLCT writes it, for its hashes: the part of packages.yml that belongs to a stage goes
 * through a model of packages files (known keys only, defaults filled in, no nulls, channels sorted, paths cleaned) and
 * comes out by PyYAML. The file that our builds give to a stage is another one (packages.h); both mean the same.
 *
 * Source: package_file_config.py of exasol/script-languages-package-management (1.0 to 1.2) and
 * docker_flavor_image_task.py of exasol/script-languages-container-tool. */
#ifndef SLCT_EXPACKAGES_H
#define SLCT_EXPACKAGES_H

#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/json.h"

/* step: the stage's entry of build_steps, scalars as strings. ERR_INPUT: a value of another kind than EXASLCT takes. */
int expackages_write(const char *stage, struct json *step, struct buf *out, struct err *e);

#endif
