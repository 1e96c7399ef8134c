/* .dockerignore: reading, matching, pruning.
 *
 * Patterns as BuildKit's: `*` any text without '/', `?` one character but '/', `[a-z]` `[^a-z]` classes, `\x` is x,
 * `**` any number of directories; a leading `!` re-includes. A pattern that matches a directory holds for all below it.
 * The last pattern that matches decides. Paths are relative to the context, '/'-separated, without leading "./". */
#ifndef SLCT_IGNORE_H
#define SLCT_IGNORE_H

#include "src/util/base.h"
#include "src/util/cleanup.h"
#include "src/util/err.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

struct ignore;

/* Lines of an ignore file -> patterns, cleaned, in order; appended. A BOM, comments (# in the first column) and empty
 * lines are left out; a leading '/' is dropped. Errors: limits of dlimit.h, NUL. */
int ignore_read(const char *name, struct sv text, struct strv *out, struct err *e) ATTR_NODISCARD;

/* Compile patterns. A bad pattern is ERR_INPUT. NULL on error. */
struct ignore *ignore_new(const struct strv *patterns, struct err *e) ATTR_NODISCARD;
/* ignore_read() and ignore_new(), with file:line in errors. */
struct ignore *ignore_parse(const char *name, struct sv text, struct err *e) ATTR_NODISCARD;
void ignore_free(struct ignore *ig); /* NULL is fine */

/* Whether the path is left out of the context: by itself or through a parent. ig NULL: false. */
bool ignore_match(const struct ignore *ig, const char *path);

/* Whether a walker need not enter the directory: it is left out, and no `!` pattern could match anything below it. */
bool ignore_prune(const struct ignore *ig, const char *dir);

/* Whether the patterns leave out everything, whatever the context holds. */
bool ignore_everything(const struct ignore *ig);

/* Whether the one pattern matches the path itself; for COPY --exclude and sources with wildcards. -1: bad pattern. */
int ignore_glob(const char *pattern, const char *path);

static inline void ignore_freep(struct ignore **p)
{
	ignore_free(*p);
}
#define AUTO_IGNORE AUTO(ignore_freep)

#endif
