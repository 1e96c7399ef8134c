/* Internal to src/plan: what a name in FROM, COPY --from or RUN --mount=from means. */
#ifndef SLCT_PLAN_REF_H
#define SLCT_PLAN_REF_H

#include "src/plan/plan.h"

/* What a reference in stage `at` means: a stage (of the flavor or of the same file), an image, or a directory that
 * --build-context names (PLAN_FROM_CONTEXT with the index of its source). Records the edge. A named context takes the
 * place of a stage or image of its name, as with BuildKit. */
int plan_ref_resolve(struct plan *p, size_t at, const char *text, bool by_number, enum plan_edge_kind kind,
		     struct plan_from *out, struct err *e);
/* Whether what it means can be used in a trigger of ONBUILD: the graph was made from the Dockerfiles alone, so what
 * only a trigger names was not made ready. */
bool plan_ref_ready(const struct plan *p, const struct plan_from *from);
/* Index of a flavor's stage: the last stage of its Dockerfile. PLAN_NONE: there is none. */
size_t plan_ref_flavor_stage(const struct plan *p, const char *flavor, const char *stage);

/* plan_named.c: the context of --build-context with this name, as an image or a stage is called; NULL. */
const struct plan_named *plan_named_find(const struct plan *p, const char *name);

#endif
