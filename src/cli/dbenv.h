/* What EXASLCT tells the tests about their environment in files: environment_info.json, .conf (K=V) and .sh (export
 * K=V), at / of the test container and on the host in cache/environments/NAME of the output directory. */
#ifndef SLCT_DBENV_H
#define SLCT_DBENV_H

#include "src/cli/dbtest.h"

struct dbenv {
	const char *name; /* of the environment: FLAVOR_GOAL */
	const struct dbtest_place *place;
};

/* "environment_info.json" etc., NULL at the end. */
extern const char *const dbenv_files[];
/* Members as the classes of integration-test-docker-environment have them, since tests read them. New reference. */
struct json *dbenv_json(const struct dbenv *env);
/* Lines "PREFIX" "ITDE_KEY=value". */
void dbenv_lines(const struct dbenv *env, const char *prefix, struct buf *out);
/* Write the files into a directory that is there. */
int dbenv_write(const struct dbenv *env, const char *dir, struct err *e);

#endif
