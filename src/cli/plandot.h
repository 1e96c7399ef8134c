/* A plan (plan --json) as a graph for graphviz: FROM solid, COPY and mounts dashed, colours by state. */
#ifndef SLCT_PLANDOT_H
#define SLCT_PLANDOT_H

#include "src/util/buf.h"
#include "src/util/json.h"

/* plan: as build_plan() makes it. Names are quoted for graphviz. */
void plandot_write(const struct json *plan, struct buf *out);

#endif
