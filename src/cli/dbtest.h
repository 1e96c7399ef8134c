/* EXASLCT's contract with the test container of run-db-test: which tests there are, what they are called with, what
 * they find in their environment. Source: exasol/slc/internal/tasks/test of script-languages-container-tool and
 * lib/test_environment of integration-test-docker-environment.
 *
 * FOLDER is the test container's directory: build/Dockerfile (with build/deps), tests/ which the tests find as a copy
 * in /tests and read-only in /tests_src, test_data/ which they find read-only in /tests_data. A test file is run in
 * /tests/test by python3 with server, user, password, script languages and drivers on its command line. */
#ifndef SLCT_DBTEST_H
#define SLCT_DBTEST_H

#include "src/flavor/ftestset.h"
#include "src/util/json.h"
#include "src/util/smap.h"

#define DBTEST_BUCKETFS	     "bfsdefault"
#define DBTEST_BUCKET	     "myudfs"
#define DBTEST_BUCKETFS_USER "w"
/* Where the mappings of the test container's directory are. */
#define DBTEST_SOURCE	"/tests_src"
#define DBTEST_TESTS	"/tests"
#define DBTEST_DATA	"/tests_data"
#define DBTEST_POPULATE "enginedb_small" /* in DBTEST_DATA; its import.sql fills the database */

struct dbtest_place {
	const char *host, *user, *password, *bucketfs_password;
	unsigned port, bucketfs_port, bucketfs_https_port, ssh_port; /* ssh_port 0: none */
};

enum dbtest_kind { DBTEST_FOLDER, DBTEST_FILES, DBTEST_GENERIC };

/* One test file of the run. */
struct dbtest_item {
	enum dbtest_kind kind;
	char *file;	/* relative to tests/test */
	char *folder;	/* DBTEST_FOLDER, DBTEST_GENERIC: as it was named */
	char *language; /* NULL: none */
};
struct dbtest_items {
	struct dbtest_item *v;
	size_t n, cap;
};
void dbtest_items_release(struct dbtest_items *l);
#define AUTO_DBTEST_ITEMS AUTO(dbtest_items_release)

/* The test files that the set names, in EXASLCT's order: folders, files, generic tests; those of a folder in the order
 * of their names. tests_dir: FOLDER/tests/test on this machine. ERR_INPUT names a folder or file that is not there. */
int dbtest_find(const struct ftestset *set, const char *tests_dir, struct dbtest_items *out, struct err *e);
/* Where the results of a test go, relative to those of the release goal, as EXASLCT has them. Caller frees. */
char *dbtest_path(const struct dbtest_item *it);

struct dbtest_call {
	const struct dbtest_place *place;
	const char *languages;	 /* ALIAS=URL ALIAS=URL */
	const char *log_level;	 /* NULL: critical */
	const char *odbc_driver; /* path in the test container */
	const struct strv *restrictions;
};
/* Text for bash. Single quotes in values are escaped, which EXASLCT forgets. Caller frees. */
char *dbtest_command(const struct dbtest_call *c, const struct dbtest_item *it);
/* The command that fills the database; EXAPLUS is a variable of the test container. Caller frees. */
char *dbtest_populate(const struct dbtest_place *p);

/* --test-environment-vars: an object of texts, numbers and truth values, as K=V into env. ERR_USAGE. */
int dbtest_variables(const char *text, struct strv *env, struct err *e);
/* What EXASLCT adds to them. */
void dbtest_environment(const char *name, struct strv *env);

#endif
