/* Patterns of ${name#pattern} and its kin: `*` any text, `?` one character, `\*` `\?` `\\` themselves. A backslash
 * before
 * '}' or '/' vanishes; before anything else it is an error. Matching costs at most length of the value times length of
 * the pattern, whatever the pattern; *work is what the caller grants, and 0 afterwards if it did not suffice. */
#ifndef SLCT_DGLOB_H
#define SLCT_DGLOB_H

#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/err.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

struct dglob_item {
	enum { DGLOB_CHAR, DGLOB_ONE, DGLOB_STAR } type;
	struct sv c; /* DGLOB_CHAR: one UTF-8 character, borrowed from the pattern */
};

struct dglob {
	VEC_OF(struct dglob_item) items;
	unsigned char *state; /* work space: items.n + 1 */
};

/* The pattern is borrowed. */
int dglob_init(struct dglob *g, struct sv pattern, struct err *e) ATTR_NODISCARD;
void dglob_release(struct dglob *g);
/* Length in bytes of the shortest or longest prefix (suffix) of v that matches, -1 if none does. */
ssize_t dglob_prefix(struct dglob *g, struct sv v, bool longest, size_t *work);
ssize_t dglob_suffix(struct dglob *g, struct sv v, bool longest, size_t *work);

/* Append v to out with the first or every match, each as long as possible, replaced by `by`. An empty match does not
 * follow a match directly. */
void dglob_replace(struct dglob *g, struct sv v, struct sv by, bool all, struct buf *out, size_t *work);

#define AUTO_DGLOB AUTO(dglob_release)

#endif
