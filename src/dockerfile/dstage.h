/* A Dockerfile seen as stages. Borrowed from the syntax tree, which must outlive it. */
#ifndef SLCT_DSTAGE_H
#define SLCT_DSTAGE_H

#include "src/dockerfile/dast.h"
#include "src/util/err.h"

struct dstage {
	const struct dast_instr *from;
	const char *image;			  /* unexpanded: image, stage name or "scratch" */
	char *name;				  /* owned, lower case; NULL without AS */
	const char *platform;			  /* unexpanded value of --platform; NULL if absent */
	VEC_OF(const struct dast_instr *) instrs; /* after FROM */
};

struct dstage_list {
	const struct dast_file *file;
	VEC_OF(const struct dast_instr *) meta; /* the ARGs before the first FROM */
	VEC_OF(struct dstage) stages;		/* at least one */
};

/* After dparse_check(). Errors: an instruction other than ARG before the first FROM; no FROM at all. Two stages may
 * have the same name (the later one counts from then on). */
int dstage_view(const struct dast_file *f, struct dstage_list *out, struct err *e) ATTR_NODISCARD;
void dstage_release(struct dstage_list *l);

/* A name that may stand after AS: a letter, then letters, digits, '-', '_', '.'; case does not matter. */
bool dstage_name_valid(const char *name);

/* The stage that a FROM, COPY --from or --mount=from of stage `at` means: the nearest earlier stage of that name (any
 * case), or, if `index` is set, the stage with that decimal number below `at`. -1 if it is none (so it is an image or a
 * named context). at = number of stages looks everything up (--target). */
ssize_t dstage_find(const struct dstage_list *l, const char *name, size_t at, bool index);

#endif
