/* Internal to dargs.c (scopes) and dargs_step.c (instructions in them).
 *
 * A scope has three maps: `vars` is what expansion and RUN see, `env` what the image config gets, `args` the ARGs
 * declared in it. The global scope has only vars and args. */
#ifndef SLCT_DARGS_PRIV_H
#define SLCT_DARGS_PRIV_H

#include "src/dockerfile/dargs.h"
#include "src/util/smap.h"

struct dargs {
	struct dargs *global;  /* itself for the global scope */
	struct smap vars;      /* name -> value */
	struct smap env;       /* name -> value */
	struct smap args;      /* name -> value, "" also where unset: see vars */
	struct smap given;     /* global: --build-arg */
	struct smap used;      /* global: build arguments met by an ARG */
	struct strv undefined; /* names expanded while unset */
	size_t bytes;	       /* of all values set so far */
};

#endif
