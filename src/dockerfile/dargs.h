/* Scopes of ARG and ENV, and instructions with their variables expanded.
 *
 * The order of use:
 *     struct dargs *g = dargs_new(&opts);                      the global scope
 *     for each ARG before FROM: dargs_meta(g, instr, e)
 *     for each stage:
 *         dargs_from(g, instr, &image, &platform, e)           FROM expanded with the global scope
 *         struct dargs *s = dargs_stage(g, scope of the stage that FROM names, or NULL)
 *         dargs_base_env(s, "PATH=..."), ...                   the base image's config.Env, only if FROM names an image
 *         for each instruction: r = dargs_step(s, instr, e)    expanded copy; ENV and ARG take effect in s
 *
 * What overrides what, in expansion and in the environment of RUN: the later of ENV and ARG (with a value) of the same
 * name. An ARG's value is the build argument, else its default, else the global scope's value, else it is unset. A
 * stage built FROM another inherits its ENV and its ARGs. Platform arguments (TARGETPLATFORM, ...) are set in the
 * global scope and reach a stage only by ARG. Proxy arguments (HTTP_PROXY, ..., either case) reach RUN without ARG, but
 * no expansion and no key. */
#ifndef SLCT_DARGS_H
#define SLCT_DARGS_H

#include "src/dockerfile/dast.h"
#include "src/util/err.h"
#include "src/util/smap.h"
#include "src/util/vec.h"

struct dargs;

struct dargs_opts {
	const struct smap *build_args; /* --build-arg: name -> string; may be NULL */
	const char *build_platform;    /* "linux/amd64", "linux/arm/v7"; NULL: platform arguments are unset */
	const char *target_platform;   /* NULL: as build_platform */
	const char *target_stage;      /* TARGETSTAGE; NULL: "default" */
};

/* The global scope; copies the options. */
struct dargs *dargs_new(const struct dargs_opts *o);
/* The scope of a stage: empty, or with a copy of all that is in base so far. global must outlive it. */
struct dargs *dargs_stage(struct dargs *global, const struct dargs *base);
void dargs_free(struct dargs *d); /* stages before the global scope */

/* An ARG before the first FROM. */
int dargs_meta(struct dargs *g, const struct dast_instr *in, struct err *e) ATTR_NODISCARD;
/* Image and platform (NULL if not given) of a FROM; caller frees both. An empty image is an error. */
int dargs_from(struct dargs *g, const struct dast_instr *from, char **image, char **platform,
	       struct err *e) ATTR_NODISCARD;
/* "K=V" of the base image's environment. */
void dargs_base_env(struct dargs *s, const char *kv);
/* For values that slct itself sets in a stage's environment (as PATH where the base has none). */
void dargs_env_set(struct dargs *s, const char *key, const char *val);

/* Expanded copy of an instruction of the stage (NULL on error): flags, words, pairs and heredoc contents as
 * dast_info() says; pairs and words without quotes and escapes. ENV and ARG then take effect. Pairs of an ARG that
 * stays without a value have value NULL. All pairs of one ENV or LABEL see the values from before the line. */
struct dast_instr *dargs_step(struct dargs *s, const struct dast_instr *in, struct err *e) ATTR_NODISCARD;

/* Value in the scope, NULL if unset. */
const char *dargs_get(const struct dargs *d, const char *name);
/* The image config's Env so far: base and ENV, in order, "K=V"; appended. */
void dargs_image_env(const struct dargs *s, struct strv *out);
/* What a RUN gets: image env and ARGs, in order of first appearance, "K=V"; appended. Part of the key. */
void dargs_run_env(const struct dargs *s, struct strv *out);
/* Proxy build arguments that a RUN gets besides and that are in no key, "K=V"; appended. Those that an ARG or ENV of
 * the stage sets are not among them. */
void dargs_proxy_env(const struct dargs *s, struct strv *out);
/* ARGs declared so far in this stage and in those it is built from: name=value or bare name, in order; appended. For
 * the history entry of RUN ("|2 a=1 b=2 /bin/sh -c ..."). */
void dargs_declared(const struct dargs *s, struct strv *out);

/* Names used in expansion that were unset, each once, in order; appended. For warnings (UndefinedVar). */
void dargs_undefined(const struct dargs *d, struct strv *out);
/* The same, and forgets them: between two instructions it tells which of them used a name. */
void dargs_undefined_take(struct dargs *d, struct strv *out);
/* Build arguments that no ARG used so far, in any scope made from g; appended. Predefined ones are not among them. */
void dargs_unused(const struct dargs *g, struct strv *out);

/* One of the predefined proxy arguments. */
bool dargs_is_proxy(const char *name);

#endif
