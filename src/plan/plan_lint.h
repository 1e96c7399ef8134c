/* Checks of Dockerfiles (src/dockerfile/dlint.h) with what is known beyond the file: ignore files, base images, the
 * stages of a flavor. */
#ifndef SLCT_PLAN_LINT_H
#define SLCT_PLAN_LINT_H

#include "src/dockerfile/dlint.h"
#include "src/plan/plan.h"

/* After plan_evaluate(): a warning "FILE:LINE: RULE: message" for every finding of the Dockerfiles, each once. What an
 * instruction does is looked at in needed stages only. ERR_INPUT at the first finding of a file with
 * `# check=error=true`; the build argument BUILDKIT_DOCKERFILE_CHECK takes the place of all files' "# check=". */
int plan_lint(struct plan *p, struct err *e);

/* For a look at files without a plan. */
struct plan_lint_opts {
	const struct smap *build_args; /* may be NULL */
	const char *flavor_root;       /* as in plan_add_flavor */
	const char *target_platform;   /* NULL: this machine's */
	const char *check;	       /* in place of the files' "# check="; NULL: theirs */
	bool experimental;
	/* Config of an image, if it is at hand; false: not known. NULL: never. */
	bool (*image)(void *ctx, const struct ref *ref, struct imgconfig *out);
	void *image_ctx;
};

/* A Dockerfile, a directory with one, or a flavor with all its stages. *error: a file with error=true has findings. -1:
 * a file that cannot be read or parsed, or an instruction that cannot be expanded; findings may have been emitted. */
int plan_lint_path(const char *path, const struct plan_lint_opts *o, dlint_emit_fn *emit, void *ctx, bool *error,
		   struct err *e);

#endif
