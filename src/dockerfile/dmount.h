/* Value of RUN --mount: comma-separated KEY=VALUE fields, quoted as in CSV where a value has a comma.
 * Source: Dockerfile reference, "RUN --mount". */
#ifndef SLCT_DMOUNT_H
#define SLCT_DMOUNT_H

#include "src/dockerfile/dexpand.h"
#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/sv.h"

enum dmount_type { DMOUNT_BIND, DMOUNT_CACHE, DMOUNT_TMPFS, DMOUNT_SECRET, DMOUNT_SSH };
enum dmount_sharing { DMOUNT_SHARED, DMOUNT_PRIVATE, DMOUNT_LOCKED };

#define DMOUNT_UNSET UINT32_MAX

struct dmount {
	enum dmount_type type;
	char *from;   /* bind, cache: stage, image or named context; NULL: the build context (cache: empty) */
	char *source; /* bind, cache: path within from; NULL: its root. As written: "../x" is for the user to clean */
	char *target; /* as written, may be relative to WORKDIR; NULL only for secret and ssh */
	char *id;     /* cache (default: target), secret, ssh; NULL: the type's default */
	char *env;    /* secret: name of a variable; NULL: none */
	bool readonly;
	bool required; /* secret, ssh */
	enum dmount_sharing sharing;
	uint32_t mode, uid, gid; /* DMOUNT_UNSET: the type's default */
	uint64_t size;		 /* tmpfs: bytes, 0: no limit of its own */
};

/* The value is expanded already. *out is to be released also after an error. Errors (ERR_INPUT, without place): unknown
 * key or type, a key that the type does not have, bad number, missing target. */
int dmount_parse(struct sv value, struct dmount *out, struct err *e) ATTR_NODISCARD;
void dmount_release(struct dmount *m);
const char *dmount_type_name(enum dmount_type type);

/* Expand the values of the fields, so that a comma in a variable stays part of its value. Variables in from= are an
 * error: what a build needs must be known before it starts. Caller frees *out. */
int dmount_expand(struct sv value, const struct dexpand_opts *o, char **out, struct err *e) ATTR_NODISCARD;

/* The from= of a value that is not expanded yet, for the edges of a plan: *from is NULL if there is none; caller frees.
 * The same error for variables. */
int dmount_from(struct sv value, char **from, struct err *e) ATTR_NODISCARD;

#endif
