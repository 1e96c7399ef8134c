/* Results of run-db-test: the lines that EXASLCT prints, and its result files' members as JSON. */
#ifndef SLCT_DBRESULT_H
#define SLCT_DBRESULT_H

#include "src/cli/dbtest.h"

struct dbresult_test {
	const struct dbtest_item *item;
	char *output; /* file with the test's output */
	bool ok;
};

/* The tests of one release goal of one flavor, in the order of dbtest_find. */
struct dbresult_goal {
	char *flavor_path; /* as it was given */
	char *goal;
	struct dbresult_test *v;
	size_t n, cap;
};
struct dbresult {
	struct dbresult_goal *v; /* all goals of a flavor one after the other */
	size_t n, cap;
};
void dbresult_release(struct dbresult *r);

/* Whether all tests of all goals went well; true of none. */
bool dbresult_ok(const struct dbresult *r);
/* EXASLCT's summary: a line for each flavor, goal, folder with its language, and the test files together. */
void dbresult_text(const struct dbresult *r, struct buf *out);
/* New references: {"test_results_per_flavor": …, "tests_are_ok"}, a goal's and a test's own. */
struct json *dbresult_json(const struct dbresult *r);
struct json *dbresult_goal_json(const struct dbresult_goal *g);
struct json *dbresult_test_json(const struct dbresult_test *t);

#endif
