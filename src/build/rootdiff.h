/* A step in a root of its own (roots.h): what is prepared in the root before it, and what of it is the layer. */
#ifndef SLCT_ROOTDIFF_H
#define SLCT_ROOTDIFF_H

#include "src/build/roots.h"
#include "src/sandbox/points.h"
#include "src/sandbox/sandbox.h"
#include "src/session/treeview.h"

/* In the user namespace. COPY and WORKDIR: index the root, let fn work in it, write the difference to the step's upper
 * directory. */
typedef int rootdiff_fn(const void *arg, const struct treeview *tv, struct err *e);
int rootdiff_copy(const struct step_job *j, rootdiff_fn *fn, const void *arg, const struct treeview *tv, struct err *e);

/* RUN, before: mount points, or in tier chroot what is mounted elsewhere; then the index. In the run worker. */
int rootdiff_prepare(const struct step_job *j, const struct sandbox_spec *s, struct err *e);
/* RUN, after: undo that, and write the difference. In the run worker. view (may be NULL): its table has the owners of
 * links and the like in the root, gets those of the layer's, and stays with the root. */
int rootdiff_finish(const struct step_job *j, const struct ownview *view, struct err *e);
/* The file of points.h; caller frees. */
char *rootdiff_points(const struct step_job *j);
/* What the set-up has changed before rootdiff_prepare (cacheclock.h): is undone with the rest. */
int rootdiff_save_points(const struct step_job *j, const struct points *p, struct err *e);

#endif
