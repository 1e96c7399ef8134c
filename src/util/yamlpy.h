/* A tree as Python's PyYAML writes it (yaml.dump with sort_keys, its other defaults): block style, keys in byte order,
 * lines folded behind column 80, scalars plain, single-quoted or, what is not printable ASCII, double-quoted. EXASLCT's
 * hashes are made of such text. libyaml's emitter is PyYAML's, rewritten in C; what a plain scalar would be read as is
 * PyYAML's own table. Verified byte by byte against PyYAML 6.0 with libyaml 0.2.5. */
#ifndef SLCT_YAMLPY_H
#define SLCT_YAMLPY_H

#include "src/util/err.h"
#include "src/util/json.h"

#define YAMLPY_DEPTH_MAX 64
#define YAMLPY_MAX_BYTES ((size_t)4 << 20)

/* Objects, arrays, strings and booleans; other values and trees that are deeper or longer: ERR_INPUT. So is a text that
 * is not printable ASCII and may be longer than its line: PyYAML folds those otherwise than libyaml. */
int yamlpy_write(struct json *j, struct buf *out, struct err *e);

#endif
