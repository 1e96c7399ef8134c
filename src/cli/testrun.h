/* A flavor's tests at work: each is a job of runimg.h, several at the same time, its output in a log, in which known
 * secrets are masked. */
#ifndef SLCT_TESTRUN_H
#define SLCT_TESTRUN_H

#include "src/build/maskstream.h"
#include "src/flavor/flavor.h"
#include "src/run/runimg.h"

struct testrun_test {
	char *name; /* "FLAVOR/TEST" */
	struct runimg_job job;
	struct runimg_cmd *services;
	char *again; /* command line for a look at the state that the test begins with */
	char *log;   /* path; NULL: test.NAME.log in log_dir */
	char *head;  /* what the log begins with; may be NULL */
	/* set by testrun_all: */
	char *failure;	   /* why it failed; NULL: it has not */
	char *kept;	   /* name of the image of what it left (testtree_keep); NULL: none */
	int status;	   /* as a shell has it */
	bool ran, started; /* started: the command itself ran */
	int64_t begun, elapsed_ns;
	int read_fd, log_fd, write_fd;
	struct loop_src *on_output;
	struct maskstream *mask; /* NULL: there are no secrets */
	struct testrun *run;
};

struct testrun {
	struct session *s;
	struct build *b; /* of runimg_open */
	struct testrun_test **v;
	size_t n, cap;
	size_t next, busy, jobs, failed;
	char *log_dir;
	bool stream; /* to standard output, too */
	void (*done)(const struct testrun_test *t, void *arg);
	void *arg;
};

void testrun_release(struct testrun *r);
/* Run all; -1 only if they could not be run or were interrupted: ERR_CANCELLED. */
int testrun_all(struct testrun *r, struct err *e);
/* The last lines of a test's log. */
void testrun_tail(const struct testrun_test *t, struct buf *out);
/* All of them as a suite of JUnit's XML, to stand in an element testsuites; and as JSON (new reference). */
void testrun_junit(const struct testrun *r, const char *suite, struct buf *out);
struct json *testrun_json(const struct testrun *r);

#endif
