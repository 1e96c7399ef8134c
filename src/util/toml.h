/* A strict part of TOML 1.0, enough for containers-registries.conf(5): tables, arrays of tables, dotted and quoted
 * keys, strings on one line, integers, booleans, arrays, inline tables, comments. Loaded into the tree of json.h.
 *
 * Refused with its name: multi-line strings, floats, dates. Errors too: a key or table given twice, bytes that are no
 * UTF-8, control characters. */
#ifndef SLCT_TOML_H
#define SLCT_TOML_H

#include "src/util/err.h"
#include "src/util/json.h"

#define TOML_MAX_BYTES ((size_t)1 << 20)
#define TOML_DEPTH_MAX 16

/* `file` is the name for errors (ERR_INPUT, file:line). An object, or NULL. */
struct json *toml_parse(const char *text, size_t n, const char *file, struct err *e);

#endif
