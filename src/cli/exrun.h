/* A run of an EXASLCT command that builds: its options as a build, its logins, its files. */
#ifndef SLCT_EXRUN_H
#define SLCT_EXRUN_H

#include "src/build/build.h"
#include "src/cli/cli.h"
#include "src/cli/exopt.h"
#include "src/cli/joblog.h"
#include "src/cli/work.h"

struct exrun {
	struct cli *c;
	const struct exopt *o;
	struct build_opts b;
	struct work work;
	struct registry_login logins[2];
	char *places[2], *passwords[2]; /* what logins borrow */
	size_t nlogins;
	char *logs; /* directory of this run's logs; NULL: the store's */
	struct joblog log;
	const char *job; /* what its directory in jobs/ is called after; NULL: the command */
	/* Set by our own commands: registry options of slct, and logs in the store unless a directory is named. */
	const struct cli_net *net;
	bool own;
};

/* Fill the build's options; goals NULL: those of --goal. Nothing is asked of a registry yet. Release in any case. */
int exrun_prepare(struct exrun *r, struct cli *c, const struct exopt *o, const struct strv *goals, struct err *e);
/* Write --task-dependencies-dot-file and the lists of --log-build-context-content; open the session. */
int exrun_open(struct exrun *r, struct err *e);
int exrun_build(struct exrun *r, struct build_result *out, struct err *e);
/* Ends the display; before results are printed. */
void exrun_close(struct exrun *r);
void exrun_release(struct exrun *r);
#define AUTO_EXRUN AUTO(exrun_release)

/* Name of the repository for images: the option, or EXASLCT's default. */
const char *exrun_target(const struct exopt *o);
/* The output directory joined with a relative path, made with its parents. Caller frees. */
char *exrun_output_dir(const struct exopt *o, const char *rel, struct err *e);
/* Whether the pair was given as --x. */
static inline bool exrun_yes(enum opt_tri t)
{
	return t == OPT_YES;
}
/* Password: the option's value unless it is NULL or empty, $env, or asked for with `question`. Known to the log from
 * then on. Caller frees. */
char *exrun_password(const char *value, const char *env, const char *question, struct err *e);

#endif
