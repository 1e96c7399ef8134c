/* Git repositories as contexts and sources, by the git program. It asks nothing, runs no hook, and gets nothing that it
 * could take for an option. */
#ifndef SLCT_GITREPO_H
#define SLCT_GITREPO_H

#include "src/util/err.h"

struct gitrepo {
	char *url;    /* without fragment */
	char *ref;    /* branch, tag, full reference or commit; NULL: the repository's HEAD */
	char *subdir; /* clean relative path; NULL: the root */
};

/* git@HOST:PATH, ssh://, git://; http://, https:// and file:// whose path ends in ".git"; each with #[REF][:SUBDIR]. */
bool gitrepo_is(const char *text);
/* ERR_INPUT for what git could misunderstand. */
int gitrepo_parse(const char *text, struct gitrepo *out, struct err *e);
void gitrepo_release(struct gitrepo *g);
#define AUTO_GITREPO AUTO(gitrepo_release)
/* In the scheduler, which alone runs programs: check out the one commit into `dir` (missing or empty), with submodules.
 * keep_git: .git stays. *commit (caller frees, may be NULL) is its full name. ERR_REGISTRY with git's own words;
 * ERR_HOST if git is not installed. */
int gitrepo_checkout(const struct gitrepo *g, const char *dir, bool keep_git, char **commit, struct err *e);

#endif
