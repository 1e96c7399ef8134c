/* Internal to src/plan: what the loader and the evaluation share. */
#ifndef SLCT_PLAN_LOAD_H
#define SLCT_PLAN_LOAD_H

#include "src/plan/plan.h"

/* What a reference in stage `at` means: a stage (of the flavor or of the same file) or an image; records the edge.
 * Exactly one of *stage and *image is not PLAN_NONE. */
int plan_load_reference(struct plan *p, size_t at, const char *text, bool by_number, enum plan_edge_kind kind,
			size_t *stage, size_t *image, struct err *e);
/* FILE, or the Dockerfile (Containerfile) of the directory; caller frees. NULL with *e if there is none. */
char *plan_load_dockerfile(const char *dir, const char *file, struct err *e);
/* The ignore file of a Dockerfile and its context; *out NULL: there is none. */
int plan_load_ignore(const char *dockerfile, const char *dir, struct ignore **out, struct err *e);

#endif
