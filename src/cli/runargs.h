/* What run, shell, test and scan have in common: an image or goal to run in, docker's rules for what is run there. */
#ifndef SLCT_RUNARGS_H
#define SLCT_RUNARGS_H

#include "src/build/build.h"
#include "src/cli/work.h"
#include "src/run/runimg.h"

/* SRC:DST[:ro|rw] of -v, DST alone is a tmpfs; relative sources are of the current directory. ERR_USAGE. */
int runargs_volume(const char *text, struct runimg_mounts *out, struct err *e);
/* type=bind|tmpfs,source=S,target=D[,readonly] of --mount. ERR_USAGE. */
int runargs_mount(const char *text, struct runimg_mounts *out, struct err *e);
/* K=V, or K with the value of the environment (nothing if there is none), over what env has. ERR_USAGE. */
int runargs_env(const char *text, struct strv *env, struct err *e);
/* Lines of a file as of --env; empty ones and those that begin with # are none. */
int runargs_env_file(const char *path, struct strv *env, struct err *e);

/* By docker's rules: entrypoint given (one word, "" none) or the image's, cmd given or the image's (which does not
 * count with a given entrypoint). ERR_INPUT if nothing is left. */
int runargs_argv(const struct imgconfig *c, const char *entrypoint, const struct strv *cmd, struct strv *argv,
		 struct err *e);
/* The image's environment, user and directory into a command that has none. */
void runargs_defaults(const struct imgconfig *c, struct runimg_cmd *cmd);

/* An image of the store, pulled if it is docker://REF, read if it is oci:DIR[:TAG], oci-archive:FILE[:TAG] or
 * docker-archive:FILE[:TAG] (store:NAME is one of the store alone); or a goal, built first ("." or what is a directory,
 * with :STAGE; a stage of the flavor here). goal_only: without a transport it is a goal. b: options of such a build,
 * whose paths and goals are set here. *state (may be NULL): "@N" is understood. */
int runargs_image(struct work *w, const char *operand, struct build_opts *b, bool goal_only, struct store_image *im,
		  struct imgconfig *config, struct err *e);
/* No more display: the terminal is the command's. */
void runargs_quiet(struct work *w);
/* As a shell has it: the command's status, 128 + signal. */
int runargs_status(const struct runimg_result *r);

#endif
