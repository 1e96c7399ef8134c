/* Exporting the releases of an EXASLCT run. */
#ifndef SLCT_EX_EXPORT_H
#define SLCT_EX_EXPORT_H

#include "src/cli/exrun.h"
#include "src/cli/release.h"

/* What EXASLCT prints below each container. */
#define EXASLCT_EXPORT_RULER "=================================================\n"

/* EXASLCT's default where no --release-goal is given. Release with strv_release. */
void exaslct_export_goals(const struct exopt *o, struct strv *out);
/* Export a goal to the output directory's cache/exports, under a name that stands for the image and the form; what is
 * there already is taken; *made (may be NULL) says whether it was not. Path; caller frees. */
char *exaslct_export_cached(struct exrun *r, const struct build_goal *g, bool *made, struct err *e);

#endif
