/* Operands of --cache-from and --cache-to: REPO[,mode=steps|stages][,required] (cli.md). */
#ifndef SLCT_CACHEOPT_H
#define SLCT_CACHEOPT_H

#include "src/util/err.h"

struct cacheopt {
	char *repo;       /* host/path */
	bool stages_only; /* only the last layer step of each stage is written */
	bool required;    /* a failed write fails the build */
};

/* ERR_USAGE for unknown options, and for directories, which are not supported yet. */
int cacheopt_parse(const char *text, struct cacheopt *out, struct err *e);
void cacheopt_release(struct cacheopt *o);

#endif
