/* Where there is no overlay: root directories of steps, and who may work in which. A root is a full tree of its own
 * (files are reflinks or copies); it is handed on from one step to the next of its stage, or to the first of another
 * stage that begins with just these layers, so that it is made once in a stage and not once in a step. */
#ifndef SLCT_ROOTS_H
#define SLCT_ROOTS_H

#include "src/build/state.h"

/* --- in the scheduler --- */
/* Give the step a root: one that shows its parent's stack (j->root_made), or a name for a new one. A surplus root may
 * come with it, to be removed by the step's worker (j->evict). */
void roots_take(struct step_job *j);
/* The step has succeeded and its root shows this stack now. A root that is not given back goes with the run. */
void roots_give(struct step_job *j, const struct digest_list *stack);
/* The root is not as its layers say: nobody gets it. */
void roots_drop(struct step_job *j);
void roots_release(struct build *b);

/* --- in a worker, in the user namespace --- */
/* Make the root if it is not there. */
/* view (may be NULL): owners of links and the like in the root go to its table, and stay with the root (roots_keep). */
int roots_make(const struct step_job *j, const struct ownview *view, struct err *e);
int roots_keep(const struct step_job *j, const struct ownview *view, struct err *e);
/* For a RUN step, whose worker stays outside of the user namespace: make it with what the tier records and keep that,
 * inside; and add what a root keeps to the table of the view, anywhere. */
int roots_prepare(const struct step_job *j, struct err *e);
int roots_load(const struct step_job *j, const struct ownview *view, struct err *e);
int roots_open(const struct step_job *j, struct err *e);
/* Copy a stack's merged tree to a new directory, relative to the store. share: files are links to those of the layers,
 * and must never be written to. */
int roots_copy(const struct build *b, const struct digest_list *stack, const char *rel, bool share,
	       const struct ownview *view, struct err *e);

#endif
