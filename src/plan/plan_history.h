/* History entries as BuildKit writes them: the expanded instruction in one line. Internal to src/plan. */
#ifndef SLCT_PLAN_HISTORY_H
#define SLCT_PLAN_HISTORY_H

#include "src/plan/plan_eval.h"

/* Of the instructions that change the config only, after they took effect; NULL for ONBUILD, which gets no entry.
 * Caller frees. */
char *plan_history_meta(const struct plan_eval *v);
/* COPY and ADD. Caller frees. */
char *plan_history_copy(const struct dast_instr *x);
/* RUN with its declared arguments. Caller frees. */
char *plan_history_run(const struct plan_eval *v, const struct strv *argv);

#endif
