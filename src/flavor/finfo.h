/* /build_info, a directory that EXASLCT makes in the image of every stage: it ends each Dockerfile with a copy of
 * itself and a description of the image below it. Flavors rely on that: their release copies /build_info from stages
 * whose own Dockerfiles never made it. Here only such a stage gets the directory, with the Dockerfile in it: other
 * images stay what their Dockerfiles say, and alike stages of several flavors stay alike.
 *
 * Source: EXASLCT's build contexts (integration-test-docker-environment), and the flavors of its own tests. */
#ifndef SLCT_FINFO_H
#define SLCT_FINFO_H

#include "src/flavor/flavor.h"
#include "src/util/buf.h"

#define FINFO_DIR "/build_info"

/* Whether another stage of the flavor copies /build_info from s, and neither the Dockerfile of s nor those of the
 * stages below it (FROM {{ name }}) name that directory. Always false for our own layout. A Dockerfile that cannot be
 * read says nothing here: it is its stage's error. */
bool finfo_wanted(const struct flavor *f, const struct flavor_stage *s);
/* Append the instruction that makes it: COPY of the Dockerfile. */
void finfo_add(const struct flavor_stage *s, struct buf *out);

#endif
