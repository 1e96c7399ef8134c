/* Which entries of a cache repository a build has read: what `slct cache gc` is told of them (cacheuse.h). A directory
 * keeps the days of use by itself (layout_dir_used). */
#ifndef SLCT_CACHENOTE_H
#define SLCT_CACHENOTE_H

#include "src/build/cacheopt.h"
#include "src/build/state.h"

/* Whether anything was found there. */
bool cachenote_reads(const struct build *b, const struct cacheopt *place);
/* The note of the day `when` (seconds since 1970) about it; caller frees. */
char *cachenote_text(const struct build *b, const struct cacheopt *place, int64_t when);

#endif
