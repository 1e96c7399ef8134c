/* Why steps ran: the nearest earlier record of the same step, and what differs (cache.md "Why"). */
#ifndef SLCT_WHY_H
#define SLCT_WHY_H

#include "src/build/state.h"

struct why;

/* Read the store's records of the plan's stages; once per run. */
struct why *why_load(struct build *b, struct err *e);
void why_free(struct why *w);
/* Reasons for a layer step against the nearest record before `before` (its build, wall clock ns; INT64_MAX: any) that
 * has another key: "src/a.py changed", "ARG VERSION 1.2 → 1.3", "the step before it was rebuilt", or that it is new. */
void why_step(const struct why *w, size_t stage, const struct plan_step *s, int64_t before, struct strv *out);
/* Emit them for a step that starts now (--explain). */
void why_explain(struct build *b, size_t stage, const struct plan_step *s);

#endif
