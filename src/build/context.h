/* Contexts that are no directory of the caller: a tar or a lone Dockerfile on standard input or from a web server, a
 * git repository; and a Dockerfile on standard input. Each becomes a directory below the store's tmp/ for the time of
 * the build, made by the caller's own user: owners in an archive mean nothing, since COPY gives files to root anyway.
 */
#ifndef SLCT_CONTEXT_H
#define SLCT_CONTEXT_H

#include "src/build/build.h"

/* --build-context of a web server or a git repository (ctxnamed.h). */
struct context_named {
	char *text;    /* URL or reference */
	char *dir;     /* where it will be */
	char *root;    /* the directory in it that is the context */
	size_t source; /* index into plan.sources */
};

struct context {
	struct strv paths; /* as build_opts.paths, local directories all of them */
	char *file;	   /* as build_opts.file */
	char *shown; /* what messages call it where it is a file of ours: "-", or its name in the context; else NULL */
	char *tmp;   /* below the store; NULL: nothing was made */
	unsigned count;
	VEC_OF(struct context_named) named;
};

/* Whether a CONTEXT operand names such a context. */
bool context_is_foreign(const char *text);
/* ERR_USAGE, ERR_INPUT, ERR_REGISTRY. Release in any case. */
int context_prepare(struct session *s, const struct build_opts *o, struct context *c, struct err *e);
/* A new name below the store's tmp/ for further things of this build; caller frees. NULL with *e. */
char *context_place(struct session *s, struct context *c, const char *name, struct err *e);
/* A context that only gives files into dir, which does not exist: a repository (all of it), a tar, or another file
 * under the name "context", as the reference has it. ERR_INPUT, ERR_REGISTRY, ERR_USAGE with --offline. */
int context_fetch(struct session *s, struct context *c, const struct build_opts *o, const char *text, const char *dir,
		  struct err *e);
/* Removes what was made. */
void context_release(struct session *s, struct context *c);

#endif
