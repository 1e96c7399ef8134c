/* References to git repositories, as contexts and as sources of ADD: URL[?QUERY][#REF[:SUBDIR]].
 * Source: Docker's documentation "Git repositories" of build contexts; BuildKit 0.25's query parameters. */
#ifndef SLCT_DGIT_H
#define SLCT_DGIT_H

#include "src/util/cleanup.h"
#include "src/util/err.h"

enum dgit_switch { DGIT_UNSET, DGIT_NO, DGIT_YES };

struct dgit {
	char *remote;	/* what git is given: without query and fragment */
	char *ref;	/* branch, tag, full reference or commit; NULL: the repository's HEAD */
	char *subdir;	/* clean relative path; NULL: the root */
	char *checksum; /* beginning of the commit's name; NULL: any */
	enum dgit_switch keep_git_dir, submodules;
	bool mtime_commit;    /* mtime=commit: times are logical here, so it changes nothing */
	bool fetch_by_commit; /* the commit that checksum names is fetched, whatever ref says */
};

/* ssh://, git:// and USER@HOST:PATH; http://, https:// and file:// whose path ends in ".git". */
bool dgit_is(const char *text);
/* "github.com/OWNER/NAME", which is also the name of a directory. */
bool dgit_is_short(const char *text);
/* text for which one of these is true. ERR_INPUT: unknown or contradictory parameters. Release in any case. */
int dgit_parse(const char *text, struct dgit *out, struct err *e) ATTR_NODISCARD;
void dgit_release(struct dgit *g);
#define AUTO_DGIT AUTO(dgit_release)

#endif
