/* Checks of a Dockerfile that builds, but not as its author may think. Rules, names and what they ask for are those of
 * BuildKit's build checks (docs.docker.com/reference/build-checks), so that a file says the same to both.
 *
 * Pure: what is known beyond the file comes in by the options. `# check=skip=RULE,...|all;error=true;experimental=...`
 * at the top of the file holds for all of it, `# check=skip=...` right before an instruction for that instruction.
 * Triggers of base images are no part of the file and are not looked at, nor are those that ONBUILD sets. */
#ifndef SLCT_DLINT_H
#define SLCT_DLINT_H

#include "src/dockerfile/dstage.h"
#include "src/dockerfile/ignore.h"
#include "src/util/err.h"
#include "src/util/smap.h"
#include "src/util/vec.h"

#define DLINT_NO_STAGE SIZE_MAX

struct dlint_finding {
	const char *rule, *summary; /* constant */
	const struct dast_file *file;
	size_t stage;	     /* index; DLINT_NO_STAGE: ARG before the first FROM */
	unsigned line;	     /* from 1 */
	const char *message; /* these two are valid during the call only */
	const char *excerpt; /* the line as it stands in the file */
	bool maybe; /* true only if the base image, which is not known, does not say otherwise: never an error */
};
typedef void dlint_emit_fn(void *ctx, const struct dlint_finding *f);

/* What the image says that a stage is FROM. */
struct dlint_base {
	struct strv env; /* "K=V" */
	bool shell;	 /* it has a SHELL */
};

struct dlint_opts {
	const struct smap *build_args;				     /* may be NULL */
	const char *build_platform, *target_platform, *target_stage; /* as in struct dargs_opts */
	const struct ignore *ignore; /* of the context; NULL: nothing is left out, or not known */
	const char *check;	     /* takes the place of the file's "# check="; NULL: the file's */
	bool experimental;	     /* experimental rules too */
	const bool *wanted; /* by stage: what its instructions do is looked at only if set; NULL: all. What a file looks
			     * like (names, casing) is looked at in any case */
	/* The image of a stage that is FROM none of this file; false: not known. NULL: never known. */
	bool (*base)(void *ctx, size_t stage, const char *image, struct dlint_base *out);
	bool (*ref_ok)(const char *image); /* whether it can be the name of an image; NULL: any but "" */
	void *ctx;			   /* for base */
};

/* Emits the findings by line, those of one line in the order of the rules. *error: error=true is set, and something was
 * found. -1: a bad "# check=", or an instruction that cannot be expanded (emitted are then the findings that do not
 * depend on it). */
int dlint_run(const struct dstage_list *l, const struct dlint_opts *o, dlint_emit_fn *emit, void *ctx, bool *error,
	      struct err *e) ATTR_NODISCARD;

/* The rules: i from 0; NULL at the end. */
const char *dlint_rule_name(size_t i, const char **summary, bool *experimental);

#endif
