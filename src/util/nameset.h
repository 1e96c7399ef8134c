/* A set of file names, the last components of paths, that answers "surely not in it" or "perhaps".
 *
 * Kept are hashes of 64 bits, so a name that was never added may be found (once in some 10^12 questions), and one that
 * was added always is. Nothing can be taken out. A set that would get too large becomes one that has every name. */
#ifndef SLCT_NAMESET_H
#define SLCT_NAMESET_H

#include "src/util/cleanup.h"
#include "src/util/err.h"

/* 64 MiB of memory at most. */
#define NAMESET_MAX ((size_t)4 << 20)

struct nameset;

struct nameset *nameset_new(void);
void nameset_free(struct nameset *t); /* NULL is fine */
static inline void nameset_freep(struct nameset **t)
{
	nameset_free(*t);
}
#define AUTO_NAMESET AUTO(nameset_freep)

/* Bytes of a name; no slash has a meaning here. */
void nameset_add(struct nameset *t, const char *name, size_t n);
/* From now on every name is in it. */
void nameset_add_all(struct nameset *t);
bool nameset_has(const struct nameset *t, const char *name, size_t n);
/* Whether no name was ever added. */
bool nameset_is_empty(const struct nameset *t);

/* To a new, empty file, and from its beginning: for a child's answer to its parent, not for keeping. nameset_load adds
 * what the file has; ERR_INTERNAL if that is no set. */
int nameset_save(const struct nameset *t, int fd, struct err *e);
int nameset_load(struct nameset *t, int fd, struct err *e);

#endif
