/* YAML 1.1 by libyaml (used here and in yamlpy), loaded into the tree of json.h with bounds: size, depth, number of
 * nodes, no more than YAML_ALIAS_MAX expanded aliases. Plain scalars stay strings (an unquoted `version: 3.10` must
 * not become a number; see yaml_bool); only `~`, `null` and nothing at all are null. Errors: duplicate keys, keys that
 * are no scalars, merge keys (<<), tags other than !!str, !!map and !!seq, a second document, NUL in strings. An alias
 * is the same node as its anchor. */
#ifndef SLCT_YAML_H
#define SLCT_YAML_H

#include "src/util/err.h"
#include "src/util/json.h"

#define YAML_MAX_BYTES ((size_t)4 << 20)
#define YAML_ALIAS_MAX 256
#define YAML_NODES_MAX ((size_t)200000) /* with what aliases stand for */

struct yaml_doc; /* the tree and the position of each node */

/* Parse text of `file` (name for errors); NULL with *e (ERR_INPUT, file:line:column). An empty document is null. */
struct yaml_doc *yaml_parse(const char *text, size_t n, const char *file, struct err *e);
void yaml_doc_free(struct yaml_doc *d); /* NULL is fine */
/* libyaml exports a function of this name; defining it here would take its place inside of that library. */
#define yaml_free(d) yaml_doc_free(d)
static inline void yaml_freep(struct yaml_doc **d)
{
	yaml_doc_free(*d);
}
#define AUTO_YAML AUTO(yaml_freep)
struct json *yaml_root(const struct yaml_doc *d); /* borrowed */
/* Line (from 1) where a node of the tree begins; 0 if unknown (null has no place: it is one
 * node). For a mapping's member use the value's node. */
unsigned yaml_line(const struct yaml_doc *d, const struct json *node);
/* A scalar as YAML 1.1 reads booleans (true/false, yes/no, on/off in any case); 0, or -1 if it is none. */
int yaml_bool(const struct json *node, bool *out);

#endif
