/* EXASLCT's log of a whole command: what the plain display says of a build, also written to a file. The file is
 * $EXA_BUILD_LOG, else OUTPUT/jobs/TIME_N_COMMAND/logs/main.log, else, for --use-job-specific-log-file false,
 * OUTPUT/jobs/logs/main.log, to which commands append. */
#ifndef SLCT_JOBLOG_H
#define SLCT_JOBLOG_H

#include "src/cli/exopt.h"
#include "src/session/event.h"

struct joblog {
	struct event_sink sink;	  /* passes everything on to `inner` and to the file */
	struct event_sink *inner; /* borrowed; may be NULL */
	struct event_sink *file;  /* NULL: not open */
	int fd;
	char *dir; /* of this run, OUTPUT/jobs/TIME_N_COMMAND; NULL: none was made */
};

/* specific: a file of its own for this command. ERR_HOST. Release in any case. */
int joblog_open(struct joblog *l, const struct exopt *o, const char *command, bool specific, struct err *e);
void joblog_release(struct joblog *l);

#endif
