/* Resource limits of a step (--ulimit), as docker writes them: NAME=SOFT[:HARD]. */
#ifndef SLCT_ULIMIT_H
#define SLCT_ULIMIT_H

#include "src/util/err.h"
#include "src/util/vec.h"

#define ULIMIT_UNLIMITED UINT64_MAX

struct ulimit {
	const char *name; /* of a table */
	int resource;	  /* RLIMIT_... */
	uint64_t soft, hard;
};

/* "nofile=1024", "nofile=1024:2048"; -1 and "unlimited" are no limit, and without HARD it is SOFT. The units are those
 * of setrlimit(2). ERR_USAGE. */
int ulimit_parse(const char *text, struct ulimit *out, struct err *e);
/* NAME=SOFT:HARD; caller frees. Two texts that mean the same give the same. */
char *ulimit_text(const struct ulimit *l);
/* Texts that mean what the list does, by name, of a repeated name the last one. ERR_USAGE. */
int ulimit_canonical(const struct strv *list, struct strv *out, struct err *e);
/* Set the limits of this process. ERR_HOST, with the limit that is in the way. */
int ulimit_apply(const char *const *texts, size_t n, struct err *e);

#endif
