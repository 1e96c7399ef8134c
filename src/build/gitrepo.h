/* Git repositories as contexts and sources, by the git program. It asks nothing, runs no hook, and gets nothing that it
 * could take for an option. */
#ifndef SLCT_GITREPO_H
#define SLCT_GITREPO_H

#include "src/dockerfile/dgit.h"
#include "src/util/err.h"

struct gitrepo {
	struct dgit at;
};

/* What dgit_is() says, and the short form where there is no directory of that name. */
bool gitrepo_is(const char *text);
/* ERR_INPUT for what git could misunderstand. */
int gitrepo_parse(const char *text, struct gitrepo *out, struct err *e);
void gitrepo_release(struct gitrepo *g);
#define AUTO_GITREPO AUTO(gitrepo_release)
/* In the scheduler, which alone runs programs: check out the one commit into `dir` (missing or empty), with submodules.
 * keep_git: .git stays. *commit (caller frees, may be NULL) is its full name. ERR_INTEGRITY: it is not the one that the
 * reference's checksum says. ERR_REGISTRY with git's own words;
 * ERR_HOST if git is not installed. */
int gitrepo_checkout(const struct gitrepo *g, const char *dir, bool keep_git, char **commit, struct err *e);
/* Replace *dir, where it was checked out, by its directory that the reference names. ERR_INPUT. */
int gitrepo_enter(const struct gitrepo *g, char **dir, struct err *e);

#endif
