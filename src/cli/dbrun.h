/* Commands of run-db-test in the test container: each runs in a sandbox on a copy of its image, in the host's network,
 * with the tests copied to /tests before. */
#ifndef SLCT_DBRUN_H
#define SLCT_DBRUN_H

#include "src/cli/dbresult.h"
#include "src/cli/work.h"
#include "src/run/runimg.h"

struct dbrun {
	struct work *work;
	struct build state;
	struct digest_list stack; /* of the test container */
	struct imgconfig config;
	bool has_config;
	char *tests, *data; /* FOLDER/tests, FOLDER/test_data; NULL: not there */
	char *odbc;	    /* path of the driver in the test container */
	struct buf *junit;  /* gets a suite of JUnit's XML for each environment; borrowed, NULL: not wanted */
};
void dbrun_release(struct dbrun *r);

/* Take the built image, make its layers' trees, look for the driver: ERR_INPUT if the image has none. folder: that of
 * the test container. */
int dbrun_open(struct dbrun *r, struct work *w, const struct digest *image, const char *folder, struct err *e);
/* Fill the database if the test data have an import.sql; what that says goes to the file `log`. ERR_STEP. */
int dbrun_populate(struct dbrun *r, const struct dbtest_place *p, const char *env_dir, const char *log, struct err *e);

struct dbrun_tests {
	const char *name;	    /* of the environment */
	const char *env_dir;	    /* with the files of dbenv.h, absolute */
	const char *dir;	    /* for logs and results of the tests */
	const struct strv *env;	    /* variables of the tests */
	const struct strv *visible; /* the same for the logs, without what nobody shall read */
	const struct dbtest_call *call;
	const struct dbtest_items *items;
};
/* Run the tests one after the other, since they share a database, and add what became of them. */
int dbrun_tests(struct dbrun *r, const struct dbrun_tests *t, struct dbresult_goal *out, struct err *e);
/* Wait; ERR_CANCELLED. */
int dbrun_wait(struct session *s, int64_t ns, struct err *e);

#endif
