/* Test sets of a flavor's ci.json, in EXASLCT's form:
 *
 *   {"test_config": {"test_sets": [{"name": "…", "goal": "release", "files": ["a.py"], "folders": ["python3/all"],
 *                                   "generic_language_tests": ["java"]}, …]}}
 *
 * Paths are relative to the directory tests/test of the test container. */
#ifndef SLCT_FTESTSET_H
#define SLCT_FTESTSET_H

#include "src/util/err.h"
#include "src/util/vec.h"

#define FTESTSET_MAX_BYTES ((size_t)1 << 20)

struct ftestset {
	struct strv files, folders;
	struct strv generic; /* languages whose generic tests run */
};

void ftestset_release(struct ftestset *s);
#define AUTO_FTESTSET AUTO(ftestset_release)

/* Add all that the sets with this goal (in any case of letters, as EXASLCT has it) name. names: those of the sets; NULL
 * or empty: all. ERR_INPUT if ci.json is not there or wrong; a goal without a set adds nothing. */
int ftestset_read(const char *flavor_dir, const char *goal, const struct strv *names, struct ftestset *out,
		  struct err *e);
/* The goals of the sets with these names (NULL or empty: all), each once. Nothing where there is no ci.json. */
int ftestset_goals(const char *flavor_dir, const struct strv *names, struct strv *out, struct err *e);
static inline bool ftestset_is_empty(const struct ftestset *s)
{
	return !s->files.n && !s->folders.n && !s->generic.n;
}

#endif
