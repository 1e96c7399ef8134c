/* Value of RUN --device: the name of a CDI device, and whether the step can do without it. */
#ifndef SLCT_DDEVICE_H
#define SLCT_DDEVICE_H

#include "src/util/err.h"
#include "src/util/sv.h"

struct ddevice {
	char *name;
	bool required; /* false where nothing is said */
};

/* NAME or name=NAME, and required[=BOOL]. *out is to be released also after an error (ERR_INPUT, without place). */
int ddevice_parse(struct sv value, struct ddevice *out, struct err *e) ATTR_NODISCARD;
void ddevice_release(struct ddevice *d);

#endif
