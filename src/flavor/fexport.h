/* What an export of a stage leaves out and gets: the usual rules of a script-language container, and those of a
 * flavor.yml (docs/internals/flavor.md has the schema).
 *
 *   export:
 *     exclude: [opt/build, usr/share/doc]   globs anchored at the root; what matches and all below it
 *     links: {etc/localtime: /conf/localtime}     in the place of what is there
 *     files: {etc/motd: export/motd}              of the flavor's directory, in the place of what is there
 *     usual: false                                without the usual rules
 *
 * A link or file of the flavor takes the place of the usual one of the same path. */
#ifndef SLCT_FEXPORT_H
#define SLCT_FEXPORT_H

#include "src/flavor/flavor.h"
#include "src/util/yaml.h"

#define FEXPORT_FILE_MAX_BYTES ((size_t)1 << 20)
#define FEXPORT_FILES_MAX      64

/* x, which is empty, gets the usual rules. */
void fexport_usual(struct fexport *x);
/* Read the mapping below `export` of `file` into the flavor, whose rules are the usual ones. ERR_INPUT with file:line.
 */
int fexport_read(struct flavor *f, const struct yaml_doc *doc, const char *file, struct json *map, struct err *e);
/* Read the contents of the files. ERR_INPUT with the line of flavor.yml: one is not there, no regular file or larger
 * than FEXPORT_FILE_MAX_BYTES. */
int fexport_load(struct fexport *x, struct err *e);
/* A name of loaded rules for those who keep what was exported by them: 16 hexadecimal digits; NULL for the usual ones.
 * Caller frees. */
char *fexport_id(const struct fexport *x);
void fexport_copy(struct fexport *to, const struct fexport *from);
void fexport_release(struct fexport *x);
#define AUTO_FEXPORT AUTO(fexport_release)

#endif
