/* The files of a stage's build context as EXASLCT sees them: everything that its mappings lead to, links followed, by
 * the place that it gets in the context. */
#ifndef SLCT_FCONTEXT_H
#define SLCT_FCONTEXT_H

#include "src/flavor/flavor.h"

#define FCONTEXT_DEPTH_MAX   128
#define FCONTEXT_ENTRIES_MAX (1u << 20)

struct fcontext_entry {
	char *dest;			      /* in the context */
	char *src;			      /* absolute; NULL: literal text */
	const struct flavor_mapping *mapping; /* that it belongs to; borrowed */
	bool dir;
	bool exec; /* its owner may execute (or enter) it */
};

struct fcontext {
	struct fcontext_entry *v; /* in the order of the mappings, directories before what they hold */
	size_t n, cap;
};

/* Collect the entries. EXASLCT does not count the destination directory of a mapping itself, only what is in it.
 * ERR_INPUT names a link that dangles or leads into itself. */
int fcontext_collect(const struct flavor_stage *s, struct fcontext *out, struct err *e);
void fcontext_release(struct fcontext *c);
#define AUTO_FCONTEXT AUTO(fcontext_release)

/* Sort by the components of the destination, byte by byte: "a/b" comes before "a-b". */
void fcontext_sort(struct fcontext *c);
/* Call back for each entry in sorted order. */
typedef void fcontext_fn(void *arg, const struct fcontext_entry *en);
int fcontext_walk(const struct flavor_stage *s, fcontext_fn *fn, void *arg, struct err *e);

#endif
